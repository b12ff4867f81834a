//! Stack-trace observers: the frame-pointer chain (order of addresses ignored) and Zig's own std.debug (DWARF CFI).
//! Traces are compared with the scenario's baseline by digest; distinct ones are sent once, for the model to judge.

const std = @import("std");
const abi = @import("abi.zig");
const plan = @import("plan.zig");
const state = @import("state.zig");
const output = @import("output.zig");
const mixing = @import("mixing.zig");
const error_traces = @import("errors.zig");
const stacks = @import("stacks.zig");
const opinions = @import("opinions.zig");
const growing = @import("growing");

extern fn hs_dwarf_capture(registers: *const abi.Registers, addresses: [*]u64, capacity: u64, end: *u32) callconv(.c) u64;

/// The most frames a trace may have. std.debug gives up after 10,000 (FACTS of Zig 0.16.0), so deeper ones are for the frame-pointer chain alone.
const frames_max = 1 << 17;
const dwarf_frames_max = 9_000;

pub const End = enum(u32) { clean = 0, cut = 1, unreadable = 2, limit = 3, noinfo = 4 };
pub const Observer = enum(u1) { fp = 0, dwarf = 1 };

var raw: [frames_max]u64 = undefined;

/// Of the current row: digest over its probes' traces, per observer; whether stub frames were as many as segments.
pub var digests: [2]u64 = undefined;
pub var observed: [2]u64 = undefined;
/// A trace was too deep for this observer: its digest says nothing. Splits add stub frames, so a row may be, and its baseline not.
pub var limited: [2]bool = undefined;
pub var stub_mismatches: u64 = 0;
pub var frames: u64 = 0;

pub fn reset() void {
    digests = @splat(mixing.digest_start);
    observed = @splat(0);
    limited = @splat(false);
    stub_mismatches = 0;
    frames = 0;
    opinions.disagreement = null;
    error_traces.reset();
}

pub fn probe(fiber: *state.Fiber, site: i64, registers: *const abi.Registers) void {
    const ordinal = fiber.probes;
    fiber.probes += 1;
    if (state.row.flags & (plan.row_observe_fp | plan.row_observe_dwarf) == 0) return;
    stacks.send(state.current, .probe, site, ordinal, .all, registers);
    growing.look(&fiber.stack.core, .whole);
    const segments = fiber.stack.core.segment.?.ordinal - 1;
    var end: End = undefined;
    const deep = walkFramePointers(fiber, registers, &end);
    const by_pointers = if (state.row.flags & plan.row_observe_fp != 0) judge(.fp, segments, deep, end) else null;
    const by_dwarf = if (state.row.flags & plan.row_observe_dwarf != 0) walkDwarf(site, ordinal, segments, deep, registers) else null;
    if (state.row.flags & (plan.row_record | plan.row_send_traces) == 0) return;
    if (by_pointers != null and std.meta.eql(by_pointers, by_dwarf)) return tell("probes", "", by_pointers.?, site, ordinal, segments);
    if (by_pointers) |seen| tell("probe", " observer=fp", seen, site, ordinal, segments);
    if (by_dwarf) |seen| tell("probe", " observer=dwarf", seen, site, ordinal, segments);
}

/// As std.debug walks it. `deep`: how many frames there are.
fn walkDwarf(site: i64, ordinal: u32, segments: u64, deep: usize, registers: *const abi.Registers) Seen {
    if (deep > dwarf_frames_max) return judge(.dwarf, segments, 0, .limit);
    var code: u32 = 0;
    const count = hs_dwarf_capture(registers, &raw, raw.len, &code);
    if (code == @intFromEnum(End.clean) and site >= 0) opinions.ask(site, ordinal, raw[0..count]);
    return judge(.dwarf, segments, count, @enumFromInt(code));
}

fn tell(comptime word: []const u8, comptime observer: []const u8, seen: Seen, site: i64, ordinal: u32, segments: u64) void {
    output.line(word ++ " row={d} fiber={d} site={d} ordinal={d}" ++ observer ++ " chain={d} stubs={d} segments={d}", .{
        state.row_index, state.current, site, ordinal, seen.chain, seen.stubs, segments,
    });
}

/// Every saved rbp must lie in this fiber's own segments, or in those of its ancestors; a chain ends at 0.
fn walkFramePointers(fiber: *const state.Fiber, registers: *const abi.Registers, end: *End) usize {
    var count: usize = 1;
    raw[0] = registers.rip;
    var frame = registers.rbp;
    var segment = fiber.stack.core.segment;
    while (frame != 0) {
        // Frames go outwards, from segment to segment.
        while (segment) |s| : (segment = s.parent) {
            if (frame >= s.low and frame <= s.top() - 16) break;
        }
        if (frame % 8 != 0 or segment == null) {
            end.* = .unreadable;
            return count;
        }
        if (count == raw.len) {
            end.* = .limit;
            return count;
        }
        const words: *const [2]u64 = @ptrFromInt(frame);
        raw[count] = words[1];
        count += 1;
        frame = words[0];
    }
    end.* = .clean;
    return count;
}

/// Takes the stub's frames out, and moves the others together: how many are left.
pub fn withoutStubs(addresses: []u64) usize {
    const stub = growing.stub();
    var kept: usize = 0;
    for (addresses) |address| {
        if (address > stub.low and address <= stub.high) continue;
        addresses[kept] = address;
        kept += 1;
    }
    return kept;
}

pub fn digestOf(addresses: []const u64, end: End) u64 {
    var digest = mixing.digestWord(mixing.digest_start, @intFromEnum(end));
    for (addresses) |address| digest = mixing.digestWord(digest, address);
    return digest;
}

/// One observer's trace: the number of its chain where that is sent, and how many stub frames it had.
const Seen = struct { chain: u32, stubs: usize };

fn judge(observer: Observer, segments: u64, count: usize, end: End) Seen {
    const kept = withoutStubs(raw[0..count]);
    const stubs = count - kept;
    frames += kept;
    if (end != .limit and stubs != segments) stub_mismatches += 1;
    const digest = digestOf(raw[0..kept], end);
    const which = @intFromEnum(observer);
    digests[which] = mixing.digestWord(digests[which], digest);
    observed[which] += 1;
    if (end == .limit) limited[which] = true;
    const sends = state.row.flags & (plan.row_record | plan.row_send_traces) != 0;
    return .{ .chain = if (sends) send(digest, raw[0..kept], end) else 0, .stubs = stubs };
}

// Open addressing over trace digests; full: everything is sent again under a new number.
const chains_max = 1 << 16;
var chain_digests: [chains_max]u64 = @splat(0);
var chain_ids: [chains_max]u32 = undefined;
var chain_count: u32 = 0;

pub fn send(digest: u64, addresses: []const u64, end: End) u32 {
    var slot: usize = digest % chains_max;
    for (0..64) |_| {
        if (chain_digests[slot] == digest) return chain_ids[slot];
        if (chain_digests[slot] == 0) break;
        slot = (slot + 1) % chains_max;
    }
    const id = chain_count;
    chain_count += 1;
    chain_digests[slot] = digest;
    chain_ids[slot] = id;
    output.part("#hs chain id={d} end={s} addrs=", .{ id, @tagName(end) });
    for (addresses, 0..) |address, i| output.part("{s}{x}", .{ if (i == 0) "" else ",", address });
    output.part("\n", .{});
    return id;
}
