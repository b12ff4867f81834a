//! Does std.debug's walk along frame pointers follow a chain whose callers lie at lower addresses, as a segment above its parent makes it?
//! Prints how many of eight frames it finds in a chain of made-up frames, both ways round.

const std = @import("std");

pub const std_options: std.Options = .{ .allow_stack_tracing = true, .enable_segfault_handler = false, .signal_stack_size = null };
pub const panic = std.debug.no_panic;
/// Without debug information, so that only the walk along frame pointers is left.
pub const debug = struct {
    pub const SelfInfo = void;
};

const frames = 8;
/// Saved rbp and return address of each.
var chain: [frames][2]usize align(16) = undefined;

fn walk(ascending: bool) usize {
    for (0..frames) |i| {
        const at = if (ascending) frames - 1 - i else i;
        const next = if (ascending) at -% 1 else at + 1;
        chain[at] = .{ if (i + 1 == frames) 0 else @intFromPtr(&chain[next]), 0x1000 + i };
    }
    var context: std.debug.cpu_context.Native = .{ .gprs = .initFill(0) };
    context.gprs.set(.rip, 0x2000);
    context.gprs.set(.rbp, @intFromPtr(&chain[if (ascending) frames - 1 else 0]));
    var addresses: [32]usize = undefined;
    const trace = std.debug.captureCurrentStackTrace(.{ .context = &context, .allow_unsafe_unwind = true }, &addresses);
    var found: usize = 0;
    for (trace.return_addresses) |address| {
        if (address >= 0x1000 and address < 0x1000 + frames) found += 1;
    }
    return found;
}

extern "c" fn write(file: c_int, bytes: [*]const u8, count: usize) isize;

pub export fn main() callconv(.c) c_int {
    const digits = [_]u8{ '0' + @as(u8, @intCast(walk(false))), ' ', '0' + @as(u8, @intCast(walk(true))), '\n' };
    _ = write(1, &digits, digits.len);
    return 0;
}
