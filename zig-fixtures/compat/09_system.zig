//! std.os.linux with typed flags: mmap, protection and mapping flags
const std = @import("std");
const linux = std.os.linux;

pub const panic = std.debug.no_panic;

export fn hs_rung(bytes: usize) callconv(.c) usize {
    return linux.mmap(null, bytes, .{ .READ = true, .WRITE = true }, .{ .TYPE = .PRIVATE, .ANONYMOUS = true }, -1, 0);
}
