//! OS threads of the C library. Not std.Thread: its allocators ask for their return address, so they have no check, and frames too large for that.

const std = @import("std");
const report = @import("report");

pub const Thread = struct {
    handle: std.c.pthread_t,

    pub fn spawn(comptime function: fn (u64) void, argument: u64) Thread {
        const Start = struct {
            fn entry(context: ?*anyopaque) callconv(.c) ?*anyopaque {
                function(@intFromPtr(context));
                return null;
            }
        };
        var thread: Thread = undefined;
        const refused = std.c.pthread_create(&thread.handle, null, Start.entry, @ptrFromInt(argument));
        if (refused != .SUCCESS) report.stop("the system gives no thread", .{});
        return thread;
    }

    pub fn join(thread: Thread) void {
        _ = std.c.pthread_join(thread.handle, null);
    }
};

/// Lets another thread have the CPU.
pub fn rest() void {
    _ = std.os.linux.sched_yield();
}
