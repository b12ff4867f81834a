//! The module `growing` where stacks grow by another runtime (harness/docs/RUNTIMES.md): adapter.zig asks it.

const abi = @import("abi");

pub const is_foreign = true;

extern const hsf_stub_range: abi.AddressRange;
extern fn hsf_enter(stack: *abi.Stack) callconv(.c) void;
extern fn hsf_leave(stack: *abi.Stack) callconv(.c) void;
extern fn hsf_look(stack: *abi.Stack, depth: Depth) callconv(.c) void;
extern fn hsf_arm(stack: *abi.Stack, rsp: u64) callconv(.c) void;

/// Where the stub is that prologues call.
pub inline fn stub() abi.AddressRange {
    return hsf_stub_range;
}

/// The fiber is about to run on this thread.
pub inline fn enter(stack: *abi.Stack) void {
    hsf_enter(stack);
}

/// It has stopped.
pub inline fn leave(stack: *abi.Stack) void {
    hsf_leave(stack);
}

/// The stack's segments become what the runtime says now.
pub inline fn look(stack: *abi.Stack, depth: Depth) void {
    hsf_look(stack, depth);
}

/// At a checkpoint whose caller has `rsp`: the limit becomes one that the next prologue exceeds, if the plan wants that one to split.
pub inline fn arm(stack: *abi.Stack, rsp: u64) void {
    hsf_arm(stack, rsp);
}

/// A return address right behind a call of the stub: of a frame that stands in a trace besides the split function's own, because the stub is
/// the prologue's callee as far as unwinding knows.
pub fn isPrologue(address: u64) bool {
    const call_bytes = 5;
    const opcode: *const u8 = @ptrFromInt(address - call_bytes);
    if (opcode.* != 0xe8) return false;
    const distance: *align(1) const i32 = @ptrFromInt(address - 4);
    return address +% @as(u64, @bitCast(@as(i64, distance.*))) == hsf_stub_range.low;
}

/// How much of a stack is looked at: how many segments it has and the innermost, or all of them.
pub const Depth = enum(u32) { glance = 0, whole = 1 };
