//! The module `growing` where stacks grow by our own runtime: it is asked directly, and its segments are what they say. foreign/growing.zig is
//! its counterpart.

const abi = @import("abi");

pub const is_foreign = false;

extern const hs_stub_begin: u8;
extern const hs_stub_end: u8;

/// Where morestack and lessstack are.
pub inline fn stub() abi.AddressRange {
    return .{ .low = @intFromPtr(&hs_stub_begin), .high = @intFromPtr(&hs_stub_end) };
}

pub inline fn enter(_: *abi.Stack) void {}

pub inline fn leave(_: *abi.Stack) void {}

pub inline fn look(_: *abi.Stack, _: Depth) void {}

pub inline fn arm(_: *abi.Stack, _: u64) void {}

/// How much of a stack is looked at: how many segments it has and the innermost, or all of them.
pub const Depth = enum(u32) { glance = 0, whole = 1 };
