//! std.debug.captureCurrentStackTrace with a cpu_context of one's own
const std = @import("std");

pub const std_options: std.Options = .{ .allow_stack_tracing = true, .signal_stack_size = null };
pub const panic = std.debug.no_panic;

export fn hs_rung(rip: u64, addresses: [*]usize) callconv(.c) usize {
    var context: std.debug.cpu_context.Native = .{ .gprs = .initFill(0) };
    context.gprs.set(.rip, rip);
    return std.debug.captureCurrentStackTrace(.{ .context = &context, .allow_unsafe_unwind = false }, addresses[0..8]).return_addresses.len;
}
