//! File descriptors for programs: real ones, each lent to one resource at a time. They are opened when none is at hand and closed after
//! each program, not at each release: those two system calls were a twentieth of a worker's time.

const std = @import("std");
const output = @import("output.zig");

/// What they are duplicates of.
var original: c_int = -1;

/// As many as a worker may have open (RLIMIT_NOFILE; Harness.Execution/RowOutcome.cs, OpenFiles).
const numbers = 1 << 16;

/// Those that a resource has.
var lent: std.StaticBitSet(numbers) = .initEmpty();
var lent_count: u64 = 0;
/// Open, and nobody's.
var at_hand: [numbers]u16 = undefined;
var at_hand_count: usize = 0;

pub fn open() void {
    original = std.c.open("/dev/null", .{ .ACCMODE = .RDONLY });
    if (original < 0) output.stop("/dev/null: cannot be opened", .{}, 3);
}

pub fn take() u64 {
    const number = if (at_hand_count == 0) duplicate() else blk: {
        at_hand_count -= 1;
        break :blk at_hand[at_hand_count];
    };
    lent.set(number);
    lent_count += 1;
    return number;
}

/// False: it is not lent.
pub fn give(number: u64) bool {
    if (number >= numbers or !lent.isSet(number)) return false;
    lent.unset(number);
    lent_count -= 1;
    keep(@intCast(number));
    return true;
}

/// How many resources have one.
pub fn lentCount() u64 {
    return lent_count;
}

/// Whatever an execution left behind.
pub fn takeBack() void {
    if (lent_count == 0) return;
    var each = lent.iterator(.{});
    while (each.next()) |number| keep(@intCast(number));
    lent = .initEmpty();
    lent_count = 0;
}

/// Those that no resource has. False: one was closed by somebody else.
pub fn closeAll() bool {
    var right = true;
    for (at_hand[0..at_hand_count]) |number| {
        if (std.c.close(number) != 0) right = false;
    }
    at_hand_count = 0;
    return right;
}

fn keep(number: u16) void {
    at_hand[at_hand_count] = number;
    at_hand_count += 1;
}

fn duplicate() u16 {
    const number = std.c.dup(original);
    if (number < 0 or number >= numbers) output.stop("out of file descriptors", .{}, 3);
    return @intCast(number);
}

test "a descriptor is lent to one at a time, and closed when no one has it" {
    open();
    const first = take();
    const second = take();
    try std.testing.expect(first != second);
    try std.testing.expect(give(first));
    try std.testing.expect(!give(first));
    try std.testing.expectEqual(first, take());
    try std.testing.expect(give(second));
    try std.testing.expect(closeAll());
    try std.testing.expect(std.c.fcntl(@intCast(first), std.c.F.GETFD) >= 0);
    try std.testing.expectEqual(-1, std.c.fcntl(@intCast(second), std.c.F.GETFD));
    try std.testing.expectEqual(1, lentCount());
    takeBack();
    try std.testing.expectEqual(0, lentCount());
    try std.testing.expectEqual(0, std.c.close(@intCast(first)));
    try std.testing.expect(!closeAll());
    try std.testing.expect(!give(numbers));
}
