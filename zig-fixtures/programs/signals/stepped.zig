//! The workload once, for a tracer that steps through it: every instruction of the stubs and gates. observers/interrupted.zig handles the signals that it sends.

const std = @import("std");
const splitstack = @import("splitstack");
const workload = @import("workload");

pub const panic = splitstack.panic;
pub const std_options: std.Options = .{ .enable_segfault_handler = false, .allow_stack_tracing = false, .signal_stack_size = null };

extern fn hs_interrupted_install() callconv(.c) u32;

/// The workload says when a limit of its own is in force; nobody looks here.
export var planned_limit: u64 = 0;

pub export fn main() callconv(.c) c_int {
    splitstack.Thread.enter() catch return 2;
    if (hs_interrupted_install() == 0) return 2;
    const digest = stepped_run();
    splitstack.Thread.leave();
    var buffer: [32]u8 = undefined;
    const text = std.fmt.bufPrint(&buffer, "digest {x}\n", .{digest}) catch return 2;
    _ = std.c.write(1, text.ptr, text.len);
    return 0;
}

/// From here on the signal has a handler.
export fn stepped_run() callconv(.c) u64 {
    return workload.run();
}

/// By which the audit of the linked program (harness/docs/RESERVE.md) knows the functions of this unit.
export const hs_unit: u64 = 0;
