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

/// Observers walk stacks with std.debug, which wants a few hundred KiB.
const stack_bytes = 8 << 20;

/// Fibers that it resumed.
pub var resumed: u64 = 0;

const Turn = enum(u32) { first = 0, second = 1 };
var turn: std.atomic.Value(u32) = .init(@intFromEnum(Turn.first));
var started: bool = false;
var fiber: *state.Fiber = undefined;
var back: u64 = 0;
/// The execution's plan travels with the turn.
var execution_plan: abi.Plan = undefined;
var warm_splits: u64 = 0;
var signal_stack: [64 << 10]u8 align(16) = undefined;

/// As scheduler.enter, over there. The caller waits.
pub fn enter(which: *state.Fiber) u64 {
    if (!started) start();
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
