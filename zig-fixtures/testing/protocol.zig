//! What the test runner, split code, and its host, which is not, say to each other. Both may be compiled by different backends: extern.

pub const Entry = *const fn (?*anyopaque) callconv(.c) void;

/// How one attempt's stack is split; the numbers are those of worker/abi.zig.
pub const Request = extern struct {
    /// SplitKind: every_nth (1: every prologue), nth_prologue or prologue_set.
    kind: u8,
    placement: u8,
    policy: u8,
    caching: u8,
    padding: [4]u8 = @splat(0),
    a: u64,
    /// Of prologue_set: how many numbers `a` points at.
    b: u64 = 0,
    /// Usable bytes of the first segment.
    first_bytes: u64,
    headroom_bytes: u64,
};

pub const Result = extern struct {
    prologues: u64 = 0,
    splits: u64 = 0,
    /// Bits of worker/abi.zig, fail_…: canaries, poison, order, mapping, arena.
    failures: u64 = 0,
    fail_address: u64 = 0,
    /// Segments that no chain led to at the end.
    leaked_segments: u64 = 0,
    /// A bit per callee-saved register or control word that the entry changed (morestack.S, hs_fiber_start).
    wrong_registers: u64 = 0,
    /// The limit in force at the end was not the first segment's.
    wrong_limit: u64 = 0,
};
