//! Tests for `harness test` to judge: of each kind of verdict one. "near" is what splits change: how far a callee's frame lies from its caller's.

const std = @import("std");

test "holds" {
    try std.testing.expectEqual(900, depth(900));
}

test "holds with output and memory" {
    var list: std.ArrayList(u64) = .empty;
    defer list.deinit(std.testing.allocator);
    for (0..300) |i| try list.append(std.testing.allocator, depth(i % 5));
    std.debug.print("{d} entries\n", .{list.items.len});
}

/// Under the attribute such a function does not ask for stack: its frame lies in the headroom, on every kind of memory.
noinline fn asksForItsCaller(seed: usize) usize {
    var words: [1500]usize = undefined;
    for (&words, 0..) |*word, i| word.* = seed +% i;
    std.mem.doNotOptimizeAway(@returnAddress());
    std.mem.doNotOptimizeAway(&words);
    var sum = depth(5);
    for (words) |word| sum +%= word;
    return sum;
}

test "holds with a large frame that does not ask" {
    try std.testing.expectEqual(5 + 1500 * 7 + 1500 * 1499 / 2, asksForItsCaller(7));
}

test "prints an address" {
    var here: u8 = 0;
    std.debug.print("{x:0>16}\n", .{@intFromPtr(&here)});
}

test "skips" {
    return error.SkipZigTest;
}

test "fails anyway" {
    return error.Wrong;
}

test "leaks anyway" {
    _ = try std.testing.allocator.alloc(u8, 3);
}

test "dies anyway" {
    std.process.abort();
}

threadlocal var used = false;

test "passes once" {
    if (used) return error.Again;
    used = true;
    try std.testing.expectEqual(3, depth(3));
}

test "broken: result" {
    try std.testing.expect(near());
}

test "broken: output" {
    std.debug.print("{s}\n", .{if (near()) "near" else "far"});
}

test "broken: leaks" {
    if (!near()) _ = try std.testing.allocator.alloc(u8, 3);
}

test "broken: logs" {
    if (!near()) std.log.err("far", .{});
}

test "broken: died" {
    if (!near()) std.process.abort();
}

test "broken: hung" {
    if (!near()) while (true) std.mem.doNotOptimizeAway(depth(1));
}

test "broken: memory" {
    // As a library would that needs more than there is below the limit.
    const here = @frameAddress();
    var below: usize = 64 << 10;
    while (below < 72 << 10) : (below += 64) @as(*volatile u64, @ptrFromInt(here - below)).* = 1;
}

test "holds after all" {
    try std.testing.expectEqual(1, depth(1));
}

noinline fn depth(n: usize) usize {
    var frame: [64]u8 = undefined;
    @memset(&frame, @truncate(n));
    std.mem.doNotOptimizeAway(&frame);
    return if (n == 0) 0 else 1 + depth(n - 1);
}

noinline fn near() bool {
    return @frameAddress() -% calleesFrame() < 4096;
}

noinline fn calleesFrame() usize {
    var frame: [64]u8 = undefined;
    std.mem.doNotOptimizeAway(&frame);
    return @frameAddress();
}
