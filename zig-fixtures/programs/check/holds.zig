//! A program that `harness check` finds nothing in: a parser with nested scopes, each of which holds a buffer and a lock while it runs.
//!     scripts/harness check zig-fixtures/programs/check/holds.zig --entry main

const std = @import("std");
const fault_isolation = @import("fault_isolation");

const Error = fault_isolation.Fault || error{ OutOfMemory, TooDeep };

pub fn main(allocator: std.mem.Allocator) Error!u64 {
    try fault_isolation.checkpoint();
    const lock = fault_isolation.acquired("lock");
    defer fault_isolation.released(lock);
    var total: u64 = 0;
    for (0..3) |depth| total += try scope(allocator, depth);
    // A scope that goes too deep gives up, and everything that it had opened is closed.
    total += scope(allocator, 9) catch |err| switch (err) {
        error.TooDeep => 1,
        else => return err,
    };
    fault_isolation.event("total", total);
    return total;
}

noinline fn scope(allocator: std.mem.Allocator, depth: usize) Error!u64 {
    try fault_isolation.checkpoint();
    const buffer = try allocator.alloc(u64, 4 + depth);
    defer allocator.free(buffer);
    const handle = fault_isolation.acquired("handle");
    errdefer fault_isolation.event("closed early", depth);
    defer fault_isolation.released(handle);
    if (depth > 6) {
        fault_isolation.probe("deepest");
        return error.TooDeep;
    }
    for (buffer, 0..) |*word, i| word.* = i * depth;
    const below = if (depth == 0) 0 else try scope(allocator, if (depth > 3) depth + 1 else depth - 1);
    return below + sum(buffer);
}

noinline fn sum(words: []const u64) u64 {
    var total: u64 = 0;
    for (words) |word| total +%= word;
    return total;
}
