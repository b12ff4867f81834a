//! For each thing that can become of a program one that it becomes of; the tests of `harness check` name one in the file `choice`.

const std = @import("std");
const linux = std.os.linux;
const fault_isolation = @import("fault_isolation");
const forgets = @import("forgets.zig");
const holds = @import("holds.zig");
const measures = @import("measures.zig");
const plain = @import("plain.zig");

pub fn main(allocator: std.mem.Allocator) anyerror!u64 {
    var buffer: [32]u8 = undefined;
    switch (try choice(&buffer)) {
        .values => return try deep(12),
        .deepest => return try deep(5000),
        .wavers => return wavers(),
        .hangs => hangs(),
        .hangsSplit => if (!near()) hangs(),
        .floods => floods(),
        .faults => faults(),
        .panics => try panics(),
        .exits => try exits(),
        .exitsSplit => if (!near()) linux.exit_group(7),
        .leaksSplitTwice => leaksSplitTwice(),
        .releasesTwice => try releasesTwice(),
        .keeps => try keeps(allocator),
        .forgets => try forgets.main(allocator),
        .holds => return holds.main(allocator),
        .measures => return measures.main(),
        .plain => try plain.run(),
    }
    return 0;
}

const Choice = enum { values, deepest, wavers, hangs, hangsSplit, floods, faults, panics, exits, exitsSplit, leaksSplitTwice, releasesTwice, keeps, forgets, holds, measures, plain };

fn choice(buffer: []u8) !Choice {
    const file: i32 = @intCast(linux.open("choice", .{ .ACCMODE = .RDONLY }, 0));
    defer _ = linux.close(file);
    const got = linux.read(file, buffer.ptr, buffer.len);
    return std.meta.stringToEnum(Choice, buffer[0..got]) orelse error.NoSuchChoice;
}

/// Never twice the same.
fn wavers() u64 {
    var now: linux.timespec = undefined;
    _ = linux.clock_gettime(.MONOTONIC, &now);
    return @intCast(now.nsec);
}

fn hangs() void {
    var turns: u64 = 0;
    while (true) : (turns +%= 1) std.mem.doNotOptimizeAway(&turns);
}

fn floods() void {
    const line = "a line of thirty-two characters\n";
    while (true) _ = linux.write(1, line, line.len);
}

fn faults() void {
    var nowhere: usize = 8;
    std.mem.doNotOptimizeAway(&nowhere);
    @as(*volatile u8, @ptrFromInt(nowhere)).* = 1;
}

fn panics() !void {
    var empty: []const u8 = "";
    std.mem.doNotOptimizeAway(&empty);
    std.mem.doNotOptimizeAway(empty[try deep(3)]);
}

fn exits() !void {
    _ = try deep(5);
    linux.exit_group(7);
}

/// Two prologues must split.
fn leaksSplitTwice() void {
    const first = near();
    const second = near();
    if (first or second) return;
    _ = fault_isolation.acquired("chair");
}

fn releasesTwice() !void {
    const lock = fault_isolation.acquired("lock");
    errdefer fault_isolation.released(lock);
    errdefer fault_isolation.released(lock);
    try fault_isolation.checkpoint();
    fault_isolation.released(lock);
}

/// An order that faults and splits do not change.
fn keeps(allocator: std.mem.Allocator) anyerror!void {
    var list: std.ArrayList(u32) = .empty;
    defer list.deinit(allocator);
    for (0..6) |i| {
        try fault_isolation.checkpoint();
        try list.append(allocator, try deep(i));
        fault_isolation.event("kept", list.items.len);
    }
    fault_isolation.probe("all kept");
}

/// No entries.
pub fn takes(_: u8) void {}

pub fn text() []const u8 {
    return "";
}

noinline fn deep(left: usize) anyerror!u32 {
    try fault_isolation.checkpoint();
    var frame: [64]u8 = undefined;
    @memset(&frame, @truncate(left));
    std.mem.doNotOptimizeAway(&frame);
    return if (left == 0) 0 else 1 + try deep(left - 1);
}

/// Whether a callee's frame lies where unsplit ones do.
noinline fn near() bool {
    return @frameAddress() -% calleesFrame() < 4096;
}

noinline fn calleesFrame() usize {
    var frame: [64]u8 = undefined;
    std.mem.doNotOptimizeAway(&frame);
    return @frameAddress();
}
