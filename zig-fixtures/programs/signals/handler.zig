//! Signal handlers that are split code: installed with onSignal, they recurse until their stack is used up and a checkpoint says so.

const std = @import("std");
const abi = @import("abi");
const records = @import("fiber");
const splitstack = @import("splitstack");

extern fn hs_current() callconv(.c) ?*records.Fiber;
extern fn signals_note(context: *const anyopaque) callconv(.c) u32;
extern fn signals_arm(signal: i32) callconv(.c) u32;
extern var signals_wrong: ?[*:0]const u8;

/// Handlers that went deep, and how deep.
pub var deep: u64 = 0;
pub var levels_max: u64 = 0;
pub var levels_min: u64 = std.math.maxInt(u64);
pub var armed: bool = false;

/// One instruction in so many goes deep; each of the stubs'.
const sample = 64;
const levels_cap = 1 << 20;
var seen: u64 = 0;

pub fn onTrap(_: u32, _: *const anyopaque, context: ?*anyopaque) callconv(.c) void {
    seen += 1;
    if (signals_note(context.?) != 0 or seen % sample == 0) recurse();
}

pub fn onTimer(signal: u32, _: *const anyopaque, context: ?*anyopaque) callconv(.c) void {
    _ = signals_note(context.?);
    recurse();
    if (@as(*volatile bool, &armed).*) _ = signals_arm(@intCast(signal));
}

pub fn check() void {
    if (deep == 0) signals_wrong = "no handler went deep";
}

/// To the end of the signal stack, and a gate on the way.
fn recurse() void {
    var went: Descent = .{};
    const limit = abi.getLimit();
    if (limit == 0) return wrong("a handler has no limit");
    if (descend(&went)) |_| return wrong("a handler's recursion came back") else |err| {
        if (err != error.StackOverflow) return wrong("a handler's checkpoint returned another's error");
    }
    if (went.errdefers != went.levels) return wrong("a handler's errdefers did not all run");
    var there: usize = 0;
    splitstack.onSystemStack(note, .{&there});
    if (there > @frameAddress() or @frameAddress() - there > 64 << 10) return wrong("a gate left the signal stack");
    deep += 1;
    levels_max = @max(levels_max, went.levels);
    levels_min = @min(levels_min, went.levels);
}

fn wrong(what: [*:0]const u8) void {
    if (signals_wrong == null) signals_wrong = what;
}

fn note(context: ?*anyopaque) callconv(.c) void {
    const there: *usize = @ptrCast(@alignCast(context.?));
    there.* = @frameAddress();
}

const Descent = struct { levels: u64 = 0, errdefers: u64 = 0 };

noinline fn descend(went: *Descent) splitstack.Fault!void {
    went.levels += 1;
    errdefer went.errdefers += 1;
    try splitstack.checkpoint();
    if (went.levels == levels_cap) return;
    var frame: [40]u64 = undefined;
    fill(&frame, went.levels);
    try descend(went);
    // Not reached; keeps the frame alive, and the call from becoming a jump.
    if (frame[went.levels % frame.len] == went.errdefers) return error.Canceled;
}

noinline fn fill(words: []u64, value: u64) void {
    for (words, 0..) |*word, i| @as(*volatile u64, word).* = value +% i;
}
