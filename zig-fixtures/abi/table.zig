//! What a unit of probes and the program that runs them share. As little of the language as possible: it is compiled by releases that nobody has seen.

pub const slot_bytes = 128;
pub const max_slots = 16;

/// What is done with a probe (driver.zig).
pub const Kind = enum(u32) { receives, sends, gives, takes, holds, keeps, traces, leaf };

/// A byte of a value that must be legal: it becomes `byte & keep | set`.
pub const Fix = extern struct { offset: u32, keep: u8, set: u8, unused: u16 = 0 };

pub const Probe = extern struct {
    kind: Kind,
    /// Values or results, one in each slot.
    count: u32,
    code: *const anyopaque,
    sizes: [*]const u32,
    fixes: [*]const Fix,
    fix_count: u64,
};

pub extern var hs_abi_values: [slot_bytes * max_slots]u8 align(64);
pub extern var hs_abi_results: [slot_bytes * max_slots]u8 align(64);
/// What a caller calls: a variable, so that no optimiser knows the function behind it.
pub extern var hs_abi_target: usize;
/// Spoils every register that C's convention gives away.
pub extern fn hs_abi_spoil() callconv(.c) void;

pub inline fn load(comptime T: type, comptime slot: usize) T {
    const place: *const volatile T = @ptrCast(@alignCast(&hs_abi_values[slot * slot_bytes]));
    return place.*;
}

pub inline fn store(comptime T: type, comptime slot: usize, value: T) void {
    const place: *volatile T = @ptrCast(@alignCast(&hs_abi_results[slot * slot_bytes]));
    place.* = value;
}

pub inline fn target(comptime F: type) F {
    const place: *const volatile usize = &hs_abi_target;
    return @ptrFromInt(place.*);
}

/// Something of a function's own at its end, so that it is not merged with another one; and behind a call, so that it is one, and no jump.
pub inline fn own(comptime number: u32) void {
    store(u32, max_slots - 1, number);
}
