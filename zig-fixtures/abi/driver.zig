//! Runs the probes of a unit and prints what it saw, a line for each call (harness/docs/ABI.md has the lines). Decides nothing: the harness
//! reads the lines. Without std and libc, since it is compiled by the release that is being looked at.

const table = @import("table");
const patterns = @import("patterns.zig");
const kernel = @import("kernel.zig");
const text = kernel.text;
const hex = kernel.hex;
const number = kernel.number;

extern var hs_abi_in: patterns.Image;
extern var hs_abi_out: patterns.Image;
extern var hs_abi_seen: patterns.Image;
extern var hs_abi_goal: *const anyopaque;
extern var hs_abi_returns: u32;
extern var hs_abi_died: u32;
extern const hs_abi_back: u8;
extern const hs_abi_probes: [*]const table.Probe;
extern const hs_abi_probe_count: u64;
extern fn hs_abi_enter() callconv(.c) void;

/// What an error return trace in an area has for its addresses.
var trace_buffers: [patterns.area_count][32]u64 = undefined;

const rounds = 20;
const give_rounds = 3;
const send_rounds = 3;

export fn hs_abi_main() callconv(.c) u32 {
    kernel.catchSignals();
    text("areas ");
    number(@intFromPtr(&patterns.areas));
    text(" bytes ");
    number(patterns.area_words * 8);
    text("\n");
    var index: u64 = 0;
    while (index < hs_abi_probe_count) : (index += 1) {
        const probe = &hs_abi_probes[index];
        switch (probe.kind) {
            .receives, .holds => receives(index, probe),
            .sends => sends(index, probe),
            .gives => gives(index, probe),
            .takes, .keeps => changes(index, probe),
            .traces => traces(index, probe),
            .leaf => leaf(index, probe),
        }
    }
    text("end ");
    number(hs_abi_probe_count);
    text("\n");
    kernel.flush();
    return 0;
}

// The probes.

fn receives(index: u64, probe: *const table.Probe) void {
    for ([_]patterns.Style{ .random, .pointers, .floats }) |style| {
        var round: u64 = 0;
        while (round < rounds) : (round += 1) {
            patterns.arrange(style, round);
            run(probe);
            begin("receives ", index, @intFromEnum(style), round);
            registers();
            results(probe);
            text("\n");
            // One that takes random numbers for pointers, or the other way round, does so always.
            if (hs_abi_died != 0) break;
        }
    }
}

fn gives(index: u64, probe: *const table.Probe) void {
    var round: u64 = 0;
    while (round < give_rounds) : (round += 1) {
        patterns.arrange(.pointers, round);
        patterns.setValues(probe, round);
        run(probe);
        begin("gives ", index, 0, round);
        registers();
        for (hs_abi_out.general, 0..) |value, i| {
            if (i > 0) text(",");
            number(value);
        }
        text(" ");
        hex(patterns.hs_abi_values[0..probe.sizes[0]]);
        for (&patterns.areas, 0..) |*area, i| {
            var same = true;
            for (area, 0..) |word, w| same = same and word == patterns.areaWord(round, i, w);
            if (same) continue;
            text(" ");
            number(i);
            text(":");
            hex(@as([*]const u8, @ptrCast(area))[0..table.slot_bytes]);
        }
        text("\n");
    }
}

fn sends(index: u64, probe: *const table.Probe) void {
    var round: u64 = 0;
    while (round < send_rounds) : (round += 1) {
        patterns.arrange(.random, round);
        patterns.setValues(probe, round);
        patterns.clear(&hs_abi_seen);
        hs_abi_returns = 0;
        run(probe);
        begin("sends ", index, 0, round);
        dump();
        var slot: u64 = 0;
        while (slot < probe.count) : (slot += 1) {
            text(if (slot == 0) " " else ",");
            hex(patterns.hs_abi_values[slot * table.slot_bytes ..][0..probe.sizes[slot]]);
        }
        text("\n");
    }
}

/// What a callee sees of its caller: registers, stack, what they point to, and where the frame pointer leads.
fn dump() void {
    for (hs_abi_seen.general, 0..) |value, i| {
        if (i > 0) text(",");
        number(value);
    }
    text(" ");
    hex(hs_abi_seen.fx[patterns.fx_vectors..][0 .. patterns.vector_count * 16]);
    text(" ");
    hex(hs_abi_seen.fx[patterns.fx_x87..][0..128]);
    text(" ");
    var copy: [table.slot_bytes * 2]u8 align(64) = undefined;
    const stack = hs_abi_seen.general[patterns.rsp] + 8;
    kernel.peek(stack, &copy);
    hex(&copy);
    text(" ");
    for (hs_abi_seen.general) |value| pointee(value);
    var word: u64 = 0;
    while (word < 16) : (word += 1) {
        var bytes: [8]u8 = undefined;
        for (&bytes, 0..) |*byte, i| byte.* = copy[word * 8 + i];
        pointee(@bitCast(bytes));
    }
    text(" ");
    var chain: [16]u8 align(8) = undefined;
    kernel.peek(hs_abi_seen.general[patterns.rbp], &chain);
    var returns: [8]u8 = undefined;
    for (&returns, 0..) |*byte, i| byte.* = chain[8 + i];
    number(@intFromBool(@as(u64, @bitCast(returns)) == @intFromPtr(&hs_abi_back)));
}

fn pointee(address: u64) void {
    var copy: [table.slot_bytes]u8 = undefined;
    kernel.peek(address, &copy);
    hex(&copy);
}

/// Results when hs_abi_entry returns with one register changed: 16 general, 16 vectors, st(0), the direction flag, and none.
fn changes(index: u64, probe: *const table.Probe) void {
    var change: u64 = patterns.change_none + 1;
    while (change > 0) {
        change -= 1;
        if (change == patterns.rsp) continue;
        patterns.arrange(.random, 0);
        patterns.setValues(probe, 0);
        patterns.setChange(change);
        hs_abi_returns = 1;
        run(probe);
        begin(if (probe.kind == .takes) "takes " else "keeps ", index, 0, change);
        number(hs_abi_seen.general[patterns.rsp] + 8);
        text(" ");
        results(probe);
        text("\n");
    }
}

fn traces(index: u64, probe: *const table.Probe) void {
    patterns.arrange(.pointers, 0);
    for (&patterns.areas, 0..) |*area, i| {
        for (&trace_buffers[i]) |*address| address.* = 0;
        area[0] = 0;
        area[1] = @intFromPtr(&trace_buffers[i]);
        area[2] = 32;
    }
    run(probe);
    begin("traces ", index, 0, 0);
    var first = true;
    for (&trace_buffers, 0..) |*addresses, i| {
        if (addresses[0] == 0) continue;
        if (!first) text(",");
        first = false;
        number(i);
    }
    if (first) text("none");
    text("\n");
}

var step_lowest: u64 = 0;
var step_red: u64 = 0;
var step_entry: u64 = 0;
var step_framed: bool = false;
const red_reach = 32;

fn leaf(index: u64, probe: *const table.Probe) void {
    patterns.arrange(.pointers, 0);
    patterns.setValues(probe, 0);
    for (patterns.probe_stack[0..patterns.stack_below], 0..) |*word, i| word.* = patterns.mix(0, 1 << 24 | i);
    step_lowest = @intFromPtr(&patterns.probe_stack[patterns.stack_below]);
    step_entry = step_lowest - 8;
    step_red = 0;
    step_framed = false;
    hs_abi_in.flags |= patterns.trap_flag;
    run(probe);
    begin("leaf ", index, 0, 0);
    number(step_red);
    text(" ");
    number(@intFromBool(step_framed));
    text("\n");
}

/// After each instruction of a leaf: has something been written below where rsp ever was, and does rbp stand for the frame?
export fn hs_abi_step(context: [*]const u64) callconv(.c) void {
    const now = context[20];
    if (now & 7 != 0) return;
    if (now < step_lowest) step_lowest = now;
    if (context[15] == step_entry - 8) step_framed = true;
    const lowest = (step_lowest - @intFromPtr(&patterns.probe_stack)) / 8;
    if (lowest < red_reach or lowest > patterns.stack_below) return;
    var word: u64 = lowest - red_reach;
    while (word < lowest) : (word += 1) {
        if (patterns.probe_stack[word] != patterns.mix(0, 1 << 24 | word)) {
            const below = (lowest - word) * 8;
            if (below > step_red) step_red = below;
            return;
        }
    }
}

// Running.

fn run(probe: *const table.Probe) void {
    hs_abi_died = 0;
    hs_abi_goal = probe.code;
    kernel.timer(200_000);
    hs_abi_enter();
    kernel.timer(0);
}

// Lines.

/// The beginning of every line: what, probe, style, round, signal, and a blank.
fn begin(kind: []const u8, index: u64, style: u64, round: u64) void {
    text(kind);
    for ([_]u64{ index, style, round, hs_abi_died }) |value| {
        number(value);
        text(" ");
    }
}

/// Which registers a call has changed: general ones, vectors; and a blank.
fn registers() void {
    var general: u64 = 0;
    for (hs_abi_in.general, hs_abi_out.general, 0..) |before, after, i| {
        if (before != after) general |= @as(u64, 1) << @intCast(i);
    }
    var vectors: u64 = 0;
    var i: u64 = 0;
    while (i < patterns.vector_count * 16) : (i += 1) {
        if (hs_abi_in.fx[patterns.fx_vectors + i] != hs_abi_out.fx[patterns.fx_vectors + i]) vectors |= @as(u64, 1) << @intCast(i / 16);
    }
    number(general);
    text(" ");
    number(vectors);
    text(" ");
}

fn results(probe: *const table.Probe) void {
    var slot: u64 = 0;
    while (slot < probe.count) : (slot += 1) {
        text(",");
        hex(patterns.hs_abi_results[slot * table.slot_bytes ..][0..probe.sizes[slot]]);
    }
}

/// Nothing here may fail: a safety check that does ends the process, which is a line without an end.
pub const panic = @import("std").debug.no_panic;
