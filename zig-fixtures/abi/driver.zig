//! Runs the probes of a unit and prints what it saw, a line for each call (harness/docs/ABI.md has the lines). Decides nothing: the harness
//! reads the lines. Without std and libc, since it is compiled by the release that is being looked at.

const table = @import("table");
const kernel = @import("kernel.zig");
const text = kernel.text;
const hex = kernel.hex;
const number = kernel.number;

const general_count = 16;
const rsp = 4;
const rbp = 5;
const vector_count = 16;
const trap_flag = 0x100;
const direction_flag = 0x400;

const Image = extern struct {
    general: [general_count]u64,
    flags: u64,
    unused: [7]u64,
    fx: [512]u8,
};

const fx_control = 0;
const fx_status = 2;
const fx_tags = 4;
const fx_mxcsr = 24;
const fx_x87 = 32;
const fx_vectors = 160;

extern var hs_abi_in: Image;
extern var hs_abi_out: Image;
extern var hs_abi_seen: Image;
extern var hs_abi_change: Image;
extern var hs_abi_goal: *const anyopaque;
extern var hs_abi_returns: u32;
extern var hs_abi_died: u32;
extern const hs_abi_back: u8;
extern const hs_abi_probes: [*]const table.Probe;
extern const hs_abi_probe_count: u64;
extern fn hs_abi_enter() callconv(.c) void;
extern fn hs_abi_entry() callconv(.c) void;

export var hs_abi_values: [table.slot_bytes * table.max_slots]u8 align(64) = undefined;
export var hs_abi_results: [table.slot_bytes * table.max_slots]u8 align(64) = undefined;
export var hs_abi_target: u64 = 0;

/// What registers and stack words may point to. The first `general_count` belong to the registers.
const area_words = 64;
const area_count = general_count + stack_words;
var areas: [area_count][area_words]u64 align(64) = undefined;
/// What an error return trace in an area has for its addresses.
var trace_buffers: [area_count][32]u64 = undefined;

/// The stack that probes run on; what lies above its pointer at the call are arguments.
const stack_words = 32;
const stack_below = 16384;
var probe_stack: [stack_below + 1024]u64 align(64) = undefined;

const Style = enum(u32) { random, pointers, floats };

const rounds = 20;
const give_rounds = 3;
const send_rounds = 3;
const sentinel = 0xA5;
const change_none = 34;

export fn hs_abi_main() callconv(.c) u32 {
    kernel.catchSignals();
    text("areas ");
    number(@intFromPtr(&areas));
    text(" bytes ");
    number(area_words * 8);
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
    for ([_]Style{ .random, .pointers, .floats }) |style| {
        var round: u64 = 0;
        while (round < rounds) : (round += 1) {
            arrange(style, round);
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
        arrange(.pointers, round);
        setValues(probe, round);
        run(probe);
        begin("gives ", index, 0, round);
        registers();
        for (hs_abi_out.general, 0..) |value, i| {
            if (i > 0) text(",");
            number(value);
        }
        text(" ");
        hex(hs_abi_values[0..probe.sizes[0]]);
        for (&areas, 0..) |*area, i| {
            var same = true;
            for (area, 0..) |word, w| same = same and word == areaWord(round, i, w);
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
        arrange(.random, round);
        setValues(probe, round);
        clear(&hs_abi_seen);
        hs_abi_returns = 0;
        run(probe);
        begin("sends ", index, 0, round);
        dump();
        var slot: u64 = 0;
        while (slot < probe.count) : (slot += 1) {
            text(if (slot == 0) " " else ",");
            hex(hs_abi_values[slot * table.slot_bytes ..][0..probe.sizes[slot]]);
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
    hex(hs_abi_seen.fx[fx_vectors..][0 .. vector_count * 16]);
    text(" ");
    hex(hs_abi_seen.fx[fx_x87..][0..128]);
    text(" ");
    var copy: [table.slot_bytes * 2]u8 align(64) = undefined;
    const stack = hs_abi_seen.general[rsp] + 8;
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
    kernel.peek(hs_abi_seen.general[rbp], &chain);
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
    var change: u64 = change_none + 1;
    while (change > 0) {
        change -= 1;
        if (change == rsp) continue;
        arrange(.random, 0);
        setValues(probe, 0);
        setChange(change);
        hs_abi_returns = 1;
        run(probe);
        begin(if (probe.kind == .takes) "takes " else "keeps ", index, 0, change);
        number(hs_abi_seen.general[rsp] + 8);
        text(" ");
        results(probe);
        text("\n");
    }
}

fn traces(index: u64, probe: *const table.Probe) void {
    arrange(.pointers, 0);
    for (&areas, 0..) |*area, i| {
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
    arrange(.pointers, 0);
    setValues(probe, 0);
    for (probe_stack[0..stack_below], 0..) |*word, i| word.* = mix(0, 1 << 24 | i);
    step_lowest = @intFromPtr(&probe_stack[stack_below]);
    step_entry = step_lowest - 8;
    step_red = 0;
    step_framed = false;
    hs_abi_in.flags |= trap_flag;
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
    const lowest = (step_lowest - @intFromPtr(&probe_stack)) / 8;
    if (lowest < red_reach or lowest > stack_below) return;
    var word: u64 = lowest - red_reach;
    while (word < lowest) : (word += 1) {
        if (probe_stack[word] != mix(0, 1 << 24 | word)) {
            const below = (lowest - word) * 8;
            if (below > step_red) step_red = below;
            return;
        }
    }
}

// What a call begins with. The harness knows these numbers too (AbiPatterns).

fn arrange(style: Style, round: u64) void {
    clear(&hs_abi_in);
    for (&hs_abi_in.general, 0..) |*value, i| value.* = if (style == .pointers) @intFromPtr(&areas[i]) else mix(round, i);
    hs_abi_in.general[rsp] = @intFromPtr(&probe_stack[stack_below]);
    hs_abi_in.flags = 2;
    put(u16, fx_control, 0x37F);
    put(u32, fx_mxcsr, 0x1F80);
    var word: u64 = 0;
    while (word < vector_count * 2) : (word += 1) put(u64, fx_vectors + word * 8, mix(round, 32 + word));
    if (style == .floats) {
        hs_abi_in.fx[fx_tags] = 0xFF;
        var i: u64 = 0;
        while (i < 8) : (i += 1) {
            put(u64, fx_x87 + i * 16, mix(round, 80 + i) | 1 << 63);
            put(u16, fx_x87 + i * 16 + 8, 0x4000);
        }
    }
    word = 0;
    while (word < stack_words) : (word += 1) {
        probe_stack[stack_below + word] = if (style == .pointers) @intFromPtr(&areas[general_count + word]) else mix(round, 128 + word);
    }
    for (&areas, 0..) |*area, i| for (area, 0..) |*value, w| {
        value.* = areaWord(round, i, w);
    };
    for (&hs_abi_results) |*byte| byte.* = sentinel;
    hs_abi_target = @intFromPtr(&hs_abi_entry);
}

fn setValues(probe: *const table.Probe, round: u64) void {
    var word: u64 = 0;
    while (word < hs_abi_values.len / 8) : (word += 1) {
        const value: [8]u8 = @bitCast(mix(round, 1 << 20 | word));
        for (value, 0..) |byte, i| hs_abi_values[word * 8 + i] = byte;
    }
    for (probe.fixes[0..probe.fix_count]) |fix| {
        const byte = &hs_abi_values[fix.offset];
        byte.* = byte.* & fix.keep | fix.set;
    }
}

/// Every byte of the register changes, each in its own way, its lowest bit in any case.
fn setChange(change: u64) void {
    clear(&hs_abi_change);
    const bytes: []u8 = switch (change) {
        0...15 => @as([*]u8, @ptrCast(&hs_abi_change.general[change]))[0..8],
        16...31 => hs_abi_change.fx[fx_vectors + (change - 16) * 16 ..][0..16],
        32 => {
            // An x87 stack of one number where there was none.
            hs_abi_change.fx[fx_status + 1] = 0x38;
            hs_abi_change.fx[fx_tags] = 0x80;
            for (hs_abi_change.fx[fx_x87..][0..10], 0..) |*byte, i| byte.* = changeByte(i);
            return;
        },
        33 => {
            hs_abi_change.flags = direction_flag;
            return;
        },
        else => return,
    };
    for (bytes, 0..) |*byte, i| byte.* = changeByte(i);
}

fn changeByte(i: u64) u8 {
    return @intCast(0x11 + i * 14);
}

fn areaWord(round: u64, area: u64, word: u64) u64 {
    return mix(round, 1024 + area * area_words + word);
}

/// SplitMix64's finaliser.
fn mix(round: u64, place: u64) u64 {
    var z = (round << 32 | place) *% 0x9E3779B97F4A7C15 +% 0x9E3779B97F4A7C15;
    z = (z ^ z >> 30) *% 0xBF58476D1CE4E5B9;
    z = (z ^ z >> 27) *% 0x94D049BB133111EB;
    return z ^ z >> 31;
}

fn put(comptime T: type, at: u64, value: T) void {
    const bytes: [@sizeOf(T)]u8 = @bitCast(value);
    for (bytes, 0..) |byte, i| hs_abi_in.fx[at + i] = byte;
}

fn clear(image: *Image) void {
    const words: *[@sizeOf(Image) / 8]u64 = @ptrCast(image);
    for (words) |*word| word.* = 0;
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
    while (i < vector_count * 16) : (i += 1) {
        if (hs_abi_in.fx[fx_vectors + i] != hs_abi_out.fx[fx_vectors + i]) vectors |= @as(u64, 1) << @intCast(i / 16);
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
        hex(hs_abi_results[slot * table.slot_bytes ..][0..probe.sizes[slot]]);
    }
}

/// Nothing here may fail: a safety check that does ends the process, which is a line without an end.
pub const panic = @import("std").debug.no_panic;
