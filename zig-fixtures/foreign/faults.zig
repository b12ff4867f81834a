//! When foreign code meets the end of memory or of its stack.

const splitstack = @import("splitstack");
const kit = @import("kit.zig");

extern fn foreign_apply(f: kit.Callback, context: ?*anyopaque) void;
extern fn foreign_fill(bytes: u32) u64;

fn fill(sum: *u64) splitstack.Fault!void {
    sum.* = splitstack.withHeadroom(splitstack.headroom_bytes_max, foreign_fill, .{90 << 10});
    try splitstack.checkpoint();
}

/// The system refuses the segment: the call has its headroom all the same, and the next checkpoint returns the error.
pub fn refused(name: [*:0]const u8) void {
    var sum: u64 = 0;
    const fiber = splitstack.Fiber.init(.{ .fail_allocation = 1 }, fill, .{&sum}) catch kit.stop(name, "no memory", .{});
    defer fiber.deinit();
    kit.expect((fiber.@"resume"() catch null) == .ended, name, "the fiber does not end");
    switch (fiber.outcome()) {
        .failed => |err| kit.expect(err == error.OutOfStackSegments, name, "another error"),
        else => kit.stop(name, "the fiber does not fail", .{}),
    }
    kit.expect(sum != 0 and fiber.record.stack.live_segments == 0, name, "foreign code did not run, or segments left");
}

fn endless(context: ?*anyopaque) callconv(.c) void {
    const depth: *u64 = @ptrCast(@alignCast(context.?));
    depth.* += 1;
    if (kit.descend(100, endless, context) == 0) depth.* = 0;
}

fn overrun(depth: *u64) void {
    splitstack.onSystemStack(foreign_apply, .{ endless, depth });
}

/// Split code does not grow on the system stack: where that ends, the fiber ends.
pub fn exhausted(name: [*:0]const u8) void {
    for (0..2) |_| {
        var depth: u64 = 0;
        const fiber = splitstack.Fiber.init(.{}, overrun, .{&depth}) catch kit.stop(name, "no memory", .{});
        defer fiber.deinit();
        kit.expect((fiber.@"resume"() catch null) == .ended, name, "the fiber does not end");
        kit.expect(fiber.outcome() == .segfaulted and depth > 30, name, "it ends otherwise, or at once");
        kit.expect(kit.foreign_state_wrong() == 0, name, "a wrong state");
    }
}
