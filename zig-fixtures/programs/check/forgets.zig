//! A program that forgets to clean up, on one path and under one fault only: when the second half of a pair cannot be had, the first is
//! kept. `harness check` finds it without any split.
//!     scripts/harness check zig-fixtures/programs/check/forgets.zig --entry main

const std = @import("std");
const fault_isolation = @import("fault_isolation");

pub fn main(allocator: std.mem.Allocator) !void {
    try fault_isolation.checkpoint();
    for (0..3) |i| {
        const pair = try open(allocator, i);
        defer pair.close(allocator);
        fault_isolation.event("opened", i);
    }
}

const Pair = struct {
    file: fault_isolation.Resource,
    buffer: []u8,

    fn close(pair: Pair, allocator: std.mem.Allocator) void {
        allocator.free(pair.buffer);
        fault_isolation.released(pair.file);
    }
};

noinline fn open(allocator: std.mem.Allocator, number: usize) !Pair {
    try fault_isolation.checkpoint();
    const file = fault_isolation.acquired("file");
    // Missing: errdefer fault_isolation.released(file);
    const buffer = try allocator.alloc(u8, 16 + number);
    errdefer allocator.free(buffer);
    return .{ .file = file, .buffer = buffer };
}
