//! The product's host: fibers, their ends, faults. Runs on the system stack, behind the gates of fiber.S; never on a fiber's.

const std = @import("std");
const linux = std.os.linux;
const abi = @import("abi");
const records = @import("fiber");
const trace = @import("trace.zig");
const faults = @import("faults.zig");
const foreign = @import("foreign.zig");

const Fiber = records.Fiber;

pub export threadlocal var hs_thread: abi.Thread = .{};
pub const panic = std.debug.no_panic;

extern fn hs_to_scheduler(value: u64) callconv(.c) noreturn;
extern fn hs_fiber_start() callconv(.c) void;
extern fn hs_attempt(f: *const fn (*Fiber) callconv(.c) void, fiber: *Fiber) callconv(.c) u64;
extern fn hs_attempt_failed() callconv(.c) noreturn;
extern fn hs_slot_take(class: u64, guard: u64, kind: *u64) callconv(.c) u64;
extern fn hs_slot_give(class: u64, low: u64, kind: u64) callconv(.c) void;
extern fn hs_pool_enter() callconv(.c) u64;
extern fn hs_pool_leave() callconv(.c) void;
extern fn hs_stack_adopt(stack: *abi.Stack, range: *const Range, usable: u64) callconv(.c) u64;
extern fn hs_stack_close(stack: *abi.Stack) callconv(.c) u64;
extern fn hs_stack_trim(stack: *abi.Stack) callconv(.c) void;

const Range = extern struct { low: u64, high: u64, limit: u64, origin: u64, origin_kind: u64 };

const page_bytes = 4096;
const back_ended = 1;
/// Of the smallest first segment.
const least_usable_bytes = 1024 - @sizeOf(abi.Segment) - 64;
/// From the top of a first segment to the entry's return address (hs_fiber_start), and a word, because checks want the limit to lie below.
const start_bytes = 40 + 8;

comptime {
    _ = faults;
    _ = foreign;
}

/// The running fiber, or the record of the signal handler that runs (faults.zig).
fn current() ?*Fiber {
    const stack = hs_thread.stack orelse return null;
    return @fieldParentPtr("stack", stack);
}

/// Null also in a signal handler: what it interrupted may be our own code, so no fiber can be ended from there.
pub fn running() ?*Fiber {
    const fiber = current() orelse return null;
    return if (fiber.stack.fixed != 0) null else fiber;
}

/// Threads that have entered and not left: with one, a fiber is claimed without a lock (fiber.S).
export var hs_threads: u32 = 0;
threadlocal var entered = false;

export fn hs_thread_enter() callconv(.c) u64 {
    abi.setLimit(0); // a thread made in another's place may have that one's
    hs_thread.system_rsp = 0;
    if (!entered) _ = @atomicRmw(u32, &hs_threads, .Add, 1, .acq_rel);
    entered = true;
    if (hs_pool_enter() == 0) return 0;
    exit_key.remember();
    return @intFromBool(faults.enter());
}

/// The last refusal of memory on this thread. A leaf: fits below any limit.
export fn hs_map_failure() callconv(.c) *const abi.MapFailure {
    return &hs_thread.map_failure;
}

export fn hs_thread_leave() callconv(.c) void {
    hs_pool_leave();
    faults.leave();
    exit_key.forget();
    if (entered) _ = @atomicRmw(u32, &hs_threads, .Sub, 1, .acq_rel);
    entered = false;
}

/// A thread that ends without leaving gives back what it has all the same, where there is a libc to tell us of its end.
const exit_key = struct {
    const Key = c_uint;
    const create = @extern(?*const fn (*Key, *const fn (?*anyopaque) callconv(.c) void) callconv(.c) c_int, .{ .name = "pthread_key_create", .linkage = .weak });
    const set = @extern(?*const fn (Key, ?*const anyopaque) callconv(.c) c_int, .{ .name = "pthread_setspecific", .linkage = .weak });
    var key: Key = 0;
    /// 0: none yet, 1: being made, 2: there.
    var state: u32 = 0;

    fn remember() void {
        const make = create orelse return;
        if (@cmpxchgStrong(u32, &state, 0, 1, .acq_rel, .acquire) == null) {
            @atomicStore(u32, &state, if (make(&key, ended) == 0) 2 else 0, .release);
        }
        while (@atomicLoad(u32, &state, .acquire) == 1) std.atomic.spinLoopHint();
        if (@atomicLoad(u32, &state, .acquire) == 2) _ = set.?(key, &key);
    }

    fn forget() void {
        if (@atomicLoad(u32, &state, .acquire) == 2) _ = set.?(key, null);
    }

    fn ended(_: ?*anyopaque) callconv(.c) void {
        hs_thread_leave();
    }
};

export fn hs_rt_fiber_create(
    options: *const records.Options,
    entry: records.Entry,
    closure: [*]const u8,
    closure_bytes: u64,
) callconv(.c) ?*Fiber {
    var class: u64 = abi.class_min;
    while (class < abi.class_max and @as(u64, 1) << @intCast(class) < options.first_bytes) class += 1;
    const guard_bytes: u64 = if (options.guard_pages) page_bytes else 0;
    const apart = @sizeOf(Fiber) + closure_bytes + 64 + @sizeOf(abi.Segment) + guard_bytes + abi.slack_bytes + abi.canary_bytes;
    const upfront = if (options.upfront_bytes < (1 << abi.class_max) - apart - start_bytes) options.upfront_bytes else 0;
    const needed: u64 = if (upfront > 0) upfront + start_bytes else 0;
    const least = apart + @max(needed, least_usable_bytes);
    while (class < abi.class_max and @as(u64, 1) << @intCast(class) < least) class += 1;
    var kind: u64 = 0;
    const low = hs_slot_take(class, @intFromBool(options.guard_pages), &kind);
    if (low == 0) return null;
    const high = low + (@as(u64, 1) << @intCast(class));
    const fiber: *Fiber = @ptrFromInt(high - @sizeOf(Fiber));
    fiber.* = .{ .class = @intCast(class), .slot_low = low, .slot_kind = kind, .upfront_bytes = upfront };
    fiber.stack.budget_bytes = options.budget_bytes;
    fiber.stack.reserve_bytes = options.reserve_bytes;
    fiber.stack.fail_allocation = options.fail_allocation;
    fiber.stack.guard = @intFromBool(options.guard_pages);
    var cap: u8 = abi.class_min;
    while (cap < abi.class_max and @as(u64, 1) << @intCast(cap) < options.growth_bytes_max) cap += 1;
    fiber.stack.growth_class_max = cap;

    const closure_at = (@intFromPtr(fiber) - closure_bytes) & ~@as(u64, 63);
    if (closure_bytes > 0) @memcpy(@as([*]u8, @ptrFromInt(closure_at)), closure[0..closure_bytes]);
    var limit = low + guard_bytes + abi.canary_bytes + abi.slack_bytes;
    // The smallest fiber stays on one page for as long as it calls checked code only: what is deeper goes to segments that leave when
    // it yields, what lies below the limit is there for unchecked code.
    const usable_top = closure_at - @sizeOf(abi.Segment);
    if (class == abi.class_min) limit = @max(limit, @min(high - page_bytes + abi.unchecked_bytes, usable_top - needed));
    const range: Range = .{ .low = low, .high = closure_at, .limit = limit, .origin = class, .origin_kind = kind & 0xff };
    const top = hs_stack_adopt(&fiber.stack, &range, usable_top - limit);
    fiber.stack.rsp = abi.prepareContext(top, entry, closure_at, &hs_fiber_start);
    return fiber;
}

/// Gives back the fiber's memory. One that has not ended is ended first: what it holds is released, its defers do not run.
export fn hs_rt_fiber_destroy(fiber: *Fiber) callconv(.c) void {
    if (fiber.state == @intFromEnum(records.State.ready)) {
        // Whoever destroys it may be a fiber, and goes on under its own limit.
        const limit = abi.getLimit();
        const system_rsp = hs_thread.system_rsp;
        releaseHeld(fiber);
        abi.setLimit(limit);
        hs_thread.system_rsp = system_rsp;
        _ = hs_stack_close(&fiber.stack);
    }
    hs_slot_give(fiber.class, fiber.slot_low, fiber.slot_kind);
}

export fn hs_rt_exchange_exceptions(fiber: *Fiber) callconv(.c) void {
    foreign.exchangeExceptions(fiber);
}

/// The fiber has yielded; nobody else can resume it yet. What it grew is the thread's again, for the next fiber.
export fn hs_rt_idle(fiber: *Fiber) callconv(.c) void {
    foreign.exchangeExceptions(fiber);
    hs_stack_trim(&fiber.stack);
}

/// Besides the cached segments, the pages of its current one that lie below where it stopped.
export fn hs_rt_fiber_trim(fiber: *Fiber) callconv(.c) void {
    if (@atomicLoad(u32, &fiber.state, .acquire) != @intFromEnum(records.State.ready)) return;
    hs_stack_trim(&fiber.stack);
    const segment = fiber.stack.segment.?;
    const guard_bytes: u64 = if (fiber.stack.guard != 0) page_bytes else 0;
    const low = segment.low + guard_bytes;
    const high = (fiber.stack.rsp - 128) & ~@as(u64, page_bytes - 1);
    if (high > low) _ = linux.madvise(@ptrFromInt(low), high - low, linux.MADV.DONTNEED);
}

/// What a checkpoint returns: a code of abi.zig, or 0. The stack's own report first; a cancellation waits for the next one.
export fn hs_rt_fiber_deliver() callconv(.c) u32 {
    const fiber = current() orelse return 0;
    const report = fiber.stack.takeReport();
    if (report != 0) return report;
    return if (@atomicRmw(u32, &fiber.stack.canceled, .Xchg, 0, .acquire) != 0) abi.error_canceled else 0;
}

export fn hs_rt_fiber_trace(into: *records.Report, registers: *const abi.Registers) callconv(.c) void {
    trace.capture(current(), registers.rip, registers.rbp, registers.rsp, into);
}

// ── Ends ────────────────────────────────────────────────────────────────────────────────────────────────────────

/// The entry returned. `wrong` has a bit per callee-saved register or control word that changed.
export fn hs_rt_fiber_returned(wrong: u32) callconv(.c) noreturn {
    const fiber = running().?;
    if (fiber.ending == .none) fiber.ending = .completed;
    if (wrong != 0) fiber.second_faults += 1;
    releaseHeld(fiber);
    if (fiber.ending == .failed) keepReport(fiber);
    finish(fiber);
}

threadlocal var pending_report: records.Report = undefined;

/// The entry is about to return an error. `addresses`: Zig's error return trace, oldest first, of which `total` were recorded and the
/// first `kept` are there; copied now, because it lies on the fiber's stack.
export fn hs_rt_fiber_failed(code: u32, addresses: [*]const u64, kept: u64, total: u64) callconv(.c) void {
    const fiber = running().?;
    fiber.ending = .failed;
    fiber.error_code = code;
    pending_report.count = @min(kept, pending_report.addresses.len);
    pending_report.dropped = total - pending_report.count;
    @memcpy(pending_report.addresses[0..pending_report.count], addresses[0..pending_report.count]);
    pending_report.message_length = 0;
}

export fn hs_rt_fiber_panic(message: [*]const u8, length: u64, registers: *const abi.Registers) callconv(.c) noreturn {
    if (hs_thread.attempt_rsp != 0) hs_attempt_failed();
    const fiber = running() orelse stop(&.{ "panic ", outside(), ": ", message[0..length] });
    trace.capture(fiber, registers.rip, registers.rbp, registers.rsp, &pending_report);
    abandon(fiber, .panicked, message[0..length]);
}

/// growth.zig: neither budget nor reserve nor emergency has room. The function that asked never began: the trace starts at its caller.
export fn hs_reserve_exhausted(cfa: u64, _: u64) callconv(.c) noreturn {
    const fiber = running() orelse stop(&.{
        "stack overflow in a signal handler: give the thread a larger signal stack (sigaltstack), or end the handler at the error ",
        "that its checkpoint returned",
    });
    const stub_frame: *const [2]u64 = @ptrFromInt(cfa - 16);
    trace.capture(fiber, stub_frame[1], stub_frame[0], cfa, &pending_report);
    abandon(fiber, .overflowed, "stack overflow: the reserve is used up");
}

export fn hs_rt_misused() callconv(.c) noreturn {
    misuse("yield on the system stack");
}

export fn hs_rt_exited() callconv(.c) noreturn {
    misuse("pthread_exit in a fiber");
}

pub fn misuse(comptime what: []const u8) noreturn {
    if (hs_thread.attempt_rsp != 0) hs_attempt_failed();
    const fiber = running() orelse stop(&.{ what, ", ", outside() });
    abandonUntraced(fiber, .misused, what);
}

pub fn uncaught() noreturn {
    const fiber = running() orelse stop(&.{ "an exception that nobody catches, ", outside() });
    abandonUntraced(fiber, .uncaught, "an exception that nobody catches");
}

fn abandonUntraced(fiber: *Fiber, ending: records.Ending, message: []const u8) noreturn {
    pending_report.count = 0;
    pending_report.dropped = 0;
    abandon(fiber, ending, message);
}

/// The signal handler has captured the trace and sent the thread here, on the system stack.
export fn hs_rt_faulted() callconv(.c) noreturn {
    const fiber = running().?;
    const ending = faults.ending(fiber);
    abandon(fiber, ending, if (ending == .overflowed) "stack overflow: a guard page was hit" else faults.name(fiber.signal));
}

fn outside() []const u8 {
    return if (hs_thread.stack == null) "outside any fiber" else "in a signal handler";
}

/// The end of the process, in one line.
fn stop(parts: []const []const u8) noreturn {
    const name = "splitstack: ";
    _ = linux.write(2, name.ptr, name.len);
    for (parts) |part| _ = linux.write(2, part.ptr, part.len);
    _ = linux.write(2, "\n", 1);
    linux.exit_group(134);
}

pub fn pendingReport() *records.Report {
    return &pending_report;
}

/// No defer runs; the ledger gives everything back, last first.
fn abandon(fiber: *Fiber, ending: records.Ending, message: []const u8) noreturn {
    fiber.ending = ending;
    const kept = @min(message.len, pending_report.message.len);
    @memcpy(pending_report.message[0..kept], message[0..kept]);
    pending_report.message_length = kept;
    releaseHeld(fiber);
    keepReport(fiber);
    finish(fiber);
}

/// The fiber's own stack is dead now: the report goes to the top of it.
fn keepReport(fiber: *Fiber) void {
    var first = fiber.stack.segment.?;
    while (first.parent) |parent| first = parent;
    const place: *records.Report = @ptrFromInt((@intFromPtr(first) - @sizeOf(records.Report)) & ~@as(u64, 15));
    place.* = pending_report;
    fiber.report = place;
}

/// What it held has been released: since then no limit is in force.
fn finish(fiber: *Fiber) noreturn {
    _ = hs_stack_close(&fiber.stack);
    hs_thread.stack = null;
    foreign.exchangeExceptions(fiber);
    @atomicStore(u32, &fiber.state, @intFromEnum(records.State.ended), .release);
    hs_to_scheduler(back_ended);
}

/// Each callback in an attempt of its own: one that fails in turn costs what it stands for, and nothing else.
fn releaseHeld(fiber: *Fiber) void {
    abi.setLimit(0);
    hs_thread.system_rsp = 0;
    while (fiber.held != null and fiber.held_count > 0) {
        const before = fiber.held_count;
        if (hs_attempt(releaseLast, fiber) != 0) fiber.second_faults += 1;
        if (fiber.held_count == before) {
            // The entry itself cannot be read: nor can those behind it be found.
            fiber.second_faults += @intCast(@min(before, 1 << 20));
            break;
        }
    }
    fiber.held = null;
    fiber.held_count = 0;
}

fn releaseLast(fiber: *Fiber) callconv(.c) void {
    const held = fiber.held.?;
    const previous = held.previous;
    const f = held.release;
    fiber.held = previous;
    fiber.held_count -= 1;
    if (previous) |p| p.next = null;
    if (f) |release| release(held);
}
