//! C++ exceptions through split Zig frames, C++ → Zig → C++: thrown on one segment or on the system stack, caught on another.

const std = @import("std");
const splitstack = @import("splitstack");
const kit = @import("kit.zig");

extern fn foreign_throw(number: u64, kind: u32) void;
extern fn foreign_try(f: kit.Callback, context: ?*anyopaque) u64;
extern fn foreign_pass(f: kit.Callback, in_handler: kit.Callback, context: ?*anyopaque) void;
extern fn foreign_repeat(f: kit.Callback, context: ?*anyopaque, times: u32) u32;
extern fn foreign_handle_long(f: kit.Callback, context: ?*anyopaque, number: u64) u64;
extern var foreign_destroyed: u32;

/// What throwing needs on the stack it happens on: the unwinder's own frames.
const headroom = 16 << 10;

pub const scenarios = [_]kit.Scenario{
    .{ .name = "exceptions from segment to segment", .run = nearThrows, .expected = 6 },
    .{ .name = "exceptions from the system stack", .run = farThrows, .expected = 6 },
    .{ .name = "exceptions through C++ in between", .run = passing, .expected = 4 },
    .{ .name = "exceptions on the system stack", .run = within, .expected = 51 },
};

const Throw = struct {
    number: u64,
    kind: u32,
    system: bool,
    levels: u32 = 3,
    deferred: u32 = 0,
    handled: u32 = 0,
};

fn throw(context: ?*anyopaque) callconv(.c) void {
    const state: *const Throw = @ptrCast(@alignCast(context.?));
    if (state.system) splitstack.onSystemStack(foreign_throw, .{ state.number, state.kind }) else splitstack.withHeadroom(headroom, foreign_throw, .{ state.number, state.kind });
}

/// Zig knows nothing of exceptions: this defer does not run.
fn throwDeep(context: ?*anyopaque) callconv(.c) void {
    const state: *Throw = @ptrCast(@alignCast(context.?));
    defer state.deferred += 1;
    kit.check();
    _ = kit.descend(state.levels, throw, context);
}

fn caught(state: *Throw) u64 {
    return splitstack.withHeadroom(headroom, foreign_try, .{ throwDeep, state });
}

fn throws(system: bool) u64 {
    var right: u64 = 0;
    for (0..3) |kind| {
        foreign_destroyed = 0;
        var state: Throw = .{ .number = 40 + kind, .kind = @intCast(kind), .system = system };
        // The handlers' digits: 1 Thrown, 2 Special, 3 int.
        right += @intFromBool(caught(&state) == state.number * 10 + kind + 1);
        right += @intFromBool(foreign_destroyed == 2 and state.deferred == 0);
        kit.expectDeep(6);
    }
    return right;
}

fn nearThrows() u64 {
    return throws(false);
}

fn farThrows() u64 {
    return throws(true);
}

// ── C++ in between ──────────────────────────────────────────────────────────────────────────────────────────────

fn handle(context: ?*anyopaque) callconv(.c) void {
    const state: *Throw = @ptrCast(@alignCast(context.?));
    state.handled += 1;
    kit.expectDeep(5);
}

/// C++ → Zig → C++ (handles Special, throws on) → Zig → C++ (throws).
fn pass(context: ?*anyopaque) callconv(.c) void {
    splitstack.withHeadroom(headroom, foreign_pass, .{ throwDeep, handle, context });
}

fn passDeep(context: ?*anyopaque) callconv(.c) void {
    _ = kit.descend(2, pass, context);
}

fn passing() u64 {
    var right: u64 = 0;
    for ([_]u32{ 0, 1 }) |kind| {
        foreign_destroyed = 0;
        var state: Throw = .{ .number = 77, .kind = kind, .system = kind == 1 };
        right += @intFromBool(splitstack.withHeadroom(headroom, foreign_try, .{ passDeep, &state }) == 771 + kind);
        right += @intFromBool(foreign_destroyed == 3 and state.handled == kind and state.deferred == 0);
        kit.expectDeep(6);
    }
    return right;
}

/// Thrown and caught without leaving the system stack.
fn within() u64 {
    var state: Throw = .{ .number = 5, .kind = 0, .system = false };
    const number = splitstack.onSystemStack(foreign_try, .{ throwDeep, &state });
    kit.expectDeep(6);
    return number;
}

// ── Not swept ───────────────────────────────────────────────────────────────────────────────────────────────────

fn throwAtVaryingDepth(context: ?*anyopaque) callconv(.c) void {
    const state: *Throw = @ptrCast(@alignCast(context.?));
    state.levels = (state.levels *% 7 + 3) % 61;
    state.system = state.levels % 2 == 0;
    throwDeep(context);
}

fn repeatedly(result: *u32, live: *[2]u64) void {
    var state: Throw = .{ .number = 5, .kind = 0, .system = false, .levels = 60 };
    const stack = &splitstack.current().?.stack;
    kit.expectDeep(64);
    live[0] = stack.live_segments;
    result.* = splitstack.withHeadroom(headroom, foreign_repeat, .{ throwAtVaryingDepth, &state, kit.times });
    live[1] = stack.live_segments;
    kit.expectDeep(2000);
}

pub fn repeat(name: [*:0]const u8) void {
    kit.repeat(name, repeatedly);
}

fn throwsOut(destroyed: *u32) void {
    defer destroyed.* = 100; // does not run
    var state: Throw = .{ .number = 9, .kind = 1, .system = true };
    throwDeep(&state);
}

/// The fiber that throws ends; another that waits, deep down, goes on.
pub fn uncaught(name: [*:0]const u8) void {
    var count: u64 = 0;
    const sibling = splitstack.Fiber.init(.{}, waitDeep, .{&count}) catch kit.stop(name, "no memory", .{});
    defer sibling.deinit();
    kit.expect((sibling.@"resume"() catch null) == .yielded, name, "the sibling does not yield");
    for (0..3) |_| {
        foreign_destroyed = 0;
        var destroyed: u32 = 0;
        const fiber = splitstack.Fiber.init(.{}, throwsOut, .{&destroyed}) catch kit.stop(name, "no memory", .{});
        defer fiber.deinit();
        kit.expect((fiber.@"resume"() catch null) == .ended and fiber.outcome() == .uncaught, name, "the fiber does not end as uncaught");
        kit.expect(foreign_destroyed == 1 and destroyed == 0, name, "destructors did not run, or a defer did");
        kit.expect(fiber.record.stack.live_segments == 0 and kit.foreign_state_wrong() == 0, name, "segments left, or a wrong state");
    }
    kit.expect((sibling.@"resume"() catch null) == .ended and count == 31, name, "the sibling noticed");
}

fn yieldOnce(_: ?*anyopaque) callconv(.c) void {
    splitstack.yield();
}

fn waitDeep(count: *u64) void {
    count.* = kit.descend(30, yieldOnce, null);
}

fn handleLong(number: u64, seen: *u64) void {
    seen.* = splitstack.withHeadroom(headroom, foreign_handle_long, .{ yieldOnce, null, number });
}

/// Two fibers wait inside handlers, and each then throws on what it was handling itself.
pub fn handlers(name: [*:0]const u8) void {
    var seen: [2]u64 = @splat(0);
    var fibers: [2]splitstack.Fiber = undefined;
    for (&fibers, &seen, 1..) |*fiber, *slot, number| {
        fiber.* = splitstack.Fiber.init(.{}, handleLong, .{ number, slot }) catch kit.stop(name, "no memory", .{});
        kit.expect((fiber.@"resume"() catch null) == .yielded, name, "no yield in the handler");
    }
    for (fibers) |fiber| {
        kit.expect((fiber.@"resume"() catch null) == .ended, name, "no end");
        fiber.deinit();
    }
    if (seen[0] != 1 or seen[1] != 2) kit.stop(name, "they throw %lu and %lu on", .{ seen[0], seen[1] });
}

const Thing = struct {
    held: splitstack.Held = .{},

    fn give(_: *splitstack.Held) callconv(.c) void {
        foreign_throw(3, 0);
    }
};

fn holds(first: *Thing, second: *Thing, panics: bool) void {
    splitstack.hold(&first.held, Thing.give);
    splitstack.hold(&second.held, Thing.give);
    if (panics) @panic("with things held");
    splitstack.yield();
}

/// What a release callback throws costs only itself.
pub fn releases(name: [*:0]const u8) void {
    var things: [2]Thing = @splat(.{});
    foreign_destroyed = 0;
    const fiber = splitstack.Fiber.init(.{}, holds, .{ &things[0], &things[1], true }) catch kit.stop(name, "no memory", .{});
    defer fiber.deinit();
    kit.expect((fiber.@"resume"() catch null) == .ended and fiber.outcome() == .panicked, name, "the fiber does not end as panicked");
    kit.expect(fiber.record.second_faults == 2 and foreign_destroyed == 2, name, "not every callback ran");
    // From outside any fiber, where no frame further out would end the search for a handler.
    const waiting = splitstack.Fiber.init(.{}, holds, .{ &things[0], &things[1], false }) catch kit.stop(name, "no memory", .{});
    kit.expect((waiting.@"resume"() catch null) == .yielded, name, "the fiber does not wait");
    waiting.deinit();
    kit.expect(foreign_destroyed == 4 and kit.foreign_state_wrong() == 0, name, "not every callback of the waiting fiber ran, or a wrong state");
}
