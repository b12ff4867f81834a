//! A signal at every instruction of the stubs, the gates and whatever else a workload of fibers goes through, under two handlers; then a
//! storm of timer signals. What the fibers come to must be what they come to undisturbed. See README.md.

const std = @import("std");
const splitstack = @import("splitstack");
const workload = @import("workload");
const handler = @import("handler");

pub const panic = splitstack.panic;
pub const std_options: std.Options = .{ .enable_segfault_handler = false, .allow_stack_tracing = false, .signal_stack_size = null };

extern fn signals_step() callconv(.c) void;
extern fn signals_stop() callconv(.c) void;
extern fn signals_plain() callconv(.c) u32;
extern fn signals_after_faults() callconv(.c) u32;
extern fn signals_arm(signal: i32) callconv(.c) u32;
extern fn signals_print_visited() callconv(.c) void;
extern var signals_arrived: u64;
extern var signals_in_stubs: u64;
extern var signals_wrong: ?[*:0]const u8;
extern var signals_wrong_at: u64;

const storm_signal = 40;
const storm_arrivals = 2000;
const storm_in_stubs = 20;
const storm_rounds_max = 1_000_000;

pub export fn main() callconv(.c) c_int {
    splitstack.Thread.enter() catch fail("no memory for a thread", .{});
    const undisturbed = workload.run();
    if (workload.run() != undisturbed) fail("the workload is not the same twice", .{});

    if (signals_plain() == 0 or signals_after_faults() == 0) fail("no handler", .{});
    stepped("plain", undisturbed);
    splitstack.onSignal(@intFromEnum(std.os.linux.SIG.TRAP), handler.onTrap) catch fail("no handler", .{});
    stepped("split", undisturbed);
    handler.check();
    say("handlers {d}, levels at most {d}, at least {d}", .{ handler.deep, handler.levels_max, handler.levels_min });
    signals_print_visited();
    storm(undisturbed);
    splitstack.Thread.leave();
    return 0;
}

fn stepped(name: []const u8, undisturbed: u64) void {
    signals_arrived = 0;
    signals_in_stubs = 0;
    signals_step();
    const result = workload.run();
    signals_stop();
    finish(name, 1, result, undisturbed);
}

/// Until enough have arrived, some of them in the stubs.
fn storm(undisturbed: u64) void {
    splitstack.onSignal(storm_signal, handler.onTimer) catch fail("no handler", .{});
    signals_arrived = 0;
    signals_in_stubs = 0;
    var rounds: u64 = 0;
    var result = undisturbed;
    handler.armed = true;
    if (signals_arm(storm_signal) == 0) fail("no timer", .{});
    while (result == undisturbed and rounds < storm_rounds_max) : (rounds += 1) {
        if (arrived() >= storm_arrivals and inStubs() >= storm_in_stubs) break;
        result = workload.run();
    }
    @as(*volatile bool, &handler.armed).* = false;
    finish("storm", rounds, result, undisturbed);
    handler.check();
    if (inStubs() < storm_in_stubs) fail("of {d} signals only {d} arrived in the stubs", .{ signals_arrived, signals_in_stubs });
}

fn arrived() u64 {
    return @as(*volatile u64, &signals_arrived).*;
}

fn inStubs() u64 {
    return @as(*volatile u64, &signals_in_stubs).*;
}

fn finish(name: []const u8, rounds: u64, result: u64, undisturbed: u64) void {
    if (signals_wrong) |what| fail("{s}: at {x}: {s}", .{ name, signals_wrong_at, what });
    if (result != undisturbed) fail("{s}: the workload comes to {x}, undisturbed to {x}", .{ name, result, undisturbed });
    say("{s}: {d} signals, {d} in the stubs, {d} rounds", .{ name, signals_arrived, signals_in_stubs, rounds });
}

fn say(comptime format: []const u8, args: anytype) void {
    var buffer: [256]u8 = undefined;
    const text = std.fmt.bufPrint(&buffer, format ++ "\n", args) catch "(a line too long)\n";
    _ = std.c.write(1, text.ptr, text.len);
}

fn fail(comptime format: []const u8, args: anytype) noreturn {
    @branchHint(.cold);
    say("FAILED: " ++ format, args);
    std.c._exit(1);
}

/// By which the audit of the linked program (harness/docs/RESERVE.md) knows the functions of this unit.
export const hs_unit: u64 = 0;
