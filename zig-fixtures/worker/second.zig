//! A second OS thread that resumes fibers in turns with the first, by strict hand-over: what happens is in the same order as on one thread, so
//! digests are the same. Limit, system stack and signal stack are the other's each time a fiber comes back.

const std = @import("std");
const linux = std.os.linux;
const abi = @import("abi.zig");
const defects = @import("defects");
const state = @import("state.zig");
const output = @import("output.zig");
const scheduler = @import("scheduler.zig");
const services = @import("services.zig");
const storm = @import("storm.zig");
const plan = @import("plan.zig");

extern "c" fn sched_getcpu() c_int;

/// Observers walk stacks with std.debug, which wants a few hundred KiB.
const stack_bytes = 8 << 20;

/// Fibers that it resumed.
pub var resumed: u64 = 0;

const Turn = enum(u32) { first = 0, second = 1 };
var turn: std.atomic.Value(u32) = .init(@intFromEnum(Turn.second));
var started: bool = false;
/// Its thread id, and the processor that it is bound to.
var other: linux.pid_t = 0;
var others: ?u32 = null;
/// So is the first thread.
var bound: bool = false;
/// Processors of the first thread when it is not bound.
var allowed: linux.cpu_set_t = undefined;
var fiber: *state.Fiber = undefined;
var back: u64 = 0;
/// The execution's plan travels with the turn.
var execution_plan: abi.Plan = undefined;
var warm_splits: u64 = 0;
var signal_stack: [64 << 10]u8 align(16) = undefined;

/// Both threads on the processor that this one is on, until `apart`: turns are strict, so a second processor would only have to be woken for
/// each, which costs several times a switch. Where the system refuses, it costs that.
pub fn together() void {
    if (!started) start();
    if (bound) return;
    const processor: u32 = @intCast(@max(sched_getcpu(), 0));
    var only: linux.cpu_set_t = @splat(0);
    only[processor / @bitSizeOf(usize)] = @as(usize, 1) << @intCast(processor % @bitSizeOf(usize));
    if (linux.errno(linux.sched_getaffinity(0, @sizeOf(linux.cpu_set_t), &allowed)) != .SUCCESS) return;
    if (others != processor) linux.sched_setaffinity(other, &only) catch return;
    others = processor;
    linux.sched_setaffinity(0, &only) catch return;
    bound = true;
}

/// Between programs: the system may move the first thread again. Three system calls for each row with two threads were a hundredth of a worker's time.
pub fn apart() void {
    if (!bound) return;
    bound = false;
    linux.sched_setaffinity(0, &allowed) catch {};
}

/// As scheduler.enter, over there. The caller waits.
pub fn enter(which: *state.Fiber) u64 {
    fiber = which;
    resumed += 1;
    const own = &services.hs_thread;
    execution_plan = own.plan;
    warm_splits = own.core.warm_splits;
    if (disturbed()) storm.pause();
    hand(.second);
    await(.first);
    if (disturbed()) storm.proceed();
    own.plan = execution_plan;
    own.core.warm_splits = warm_splits;
    return back;
}

fn work(_: ?*anyopaque) callconv(.c) ?*anyopaque {
    var stack: std.c.stack_t = .{ .sp = &signal_stack, .flags = 0, .size = signal_stack.len };
    _ = std.c.sigaltstack(&stack, null);
    services.enterPool();
    other = linux.gettid();
    hand(.first);
    const own = &services.hs_thread;
    while (true) {
        await(.second);
        own.plan = execution_plan;
        own.core.warm_splits = warm_splits;
        if (disturbed()) storm.proceed();
        back = scheduler.enter(fiber, !defects.planted(.thread_limit));
        if (disturbed()) storm.pause();
        own.core.stack = null;
        execution_plan = own.plan;
        warm_splits = own.core.warm_splits;
        hand(.first);
    }
}

fn disturbed() bool {
    return state.row.flags & plan.row_signals != 0;
}

fn start() void {
    var attributes: std.c.pthread_attr_t = undefined;
    var thread: std.c.pthread_t = undefined;
    if (std.c.pthread_attr_init(&attributes) != .SUCCESS or
        std.c.pthread_attr_setstacksize(&attributes, stack_bytes) != .SUCCESS or
        std.c.pthread_create(&thread, &attributes, work, null) != .SUCCESS) output.stop("the system gives no second thread", .{}, 3);
    started = true;
    await(.first);
}

fn hand(to: Turn) void {
    turn.store(@intFromEnum(to), .release);
    _ = linux.futex_3arg(&turn.raw, .{ .cmd = .WAKE, .private = true }, 1);
}

fn await(mine: Turn) void {
    while (true) {
        const now = turn.load(.acquire);
        if (now == @intFromEnum(mine)) return;
        _ = linux.futex_4arg(&turn.raw, .{ .cmd = .WAIT, .private = true }, now, null);
    }
}
