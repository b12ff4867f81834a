//! What std.debug says of the same stack as check_log.zig's chain of frame pointers: it goes by call frame information alone. They must say
//! the same, the stubs' frames aside; what is written down is that they do, or what std.debug says.

const std = @import("std");
const linux = std.os.linux;
const abi = @import("abi");
const log = @import("check_log.zig");

extern fn hs_check_dwarf(walk: *Walk) callconv(.c) void;
extern fn hs_dwarf_capture(registers: *const abi.Registers, addresses: [*]u64, capacity: u64, end: *u32) callconv(.c) u64;

/// std.debug gives up after 10,000 frames, a stub's between any two.
const frames_max = 4096;
/// Of one run: walking by rows takes a hundred times as long as following a chain.
const frames_in_all = 1 << 16;
/// Frames of the host's own between a probe and the walk.
const own_max = 8;

const Walk = extern struct { count: u64 = 0, addresses: [2 * frames_max + own_max]u64 = undefined };

var walk: Walk = .{};
var frames_left: u64 = frames_in_all;

/// std.debug reads its tables once; the processes of all runs then have them.
pub fn warm() void {
    hs_check_dwarf(&walk);
}

/// On the system stack.
export fn hs_check_walk(into: *Walk, registers: *const abi.Registers) callconv(.c) void {
    var end: u32 = 0;
    into.count = hs_dwarf_capture(registers, &into.addresses, into.addresses.len, &end);
}

/// `expected`: the program's frames by frame pointers, without the `stubs` that join segments. Other threads of the program's have
/// stacks of a size that it chose: there nobody is asked.
pub fn compare(expected: []const u64, stubs: usize) void {
    if (linux.gettid() != linux.getpid()) return;
    if (expected.len == 0 or expected.len > frames_max or expected.len > frames_left) return log.line("dwarf unasked", .{});
    frames_left -= expected.len;
    hs_check_dwarf(&walk);
    const found = fromProgram(walk.addresses[0..walk.count], expected[0]);
    var kept: usize = 0;
    var left_out: usize = 0;
    for (found) |address| {
        if (kept == expected.len) break;
        if (log.isStub(address)) {
            left_out += 1;
            continue;
        }
        found[kept] = address;
        kept += 1;
    }
    if (left_out == stubs and std.mem.eql(u64, found[0..kept], expected)) return log.line("dwarf alike", .{});
    log.line("dwarf-stubs {d}", .{left_out});
    log.say("dwarf", found[0..kept], kept);
}

/// From the first frame that is not the host's.
fn fromProgram(addresses: []u64, first: u64) []u64 {
    const at = std.mem.findScalar(u64, addresses[0..@min(own_max, addresses.len)], first) orelse 0;
    return addresses[at..];
}
