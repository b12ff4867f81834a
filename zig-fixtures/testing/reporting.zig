//! What both kinds of runners (runner.zig, check_host.zig) say to the harness and how: a line per event, outside texts as words; and what
//! they do with the output of those that they run, which goes to files in memory.

const std = @import("std");
const linux = std.os.linux;

/// Where the lines go: what was standard output when the process began.
var report_file: i32 = 1;

/// Keeps standard output for the lines; whoever calls this points 1 and 2 elsewhere.
pub fn begin() void {
    report_file = @intCast(checked(linux.fcntl(1, linux.F.DUPFD_CLOEXEC, 100)));
}

/// In a process that has nothing to say itself.
pub fn close() void {
    _ = linux.close(report_file);
}

/// An empty file in memory.
pub fn memoryFile(name: [*:0]const u8) i32 {
    return @intCast(checked(linux.memfd_create(name, linux.MFD.CLOEXEC)));
}

pub fn redirect(file: i32, from: i32) void {
    _ = checked(linux.dup2(file, from));
}

pub fn empty(file: i32) void {
    _ = linux.ftruncate(file, 0);
    _ = linux.lseek(file, 0, linux.SEEK.SET);
}

/// At most 4 KiB; what is longer is not said.
pub fn say(comptime format: []const u8, arguments: anytype) void {
    var buffer: [4096]u8 = undefined;
    write(std.fmt.bufPrint(&buffer, format, arguments) catch buffer[0..0]);
}

pub fn write(text: []const u8) void {
    var left = text;
    while (left.len > 0) {
        const got = linux.write(report_file, left.ptr, left.len);
        if (linux.errno(got) == .INTR) continue;
        if (linux.errno(got) != .SUCCESS) linux.exit_group(71);
        left = left[got..];
    }
}

/// One word: blanks, % and whatever is not printable as %XX; the empty text as a lone %.
pub fn escaped(into: []u8, text: []const u8) []const u8 {
    var used: usize = 0;
    for (text) |byte| {
        if (used + 3 > into.len) break;
        if (byte > ' ' and byte < 0x7f and byte != '%') {
            into[used] = byte;
            used += 1;
        } else {
            _ = std.fmt.bufPrint(into[used..], "%{X:0>2}", .{byte}) catch unreachable;
            used += 3;
        }
    }
    if (used == 0 and into.len > 0) {
        into[0] = '%';
        used = 1;
    }
    return into[0..used];
}

/// What was written to a file in memory, without addresses: they are another in a fiber, and differ from run to run. Every run of eight
/// hexadecimal digits or more becomes one sign.
pub fn readOutput(file: i32, into: []u8) []u8 {
    const got = linux.pread(file, into.ptr, into.len, 0);
    if (linux.errno(got) != .SUCCESS) return into[0..0];
    var kept: usize = 0;
    var at: usize = 0;
    while (at < got) {
        var end = at;
        while (end < got and std.ascii.isHex(into[end])) end += 1;
        if (end - at >= 8) {
            into[kept] = '#';
            kept += 1;
            at = end;
        } else {
            const next = @max(end, at + 1);
            std.mem.copyForwards(u8, into[kept..], into[at..next]);
            kept += next - at;
            at = next;
        }
    }
    return into[0..kept];
}

pub fn nanoseconds() u64 {
    var now: linux.timespec = undefined;
    _ = linux.clock_gettime(.MONOTONIC, &now);
    return @as(u64, @intCast(now.sec)) * std.time.ns_per_s + @as(u64, @intCast(now.nsec));
}

pub fn checked(result: usize) usize {
    if (linux.errno(result) == .SUCCESS) return result;
    say("@broken errno {d}\n", .{@intFromEnum(linux.errno(result))});
    linux.exit_group(71);
}
