//! rt.fill and rt.sum: a buffer's touched words (VALUES.md, Buffers). Only some words are touched, so that a 128 KiB frame is
//! cheap to write and read back, but both ends and a word of every half kilobyte are.

const std = @import("std");
const mixing = @import("mixing.zig");

const edge_words = 16;
const stride_words = 64;
const sum_start: u64 = 0x13198A2E03707344;

pub fn fill(words: []u64, seed: u64) void {
    var i: usize = 0;
    while (i < words.len) : (i = next(i, words.len)) words[i] = mixing.mix(seed +% i);
}

pub fn sum(words: []const u64) u64 {
    var h = sum_start;
    var i: usize = 0;
    while (i < words.len) : (i = next(i, words.len)) h = mixing.mix(h ^ words[i]);
    return h;
}

/// The touched index after `index`.
fn next(index: usize, count: usize) usize {
    const following = index + 1;
    if (following < edge_words or following + edge_words >= count) return following;
    const stride = (following + stride_words - 1) / stride_words * stride_words;
    return @min(stride, count - edge_words);
}

fn touched(index: usize, count: usize) bool {
    return index < edge_words or index % stride_words == 0 or index + edge_words >= count;
}

test "touched indices are those of the rule, ascending, for every small size and some large" {
    for (0..700) |count| try expectRule(count);
    for ([_]usize{ 1000, 4096, 16383, 16384 }) |count| try expectRule(count);
}

fn expectRule(count: usize) !void {
    var expected: usize = 0;
    var i: usize = 0;
    while (i < count) : (i = next(i, count)) {
        while (!touched(expected, count)) expected += 1;
        try std.testing.expectEqual(expected, i);
        expected += 1;
    }
    while (expected < count and !touched(expected, count)) expected += 1;
    try std.testing.expect(expected >= count);
}
