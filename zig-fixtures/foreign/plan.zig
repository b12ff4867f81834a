//! What the program tells its memory (memory.zig): which prologues split.

pub const Plan = extern struct {
    kind: enum(u32) { natural = 0, every = 1, single = 2, _ } = .natural,
    /// Of `single`: which prologue splits, counted from 1.
    entry: u32 = 0,
    /// Prologues that came to morestack while forced.
    prologues: u32 = 0,
    splits: u32 = 0,
    /// Segments whose canary words were overwritten.
    overruns: u32 = 0,
    /// Returns that found segments of frames which were left without returning.
    misnested: u32 = 0,
};

/// In force while splits are forced: no stack pointer is above it.
pub const limit_force = 0x7fff_ffff_ffff_ffff;
