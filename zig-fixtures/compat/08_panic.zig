//! std.debug.FullPanic as the root's panic, and std.debug.no_panic
const std = @import("std");

pub const panic = std.debug.FullPanic(struct {
    fn panicked(message: []const u8, _: ?usize) noreturn {
        std.process.exit(@intCast(message.len & 1));
    }
}.panicked);

const none = std.debug.no_panic;

export fn hs_rung(a: u64) callconv(.c) u64 {
    _ = none;
    return a + 1;
}
