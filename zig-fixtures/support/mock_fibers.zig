//! Test only: the fibers of mock_runtime.zig, on ordinary stacks, who runs next, and what is printed.

const std = @import("std");
const c = std.c;
const Kind = @import("events").Kind;

const Entry = *const fn () callconv(.c) void;
const Program = extern struct { fiber_count: u64, fibers: [*]const Entry };
const Unit = extern struct { program_count: u64, programs: [*]const Program };
pub extern const hs_unit: Unit;

const Context = extern struct {
    flags: c_ulong = 0,
    link: ?*Context = null,
    stack_address: ?*anyopaque = null,
    stack_flags: c_int = 0,
    stack_bytes: usize = 0,
    rest: [960]u8 align(16) = undefined,
};
extern "c" fn getcontext(context: *Context) c_int;
extern "c" fn setcontext(context: *const Context) c_int;
extern "c" fn swapcontext(old: *Context, new: *const Context) c_int;
extern "c" fn makecontext(context: *Context, f: Entry, argc: c_int, ...) void;

pub const stack_bytes = 512 << 20;
const fibers_max = 8;
const held_max = 4096;
pub const none = std.math.maxInt(u32);

const Held = struct { serial: u64, mutex: u32 };

/// The running fiber is `ready` too.
const State = enum { not_started, ready, waiting, ended };

pub const Fiber = struct {
    context: Context = .{},
    state: State = .not_started,
    outcome: u8 = 0,
    failed: bool = false,
    /// Frame of `fiberMain`.
    bottom: usize = 0,
    deadlocked: bool = false,
    persistent: bool = false,
    pending: u32 = 0,
    fuel: u32 = 0,
    serial: u64 = 0,
    held: [held_max]Held = undefined,
    held_count: usize = 0,
    /// What a waiting fiber waits for; none or one of the two.
    awaited_mutex: u32 = none,
    awaited_fiber: u32 = none,
};

pub const Run = struct {
    program: u32,
    start_mask: u32,
    launch_mask: u32,
    seed: u64,
    fault: u32,
    fault_entry: u64,
    fault_error: u32,
    persistent: bool,
};

/// First in, first out.
pub const Queue = struct {
    items: [fibers_max]u32 = undefined,
    count: usize = 0,

    pub fn append(queue: *Queue, fiber: u32) void {
        queue.items[queue.count] = fiber;
        queue.count += 1;
    }

    pub fn removeAt(queue: *Queue, index: usize) u32 {
        const fiber = queue.items[index];
        for (index + 1..queue.count) |i| queue.items[i - 1] = queue.items[i];
        queue.count -= 1;
        return fiber;
    }

    pub fn remove(queue: *Queue, fiber: u32) void {
        for (queue.items[0..queue.count], 0..) |item, index| {
            if (item != fiber) continue;
            _ = queue.removeAt(index);
            return;
        }
    }
};

pub const Mutex = struct { owner: u32 = none, waiters: Queue = .{} };

pub var run: Run = undefined;
pub var fibers: [fibers_max]Fiber = undefined;
pub var stacks: [fibers_max]*anyopaque = undefined;
pub var mutexes: [fibers_max]Mutex = undefined;
pub var joiners: [fibers_max]Queue = undefined;
pub var ready: Queue = .{};
pub var random_state: u64 = 0;
pub var entries: u64 = 0;
pub var current: u32 = 0;
var main_context: Context = .{};

var output: [1 << 16]u8 = undefined;
var output_bytes: usize = 0;

pub fn flush() void {
    var from: usize = 0;
    while (from < output_bytes) {
        const written = c.write(1, output[from..].ptr, output_bytes - from);
        if (written <= 0) c.exit(3);
        from += @intCast(written);
    }
    output_bytes = 0;
}

pub fn print(comptime format: []const u8, arguments: anytype) void {
    if (output.len - output_bytes < 256) flush();
    const text = std.fmt.bufPrint(output[output_bytes..], format, arguments) catch c.exit(4);
    output_bytes += text.len;
}

pub fn event(kind: Kind, a: u32, b: u64) void {
    print("{d} {d} {d} {d}\n", .{ current, @intFromEnum(kind), a, b });
}

// ── Scheduling ──────────────────────────────────────────────────────────────────────────────────────────────────

pub fn makeReady(fiber: u32) void {
    fibers[fiber].state = .ready;
    ready.append(fiber);
}

fn next() u32 {
    if (run.seed == 0) return ready.removeAt(0);
    random_state +%= 0x9E3779B97F4A7C15;
    var z = random_state;
    z = (z ^ z >> 30) *% 0xBF58476D1CE4E5B9;
    z = (z ^ z >> 27) *% 0x94D049BB133111EB;
    return ready.removeAt((z ^ z >> 31) % ready.count);
}

/// Back to the scheduler; returns when the fiber is chosen again.
pub fn suspendCurrent() void {
    const fiber = current;
    _ = swapcontext(&fibers[fiber].context, &main_context);
}

fn breakDeadlock() bool {
    for (&fibers, 0..) |*fiber, index| {
        if (fiber.state != .waiting) continue;
        const number: u32 = @intCast(index);
        if (fiber.awaited_mutex != none) mutexes[fiber.awaited_mutex].waiters.remove(number);
        if (fiber.awaited_fiber != none) joiners[fiber.awaited_fiber].remove(number);
        fiber.deadlocked = true;
        makeReady(number);
        return true;
    }
    return false;
}

pub fn schedule() void {
    while (true) {
        if (ready.count == 0 and !breakDeadlock()) return;
        current = next();
        _ = swapcontext(&main_context, &fibers[current].context);
    }
}

fn fiberMain() callconv(.c) void {
    fibers[current].bottom = @frameAddress();
    hs_unit.programs[run.program].fibers[current]();
    end(if (fibers[current].failed) 2 else 1);
}

pub fn end(outcome: u8) noreturn {
    const fiber = &fibers[current];
    fiber.outcome = outcome;
    fiber.state = .ended;
    event(.fiber_end, outcome, 0);
    while (joiners[current].count > 0) makeReady(joiners[current].removeAt(0));
    _ = setcontext(&main_context);
    unreachable;
}

pub fn start(index: u32) void {
    const context = &fibers[index].context;
    _ = getcontext(context);
    context.stack_address = stacks[index];
    context.stack_bytes = stack_bytes;
    context.link = null;
    makecontext(context, fiberMain, 0);
    makeReady(index);
}

pub fn mayStart(index: u32) bool {
    return run.launch_mask >> @intCast(index) & 1 == 1;
}
