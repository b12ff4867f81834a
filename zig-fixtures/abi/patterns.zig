//! What a call of a probe begins with: registers, stack, values and what they point to. The harness knows these numbers too (AbiPatterns).

const table = @import("table");

const general_count = 16;
pub const rsp = 4;
pub const rbp = 5;
pub const vector_count = 16;
pub const trap_flag = 0x100;
const direction_flag = 0x400;

pub const Image = extern struct {
    general: [general_count]u64,
    flags: u64,
    unused: [7]u64,
    fx: [512]u8,
};

const fx_control = 0;
const fx_status = 2;
const fx_tags = 4;
const fx_mxcsr = 24;
pub const fx_x87 = 32;
pub const fx_vectors = 160;

extern var hs_abi_in: Image;
extern var hs_abi_change: Image;
extern fn hs_abi_entry() callconv(.c) void;

pub export var hs_abi_values: [table.slot_bytes * table.max_slots]u8 align(64) = undefined;
pub export var hs_abi_results: [table.slot_bytes * table.max_slots]u8 align(64) = undefined;
export var hs_abi_target: u64 = 0;

/// What registers and stack words may point to. The first `general_count` belong to the registers.
pub const area_words = 64;
pub const area_count = general_count + stack_words;
pub var areas: [area_count][area_words]u64 align(64) = undefined;

/// The stack that probes run on; what lies above its pointer at the call are arguments.
const stack_words = 32;
pub const stack_below = 16384;
pub var probe_stack: [stack_below + 1024]u64 align(64) = undefined;

pub const Style = enum(u32) { random, pointers, floats };

const sentinel = 0xA5;

pub fn arrange(style: Style, round: u64) void {
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

pub fn setValues(probe: *const table.Probe, round: u64) void {
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

/// For `setChange`: none of them.
pub const change_none = 34;

/// Every byte of the register changes, each in its own way, its lowest bit in any case.
pub fn setChange(change: u64) void {
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

pub fn areaWord(round: u64, area: u64, word: u64) u64 {
    return mix(round, 1024 + area * area_words + word);
}

/// SplitMix64's finaliser.
pub fn mix(round: u64, place: u64) u64 {
    var z = (round << 32 | place) *% 0x9E3779B97F4A7C15 +% 0x9E3779B97F4A7C15;
    z = (z ^ z >> 30) *% 0xBF58476D1CE4E5B9;
    z = (z ^ z >> 27) *% 0x94D049BB133111EB;
    return z ^ z >> 31;
}

fn put(comptime T: type, at: u64, value: T) void {
    const bytes: [@sizeOf(T)]u8 = @bitCast(value);
    for (bytes, 0..) |byte, i| hs_abi_in.fx[at + i] = byte;
}

pub fn clear(image: *Image) void {
    const words: *[@sizeOf(Image) / 8]u64 = @ptrCast(image);
    for (words) |*word| word.* = 0;
}
