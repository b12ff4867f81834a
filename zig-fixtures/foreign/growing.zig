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

/// How much of a stack is looked at: how many segments it has and the innermost, or all of them.
pub const Depth = enum(u32) { glance = 0, whole = 1 };
