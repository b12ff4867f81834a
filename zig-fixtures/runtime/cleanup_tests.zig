//! The product's tests of what goes wrong while a fiber cleans up: the budget used up in a defer or errdefer, a panic there, and a
//! clean-up that recurses on the reserve.

const std = @import("std");
const splitstack = @import("splitstack");
const kit = @import("tests.zig");
const notes = @import("notes.zig");
const expect = std.testing.expect;
const expectEqual = std.testing.expectEqual;

const Fiber = splitstack.Fiber;
const Deep = kit.Deep;

/// Its clean-up recurses until the budget is used up.
fn overflowInCleanUp(fails: bool) (splitstack.Fault || error{Wanted})!void {
    try splitstack.checkpoint();
    defer notes.note('c');
    defer {
        var deep: Deep = .{ .depth = 100_000 };
        Deep.run(&deep) catch |err| notes.note(if (err == error.StackOverflow) 'd' else '?');
    }
    errdefer {
        var deep: Deep = .{ .depth = 100_000 };
        Deep.run(&deep) catch |err| notes.note(if (err == error.StackOverflow) 'e' else '?');
    }
    notes.note('a');
    if (fails) return error.Wanted;
}

test "the budget may run out in a defer and in an errdefer: what is left to clean up is, and the error stays what it was" {
    try splitstack.Thread.enter();
    notes.clear();
    const sound = try Fiber.init(.{ .budget_bytes = 100 << 10 }, overflowInCleanUp, .{false});
    defer sound.deinit();
    try expectEqual(.ended, try sound.@"resume"());
    try expectEqual(splitstack.Outcome.completed, sound.outcome());
    try std.testing.expectEqualStrings("adc", notes.noted());

    notes.clear();
    const failing = try Fiber.init(.{ .budget_bytes = 100 << 10 }, overflowInCleanUp, .{true});
    defer failing.deinit();
    try expectEqual(.ended, try failing.@"resume"());
    try expectEqual(@as(anyerror, error.Wanted), failing.outcome().failed);
    try std.testing.expectEqualStrings("aedc", notes.noted());
}

/// Fills its budget; on the way out the clean-up of every level recurses, twice, however often it is told to stop.
const Filling = struct {
    how: enum { in_a_defer, in_an_errdefer, without_checkpoints },
    held: u32 = 0,
    refusals: u32 = 0,
    fault: ?splitstack.Fault = null,

    const Level = struct { held: splitstack.Held = .{}, filling: *Filling };

    fn start(filling: *Filling) splitstack.Fault!void {
        try filling.fill();
    }

    fn fill(filling: *Filling) splitstack.Fault!void {
        try splitstack.checkpoint();
        var level: Level = .{ .filling = filling };
        filling.held += 1;
        splitstack.hold(&level.held, giveBack);
        defer splitstack.release(&level.held);
        defer if (filling.how == .in_a_defer) kit.split_call(tidy, filling);
        errdefer if (filling.how == .in_an_errdefer) kit.split_call(tidy, filling);
        errdefer if (filling.how == .without_checkpoints) kit.split_call(tidyForEver, filling);
        kit.split_call(deeper, filling);
        if (filling.fault) |fault| return fault;
    }

    fn deeper(context: ?*anyopaque) callconv(.c) void {
        const filling: *Filling = @ptrCast(@alignCast(context.?));
        filling.fill() catch |err| {
            filling.fault = err;
        };
    }

    fn tidy(context: ?*anyopaque) callconv(.c) void {
        const filling: *Filling = @ptrCast(@alignCast(context.?));
        for (0..2) |_| {
            var deep: Deep = .{ .depth = 100_000 };
            Deep.run(&deep) catch |err| {
                filling.refusals += @intFromBool(err == error.StackOverflow);
            };
        }
    }

    fn tidyForEver(context: ?*anyopaque) callconv(.c) void {
        kit.split_call(tidyForEver, context);
    }

    fn giveBack(held: *splitstack.Held) callconv(.c) void {
        const level: *Level = @fieldParentPtr("held", held);
        level.filling.held -= 1;
    }

    /// Ends beside a sibling that waits in the middle and must not notice.
    fn run(filling: *Filling, expected: splitstack.Outcome) !void {
        var other: Deep = .{ .depth = 50, .at_bottom = .yield };
        const sibling = try kit.started(.{}, &other);
        defer sibling.deinit();
        const fiber = try Fiber.init(.{ .budget_bytes = 64 << 10, .reserve_bytes = 24 << 10 }, start, .{filling});
        defer fiber.deinit();
        var queue: splitstack.RoundRobin = .{};
        queue.add(sibling);
        queue.add(fiber);
        try queue.run();
        try expectEqual(expected, fiber.outcome());
        try expectEqual(0, filling.held);
        try expectEqual(0, fiber.record.second_faults);
        try expectEqual(0, fiber.record.stack.live_segments);
        try expectEqual(splitstack.Outcome.completed, sibling.outcome());
        try expectEqual(50, other.reached);
    }
};

test "a clean-up that recurses on the reserve is stopped at each checkpoint, in a defer and in an errdefer; without one its fiber ends" {
    try splitstack.Thread.enter();
    var in_a_defer: Filling = .{ .how = .in_a_defer };
    try in_a_defer.run(.{ .failed = error.StackOverflow });
    try expect(in_a_defer.refusals > 20);
    var in_an_errdefer: Filling = .{ .how = .in_an_errdefer };
    try in_an_errdefer.run(.{ .failed = error.StackOverflow });
    try expectEqual(in_a_defer.refusals, in_an_errdefer.refusals);
    var without_checkpoints: Filling = .{ .how = .without_checkpoints };
    try without_checkpoints.run(.overflowed);
}

const Noted = struct {
    held: splitstack.Held = .{},
    letter: u8,
    faults: bool = false,

    fn give(held: *splitstack.Held) callconv(.c) void {
        const noted: *Noted = @fieldParentPtr("held", held);
        notes.note(noted.letter);
        if (noted.faults) @as(*volatile u8, @ptrFromInt(0x5e60)).* = 1;
    }
};

fn panicInCleanUp() error{Wanted}!void {
    var outer: Noted = .{ .letter = '1' };
    splitstack.hold(&outer.held, Noted.give);
    defer splitstack.release(&outer.held);
    var inner: Noted = .{ .letter = '2', .faults = true };
    splitstack.hold(&inner.held, Noted.give);
    errdefer {
        notes.note('p');
        splitstack.panic.call("in the errdefer", null);
    }
    return error.Wanted;
}

test "an errdefer that panics ends its fiber; the ledger releases the rest, also behind a release that faults" {
    try splitstack.Thread.enter();
    notes.clear();
    const fiber = try Fiber.init(.{}, panicInCleanUp, .{});
    defer fiber.deinit();
    try expectEqual(.ended, try fiber.@"resume"());
    try expectEqual(splitstack.Outcome.panicked, fiber.outcome());
    try std.testing.expectEqualStrings("p21", notes.noted());
    try expectEqual(1, fiber.record.second_faults);
    const report = fiber.report().?;
    try std.testing.expectEqualStrings("in the errdefer", report.message[0..report.message_length]);
}
