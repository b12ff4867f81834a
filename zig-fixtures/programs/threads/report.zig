//! One line on standard output, and the end of the program when something is wrong.

const std = @import("std");

pub fn say(comptime format: []const u8, args: anytype) void {
    var buffer: [512]u8 = undefined;
    const text = std.fmt.bufPrint(&buffer, format ++ "\n", args) catch "(a line too long)\n";
    _ = std.c.write(1, text.ptr, text.len);
}

pub fn stop(comptime format: []const u8, args: anytype) noreturn {
    @branchHint(.cold);
    say("FAILED: " ++ format, args);
    std.c._exit(1);
}
