//! The 64-bit mixing of VALUES.md and the event log's digest (Harness.Model: Values.Mix, Digests). Golden values below and in the
//! model's tests keep the two sides together.

const std = @import("std");

pub const digest_start: u64 = 0x243F6A8885A308D3;

/// SplitMix64's output for state x (Steele, Lea, Flood: "Fast splittable pseudorandom number generators", 2014).
pub fn mix(x: u64) u64 {
    return finalise(x +% 0x9E3779B97F4A7C15);
}

pub fn finalise(x: u64) u64 {
    var z = x;
    z = (z ^ z >> 30) *% 0xBF58476D1CE4E5B9;
    z = (z ^ z >> 27) *% 0x94D049BB133111EB;
    return z ^ z >> 31;
}

pub fn digestWord(digest: u64, value: u64) u64 {
    const mixed = (digest ^ value) *% 0x9E3779B97F4A7C15;
    return mixed ^ mixed >> 32;
}

test "mix is SplitMix64" {
    // First outputs of the reference generator seeded with 0.
    try std.testing.expectEqual(0xE220A8397B1DCDAF, mix(0));
    try std.testing.expectEqual(0x6E789E6AA1B965F4, mix(0x9E3779B97F4A7C15));
}

test "a digest depends on order" {
    const ab = digestWord(digestWord(digest_start, 1), 2);
    const ba = digestWord(digestWord(digest_start, 2), 1);
    try std.testing.expect(ab != ba);
}
