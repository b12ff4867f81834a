//! Timer signals over an execution: a handler on the signal stack, at instructions of nobody's choice. What comes of the execution may not
//! depend on them. Each signal arms the timer for the next one, a few microseconds later and never as many as before: so the execution
//! always gets on, whatever a signal costs.

const std = @import("std");
const linux = std.os.linux;
const runtime = @import("abi");
const abi = @import("abi.zig");
const defects = @import("defects");
const output = @import("output.zig");

extern const hs_stub_begin: u8;
extern const hs_stub_end: u8;

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
    const rip = @as(*const runtime.Ucontext, @ptrCast(@alignCast(context.?))).gregs[runtime.greg.rip];
    _ = @atomicRmw(u64, &arrived, .Add, 1, .monotonic);
    if (rip >= @intFromPtr(&hs_stub_begin) and rip < @intFromPtr(&hs_stub_end)) _ = @atomicRmw(u64, &arrived_in_stubs, .Add, 1, .monotonic);
    var scratch: [scratch_bytes / 64]@Vector(64, u8) = undefined;
    for (&scratch) |*line| @as(*volatile @Vector(64, u8), line).* = @splat(0x55);
    if (defects.planted(.signal_limit)) abi.setLimit(0);
    if (@atomicLoad(bool, &raining, .seq_cst)) arm(nextDelay());
}
