//! Fibers on split stacks: what a program imports. The rest of the runtime is in objects of its own (build.zig), called by name.

const std = @import("std");
const abi = @import("abi");
const records = @import("fiber");
const printing = @import("printing.zig");

pub const Options = records.Options;
pub const Held = records.Held;
pub const Report = records.Report;
pub const TraceLines = printing.Lines;
pub const writeTrace = printing.writeTrace;

/// What a checkpoint may return.
pub const Fault = error{ StackOverflow, OutOfStackSegments, Canceled };

extern fn hs_thread_enter() callconv(.c) u64;
extern fn hs_thread_leave() callconv(.c) void;
extern fn hs_fiber_create(*const Options, records.Entry, [*]const u8, u64) callconv(.c) ?*records.Fiber;
extern fn hs_fiber_destroy(*records.Fiber) callconv(.c) void;
extern fn hs_fiber_resume(*records.Fiber) callconv(.c) u64;
extern fn hs_fiber_yield() callconv(.c) void;
extern fn hs_fiber_trim(*records.Fiber) callconv(.c) void;
extern fn hs_fiber_deliver() callconv(.c) u32;
extern fn hs_fiber_failed(u32, [*]const usize, u64, u64) callconv(.c) void;
extern fn hs_fiber_panic([*]const u8, u64) callconv(.c) noreturn;
extern fn hs_fiber_trace(*Report) callconv(.c) void;
extern fn hs_pending() callconv(.c) u64;
extern fn hs_current() callconv(.c) ?*records.Fiber;
extern fn hs_system_call(*const fn (?*anyopaque) callconv(.c) void, ?*anyopaque) callconv(.c) void;
extern fn hs_signal_set(u32, *const fn (u32, *const anyopaque, ?*anyopaque) callconv(.c) void) callconv(.c) u32;
extern fn hs_headroom_call(*const fn (?*anyopaque) callconv(.c) void, ?*anyopaque, u64) callconv(.c) void;
extern fn hs_fiber_realign() callconv(.c) u64;
extern fn hs_pool_trim() callconv(.c) void;
extern fn hs_map_failure() callconv(.c) *const abi.MapFailure;

/// Per OS thread, before it resumes fibers and after the last.
pub const Thread = struct {
    pub fn enter() error{OutOfMemory}!void {
        if (hs_thread_enter() == 0) return error.OutOfMemory;
    }
    pub const leave = hs_thread_leave;
    /// The pages of segments kept for the next fiber go back to the system.
    pub const trim = hs_pool_trim;
    /// Why this thread was last refused memory (error.OutOfStackSegments, error.OutOfMemory), and how to mend it: one line, without its end.
    pub fn writeRefusal(writer: *std.Io.Writer) std.Io.Writer.Error!void {
        return printing.writeRefusal(hs_map_failure(), writer);
    }
};

pub const Outcome = union(enum) {
    unfinished,
    completed,
    failed: anyerror,
    panicked,
    trapped: u32,
    segfaulted: usize,
    overflowed,
    misused,
    /// By an exception of another language that nothing in the fiber catches.
    uncaught,
};

pub const Fiber = struct {
    record: *records.Fiber,

    /// A fiber that will run `function` with `arguments` (copied; at most what a first segment has room for). Its memory is given
    /// back by `deinit`.
    pub fn init(options: Options, comptime function: anytype, arguments: std.meta.ArgsTuple(@TypeOf(function))) error{OutOfStackSegments}!Fiber {
        const Arguments = @TypeOf(arguments);
        const Start = struct {
            var bound: records.Bound = .{ .entry = entry };

            fn entry(context: ?*anyopaque) callconv(.c) void {
                const own: *align(1) const Arguments = @ptrCast(context.?);
                const Result = @typeInfo(@TypeOf(function)).@"fn".return_type.?;
                const result = @call(.auto, function, own.*);
                if (@typeInfo(Result) == .error_union) {
                    if (result) |_| {} else |err| failed(err, @errorReturnTrace());
                }
            }
        };
        var own = options;
        // Written into the finished program: not known when this is compiled.
        if (options.upfront and options.upfront_bytes == 0) own.upfront_bytes = @as(*volatile u64, &Start.bound.bytes).*;
        const record = hs_fiber_create(&own, Start.entry, @ptrCast(&arguments), @sizeOf(Arguments)) orelse return error.OutOfStackSegments;
        return .{ .record = record };
    }

    pub fn deinit(fiber: Fiber) void {
        hs_fiber_destroy(fiber.record);
    }

    pub const Step = enum { yielded, ended };

    /// Runs it until it yields or ends. Not from inside a fiber, not while it runs elsewhere, not after its end.
    pub fn @"resume"(fiber: Fiber) error{NotResumable}!Step {
        return switch (hs_fiber_resume(fiber.record)) {
            0 => .yielded,
            1 => .ended,
            else => error.NotResumable,
        };
    }

    /// Its next checkpoint returns error.Canceled. From any thread.
    pub fn cancel(fiber: Fiber) void {
        @atomicStore(u32, &fiber.record.stack.canceled, 1, .release);
    }

    /// Gives back what a fiber that is not running has of memory it does not stand on.
    pub fn trim(fiber: Fiber) void {
        hs_fiber_trim(fiber.record);
    }

    pub fn outcome(fiber: Fiber) Outcome {
        const record = fiber.record;
        return switch (record.ending) {
            .completed => .completed,
            .failed => .{ .failed = @errorFromInt(@as(std.meta.Int(.unsigned, @bitSizeOf(anyerror)), @intCast(record.error_code))) },
            .panicked => .panicked,
            .trapped => .{ .trapped = record.signal },
            .segfaulted => .{ .segfaulted = record.fault_address },
            .overflowed => .overflowed,
            .misused => .misused,
            .uncaught => .uncaught,
            else => .unfinished,
        };
    }

    /// Stack that it was given up front; 0: it splits.
    pub fn upfrontBytes(fiber: Fiber) u64 {
        return fiber.record.upfront_bytes;
    }

    /// Of one that ended badly: message and trace (of a failed one its error return trace, where Zig keeps one); valid until `deinit`.
    pub fn report(fiber: Fiber) ?*const Report {
        return fiber.record.report;
    }
};

/// Tells the runtime that the entry returns `err`.
fn failed(err: anyerror, error_trace: ?*std.builtin.StackTrace) void {
    const none: std.builtin.StackTrace = .{ .index = 0, .instruction_addresses = &.{} };
    const from = error_trace orelse &none;
    const kept = @min(from.index, from.instruction_addresses.len);
    hs_fiber_failed(@intFromError(err), from.instruction_addresses.ptr, kept, from.index);
}

/// Runs fibers in turn until all have ended. An empty one is `.{}`; for fibers of one thread.
pub const RoundRobin = struct {
    first: ?*records.Fiber = null,
    last: ?*records.Fiber = null,

    /// At the end of the round; also while `run` runs, from a fiber. In one queue at a time.
    pub fn add(queue: *RoundRobin, fiber: Fiber) void {
        fiber.record.next = null;
        if (queue.last) |last| last.next = fiber.record else queue.first = fiber.record;
        queue.last = fiber.record;
    }

    /// An error leaves the others in the queue and takes the fiber that cannot be resumed out of it.
    pub fn run(queue: *RoundRobin) error{NotResumable}!void {
        while (queue.first) |record| {
            queue.first = record.next;
            if (queue.first == null) queue.last = null;
            const fiber: Fiber = .{ .record = record };
            if (try fiber.@"resume"() == .yielded) queue.add(fiber);
        }
    }
};
/// The running fiber's record; null outside fibers.
pub const current = hs_current;

/// Back to whoever resumed this fiber.
pub const yield = hs_fiber_yield;

/// The first statement of every fallible function: where overflow, refused memory and cancellation arrive.
pub inline fn checkpoint() Fault!void {
    if (hs_pending() != 0) return delivered();
}

/// Only when something is pending: never without an error.
noinline fn delivered() Fault {
    return switch (hs_fiber_deliver()) {
        abi.error_stack_overflow => error.StackOverflow,
        abi.error_out_of_segments => error.OutOfStackSegments,
        abi.error_canceled => error.Canceled,
        else => unreachable,
    };
}

/// Enters `held` in the running fiber's ledger; outside a fiber it does nothing.
pub fn hold(held: *Held, give_back: *const fn (*Held) callconv(.c) void) void {
    held.* = .{ .release = give_back };
    const fiber = hs_current() orelse return;
    held.previous = fiber.held;
    if (fiber.held) |last| last.next = held;
    fiber.held = held;
    fiber.held_count += 1;
}

/// Takes `held` out of the ledger, without releasing what it stands for.
pub fn drop(held: *Held) void {
    const fiber = hs_current() orelse return;
    if (held.next) |next| next.previous = held.previous else if (fiber.held == held) fiber.held = held.previous else return;
    if (held.previous) |previous| previous.next = held.next;
    fiber.held_count -= 1;
}

/// Takes `held` out of the ledger and releases what it stands for.
pub fn release(held: *Held) void {
    drop(held);
    if (held.release) |f| f(held);
}

/// Calls `function` on the thread's system stack and gives its result: for foreign code of unknown need. It may call back split code, which then
/// runs there too, without growing; nothing under it may yield. A variadic function takes its further arguments as in any call.
pub fn onSystemStack(function: anytype, arguments: anytype) ResultOf(@TypeOf(function)) {
    const Call = ForeignCall(@TypeOf(function), @TypeOf(arguments));
    var call: Call = .{ .function = function, .arguments = arguments };
    hs_system_call(Call.run, &call);
    return call.returned();
}

/// The most that `withHeadroom` can be asked for: what is set aside for refused memory holds it, so the refusal is an error at the next
/// checkpoint. What needs more belongs on the system stack.
pub const headroom_bytes_max = 96 << 10;

/// Calls `function` where there are at least `bytes` of stack for it, on the fiber's own stack or a further segment of it: for foreign code
/// whose need has a bound. What it calls back may split and yield. Outside fibers it is a plain call.
pub fn withHeadroom(comptime bytes: u32, function: anytype, arguments: anytype) ResultOf(@TypeOf(function)) {
    if (bytes > headroom_bytes_max) @compileError("more headroom than headroom_bytes_max; call it through onSystemStack");
    const Call = ForeignCall(@TypeOf(function), @TypeOf(arguments));
    var call: Call = .{ .function = function, .arguments = arguments };
    hs_headroom_call(Call.run, &call, bytes + @sizeOf(Call) + call_frames_bytes);
    return call.returned();
}

/// Frames between hs_headroom_call and the foreign function, beyond its arguments.
const call_frames_bytes = 1024;

/// A call in one piece, which goes through a pointer.
fn ForeignCall(comptime Function: type, comptime Arguments: type) type {
    return struct {
        function: if (@typeInfo(Function) == .@"fn") *const Function else Function,
        arguments: Arguments,
        result: if (Result == noreturn) void else Result = undefined,

        const Result = ResultOf(Function);

        fn run(context: ?*anyopaque) callconv(.c) void {
            const call: *@This() = @ptrCast(@alignCast(context.?));
            call.result = @call(.auto, call.function, call.arguments);
        }

        fn returned(call: *const @This()) Result {
            return if (Result == noreturn) unreachable else call.result;
        }
    };
}

fn ResultOf(comptime Function: type) type {
    return switch (@typeInfo(Function)) {
        .@"fn" => |function| function.return_type.?,
        .pointer => |pointer| ResultOf(pointer.child),
        else => @compileError("a function or a pointer to one, not " ++ @typeName(Function)),
    };
}

/// After frames were left in a way that the runtime does not see: a longjmp that is not jump.S's (another libc, a jump of one's own).
/// For whoever lands, before it calls split code; C code calls `hs_fiber_realign` itself. False: this is not on a fiber's segment, and
/// nothing was done.
pub inline fn realign() bool {
    return hs_fiber_realign() != 0;
}

/// A signal handler that may be split code; it runs on the thread's signal stack.
pub fn onSignal(signal: u32, handler: *const fn (u32, *const anyopaque, ?*anyopaque) callconv(.c) void) error{SignalRefused}!void {
    if (hs_signal_set(signal, handler) != 0) return error.SignalRefused;
}

/// The trace of the running code.
pub const trace = hs_fiber_trace;

/// The root says `pub const panic = splitstack.panic;`: a panic ends its fiber.
pub const panic = std.debug.FullPanic(panicked);

fn panicked(message: []const u8, _: ?usize) noreturn {
    hs_fiber_panic(message.ptr, message.len);
}
