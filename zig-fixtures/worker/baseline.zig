//! What the first row of a scenario and of a program left for the later ones, and how large it says that their stacks must be.

const std = @import("std");
const abi = @import("abi.zig");
const state = @import("state.zig");
const services = @import("services.zig");

/// What the first row of a scenario (its baseline) and of a program left for the later ones.
pub const Baseline = struct {
    scenario: u32 = state.no_index,
    program: u32 = state.no_index,
    traces: [2]u64 = undefined,
    observed: [2]u64 = .{ 0, 0 },
    limited: [2]bool = .{ false, false },
    errors: u64 = undefined,
    /// How much of its stack each fiber used, at its checkpoints.
    depths: Depths = undefined,
    program_depths: Depths = undefined,
    fiber_digests: [abi.fibers_max]u64 = undefined,
};

pub const Depths = [abi.fibers_max]u64;

pub var kept: Baseline = .{};

/// What nothing outgrows, above an arena's window: a baseline must not split.
const unsplit_bytes = abi.arena_bytes / 2 - (64 << 10);
/// A forced plan's initial segment where no baseline says how deep its fiber goes.
const roomy_bytes = 32 << 20;
/// Beyond the deepest checkpoint: frames of functions that have none.
const beyond_bytes = 64 << 10;

/// Baselines and forced plans start on a segment that is not outgrown, natural plans on the size they ask for. As small as that
/// allows: fresh memory is dear, and pages in use already are in the caches.
pub fn initialBytes(fiber: usize) u64 {
    switch (state.row.split_kind) {
        .natural => return state.row.split_a,
        .none => return unsplit_bytes,
        else => {},
    }
    return @min(depthOf(fiber) * 5 / 4 + beyond_bytes, roomy_bytes);
}

/// As its scenario's baseline says, or its program's where this row is the first of its scenario.
fn depthOf(fiber: usize) u64 {
    if (kept.scenario == state.row.scenario) return kept.depths[fiber];
    return if (kept.program == state.scenario.program) kept.program_depths[fiber] else roomy_bytes;
}

/// What a split adds to a frame is slack, canary and header; few frames are smaller than this share of that.
const split_factor = 32;

/// Room for a fiber as deep as its baseline, all split. Where it is not enough, ascending segments go on at the arena's lower end.
pub fn windowBytes(fiber: usize) u64 {
    const wanted = initialBytes(fiber) + depthOf(fiber) * split_factor;
    return std.math.clamp(std.mem.alignForward(u64, wanted, abi.window_bytes_min), abi.window_bytes_min, abi.window_bytes_max);
}

/// Only an execution that did not split has its fibers' depths in one piece.
pub fn depths(first_of_program: bool) Depths {
    var result: Depths = @splat(0);
    for (state.fibers[0..state.fiber_count], result[0..state.fiber_count], 0..) |*fiber, *depth, i| {
        const split = services.hs_thread.plan.splits != 0;
        depth.* = if (!split) fiber.top -| fiber.rsp_lowest else if (first_of_program) roomy_bytes else kept.program_depths[i];
    }
    return result;
}
