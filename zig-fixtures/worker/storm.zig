//! Timer signals over an execution: a handler on the signal stack, at instructions of nobody's choice. What comes of the execution may not
//! depend on them. Every other handler is code of the unit, with its checks (`visit`). Each signal arms the timer for the next one, a few microseconds later and never as many as before: so the execution
//! always gets on, whatever a signal costs.

const std = @import("std");
const linux = std.os.linux;
const runtime = @import("abi");
const abi = @import("abi.zig");
const defects = @import("defects");
const output = @import("output.zig");
const services = @import("services.zig");
const execution = @import("execution.zig");
const growing = @import("growing");

/// A real-time signal that neither C library keeps for itself.
const signal: linux.SIG = @enumFromInt(40);
const delay_least_ns = 3_000;
/// A power of two: what a delay varies by.
const delay_spread_ns = 1 << 15;
/// After so many in one execution delays are twice as long, and so on: few executions are a hundred times as long as others, and would
/// take all the time that storms cost.
const doubles_every = 16;
/// Of the 64 KiB that a signal stack has here.
const scratch_bytes = 16 << 10;

/// Since the worker started: not repeatable, so no counter of executions.
pub var arrived: u64 = 0;
pub var arrived_in_stubs: u64 = 0;
/// Handlers that were split code, and of them those that were told that their stack is used up.
pub var visits: u64 = 0;
pub var visits_told: u64 = 0;

/// Of this execution: handlers that were split code and did not come to what they must.
pub var wrong: u64 = 0;

threadlocal var draw: u64 = 1;
var raining: bool = false;
/// Signals of this execution, on whichever thread.
var rained: u64 = 0;
/// Each thread has its own, which finds it wherever it runs.
threadlocal var timer: ?i32 = null;

pub fn install() void {
    const action: linux.Sigaction = .{
        .handler = .{ .sigaction = onSignal },
        .mask = linux.sigemptyset(),
        .flags = linux.SA.SIGINFO | linux.SA.ONSTACK | linux.SA.RESTART,
    };
    if (linux.errno(linux.sigaction(signal, &action, null)) != .SUCCESS) output.stop("the system refuses a signal handler", .{}, 3);
}

pub fn start() void {
    rained = 0;
    wrong = 0;
    proceed();
}

/// After a pause, or on the other thread.
pub fn proceed() void {
    @atomicStore(bool, &raining, true, .seq_cst);
    arm(delay_least_ns);
}

pub fn stop() void {
    @atomicStore(bool, &raining, false, .seq_cst);
    arm(0);
}

/// This thread's turn is over, the execution is not.
pub fn pause() void {
    arm(0);
}

fn nextDelay() u64 {
    draw = draw *% 6364136223846793005 +% 1442695040888963407;
    const delay = delay_least_ns + (draw >> 32 & (delay_spread_ns - 1));
    rained += 1;
    return delay << @intCast(@min(rained / doubles_every, 14)); // Less than a second: the kernel wants seconds apart.
}

const Event = extern struct { value: u64 = 0, signal: u32, notify: u32, thread: i32, padding: [44]u8 = @splat(0) };
const notify_thread = 4;

fn arm(nanoseconds: u64) void {
    const own = timer orelse create();
    const delay: linux.itimerspec = .{ .it_interval = .{ .sec = 0, .nsec = 0 }, .it_value = .{ .sec = 0, .nsec = @intCast(nanoseconds) } };
    _ = linux.syscall4(.timer_settime, @intCast(own), 0, @intFromPtr(&delay), 0);
}

fn create() i32 {
    var event: Event = .{ .signal = @intFromEnum(signal), .notify = notify_thread, .thread = linux.gettid() };
    var made: i32 = 0;
    const result = linux.syscall3(.timer_create, @intFromEnum(linux.CLOCK.MONOTONIC), @intFromPtr(&event), @intFromPtr(&made));
    if (linux.errno(result) != .SUCCESS) output.stop("the system gives no timer", .{}, 3);
    timer = made;
    return made;
}

fn onSignal(_: linux.SIG, _: *const linux.siginfo_t, context: ?*anyopaque) callconv(.c) void {
    const interrupted: *const runtime.Ucontext = @ptrCast(@alignCast(context.?));
    const rip = interrupted.gregs[runtime.greg.rip];
    const before = @atomicRmw(u64, &arrived, .Add, 1, .monotonic);
    const stub = growing.stub();
    if (rip >= stub.low and rip < stub.high) _ = @atomicRmw(u64, &arrived_in_stubs, .Add, 1, .monotonic);
    // What a handler must do before it may be split code is the runtime's own business; of another one nobody knows it.
    if (before % 2 == 0 and !growing.is_foreign) callSplitCode(interrupted.stack_low) else spoil();
    if (defects.planted(.signal_limit)) abi.setLimit(0);
    if (@atomicLoad(bool, &raining, .seq_cst)) arm(nextDelay());
}

fn spoil() void {
    var scratch: [scratch_bytes / 64]@Vector(64, u8) = undefined;
    for (&scratch) |*line| @as(*volatile @Vector(64, u8), line).* = @splat(0x55);
}

// ── Handlers that are split code ────────────────────────────────────────────────────────────────────────────────

/// As in support/support.zig.
const Visit = extern struct { told: *const u32, depth: u32, entered: u32 = 0, unwound: u32 = 0, failed: u32 = 0, sum: u64 = 0 };
pub const Visitor = *const fn (*Visit) callconv(.c) void;

const visit_depth = 6;
/// More than the unit's code takes for that, in any mode.
const visit_bytes = 8 << 10;
/// What descend's frames sum up to.
const visit_sum = blk: {
    var sum: u64 = 0;
    for (0..visit_depth + 1) |level| for (0..40) |i| {
        sum += level + i;
    };
    break :blk sum;
};

/// Where the signal stack is said to end.
const Room = enum(u2) {
    enough,
    enough_again,
    /// The first check fails.
    none,
    /// Any check fails, or none.
    some,
};

/// What the product does for handlers that are split code (runtime/fiber.S, hs_signal_entry; faults.zig): a record and a limit of the signal
/// stack's own while it runs, no system stack, and all of it back as it was.
fn callSplitCode(low: u64) void {
    const thread = &services.hs_thread.core;
    const room: Room = @enumFromInt(@as(u2, @truncate(draw >> 33)));
    const here = @frameAddress();
    var segment = std.mem.zeroInit(abi.Segment, .{
        .limit = switch (room) {
            .enough, .enough_again => low + abi.slack_bytes,
            .none => here,
            .some => here - (draw >> 35) % visit_bytes,
        },
        .low = low,
        .high = here,
        .ordinal = 1,
    });
    var record: runtime.Stack = .{ .segment = &segment, .fixed = 1 };
    var run: Visit = .{ .told = &record.overflow, .depth = visit_depth };
    const limit = abi.getLimit();
    const stack = thread.stack;
    const system_rsp = thread.system_rsp;
    thread.stack = &record;
    thread.system_rsp = 0;
    abi.setLimit(segment.limit);
    execution.hs_unit.visit(&run);
    const left = abi.getLimit();
    if (!defects.planted(.handler_limit)) abi.setLimit(limit);
    if (!defects.planted(.handler_system)) thread.system_rsp = system_rsp;
    if (!defects.planted(.handler_record)) thread.stack = stack;
    const told = record.overflow != 0;
    _ = @atomicRmw(u64, &visits, .Add, 1, .monotonic);
    if (told) _ = @atomicRmw(u64, &visits_told, .Add, 1, .monotonic);
    if (left != segment.limit or !cameTo(&run, room, told)) _ = @atomicRmw(u64, &wrong, .Add, 1, .monotonic);
}

fn cameTo(run: *const Visit, room: Room, told: bool) bool {
    const due = switch (room) {
        .enough, .enough_again => false,
        .none => true,
        .some => told,
    };
    if (told != due) return false;
    if (told) return run.failed == runtime.error_stack_overflow and run.unwound == run.entered and run.entered <= visit_depth + 1;
    return run.failed == 0 and run.unwound == 0 and run.entered == visit_depth + 1 and run.sum == visit_sum;
}
