//! Framed result lines on standard output (harness/docs/PROTOCOL.md) and the shared status page.

const std = @import("std");

pub const Status = extern struct {
    magic: u64,
    row: u32,
    phase: Phase,
    heartbeat: u64,
    executions: u64,
    splits: u64,
    faults: u64,
    probes: u64,
    frames: u64,
    acquired: u64,
    released: u64,
    fiber: u32,
    signal: u32,
    signal_address: u64,
    signal_pc: u64,
    /// How often code ran that a planted defect has changed; always 0 but in workers made for them.
    planted_reached: u64,
};

pub const Phase = enum(u32) { starting = 0, running = 1, between = 2, finished = 3 };

pub const status_magic: u64 = std.mem.readInt(u64, "HSSTAT01", .little);
pub const status_bytes = 4096;

var dummy: Status = std.mem.zeroes(Status);

/// Always valid: a local one until the mapping is made.
pub var status: *volatile Status = &dummy;

var buffer: [1 << 16]u8 = undefined;
var used: usize = 0;

/// One `#hs ` line. A line longer than the buffer is a bug of ours.
pub fn line(comptime format: []const u8, args: anytype) void {
    part("#hs " ++ format ++ "\n", args);
}

/// A piece of a line that is built in steps; the caller starts it with "#hs " and ends it with a newline.
pub fn part(comptime format: []const u8, args: anytype) void {
    if (buffer.len - used < 1024) flush();
    const written = std.fmt.bufPrint(buffer[used..], format, args) catch blk: {
        flush();
        break :blk std.fmt.bufPrint(&buffer, format, args) catch unreachable;
    };
    used += written.len;
}

pub fn flush() void {
    var done: usize = 0;
    while (done < used) {
        const count = std.c.write(1, buffer[done..].ptr, used - done);
        // The harness is gone: nobody is left to report to.
        if (count <= 0) std.c._exit(3);
        done += @intCast(count);
    }
    used = 0;
}

pub fn stop(comptime format: []const u8, args: anytype, code: c_int) noreturn {
    flush();
    var text: [512]u8 = undefined;
    const message = std.fmt.bufPrint(&text, "worker: " ++ format ++ "\n", args) catch "worker: (message too long)\n";
    _ = std.c.write(2, message.ptr, message.len);
    std.c._exit(code);
}
