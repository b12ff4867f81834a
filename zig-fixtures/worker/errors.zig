//! Zig's error return traces as an observer: what probes, panics and the events of errors are handed, compared with the scenario's baseline by digest, and sent where the
//! model is to judge. Addresses of the stubs are left in: one of them there is wrong.

const std = @import("std");
const state = @import("state.zig");
const plan = @import("plan.zig");
const output = @import("output.zig");
const mixing = @import("mixing.zig");
const walks = @import("observe.zig");

pub const Trace = std.builtin.StackTrace;

/// What a program hands over: its error return trace (null: its compiler keeps none), and at a panic the return address it was told.
pub const Kept = struct { trace: ?*const Trace, caller: u64 = 0 };

/// The first so many of each fiber are sent: ErrorSighting.MaxPerFiber.
const sent_max = 64;

/// Of the current row, over all of its sightings.
pub var digest: u64 = undefined;

pub fn reset() void {
    digest = mixing.digest_start;
}

/// At a probe or panic (site −1), or where an error is raised, caught or met.
pub fn sight(fiber: *state.Fiber, site: i64, kept: Kept) void {
    const ordinal = fiber.sightings;
    fiber.sightings += 1;
    if (state.row.flags & (plan.row_observe_fp | plan.row_observe_dwarf) == 0) return;
    var index: u64 = 0;
    var addresses: []const usize = &.{};
    if (kept.trace) |trace| {
        index = trace.index;
        addresses = trace.instruction_addresses[0..@min(trace.index, trace.instruction_addresses.len)];
    }
    var own = mixing.digestWord(mixing.digest_start, index);
    own = mixing.digestWord(own, kept.caller);
    for (addresses) |address| own = mixing.digestWord(own, address);
    digest = mixing.digestWord(digest, own);
    if (state.row.flags & (plan.row_record | plan.row_send_traces) == 0 or ordinal >= sent_max) return;
    const chain = walks.send(own, addresses, .clean);
    output.line("errors row={d} fiber={d} site={d} ordinal={d} kept={d} index={d} chain={d} caller={x}", .{
        state.row_index, state.current, site, ordinal, @intFromBool(kept.trace != null), index, chain, kept.caller,
    });
}
