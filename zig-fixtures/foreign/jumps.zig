//! setjmp and longjmp in C code around split Zig frames: out of deeper segments and of the system stack, to shallower segments.

const std = @import("std");
const splitstack = @import("splitstack");
const kit = @import("kit.zig");

const Jump = opaque {};
extern fn foreign_jump_init(memory: *anyopaque, bytes: usize, kind: u32) ?*Jump;
extern fn foreign_jump(jump: *Jump) noreturn;
extern fn foreign_land(jump: *Jump, f: kit.Callback, context: ?*anyopaque, times: u32) u32;
extern fn foreign_land_unseen(jump: *Jump, f: kit.Callback, context: ?*anyopaque, landed_at: kit.Callback) u32;
extern fn foreign_mark(jump: *Jump) u32;
extern fn foreign_signal_blocked() u32;
extern fn foreign_signal_block(how: u32) void;

const headroom = 12 << 10;

pub const scenarios = [_]kit.Scenario{
    .{ .name = "longjmp from segment to segment", .run = near, .expected = 9 },
    .{ .name = "longjmp from the system stack to a segment", .run = far, .expected = 9 },
    .{ .name = "longjmp on the system stack", .run = within, .expected = 9 },
    .{ .name = "a jump unseen, then realign", .run = unseen, .expected = 2 },
};

/// The numbers are calls.c's.
const kinds = [_]u32{ 0, 1, 2 };
const From = enum { segment, system, here };

const State = struct {
    memory: [512]u8 align(16) = undefined,
    jump: *Jump = undefined,
    from: From,
    levels: u32 = 4,
    deferred: u32 = 0,
    last: u64 = 0,

    fn init(state: *State, kind: u32) void {
        state.jump = foreign_jump_init(&state.memory, state.memory.len, kind) orelse kit.stop("jumps", "jmp_buf is larger", .{});
    }
};

fn jumpOut(context: ?*anyopaque) callconv(.c) void {
    const state: *State = @ptrCast(@alignCast(context.?));
    switch (state.from) {
        .segment => splitstack.withHeadroom(headroom, foreign_jump, .{state.jump}),
        .system => splitstack.onSystemStack(foreign_jump, .{state.jump}),
        .here => foreign_jump(state.jump),
    }
}

fn jumpDeep(context: ?*anyopaque) callconv(.c) void {
    const state: *State = @ptrCast(@alignCast(context.?));
    defer state.deferred += 1; // does not run
    kit.check();
    _ = kit.descend(state.levels, jumpOut, context);
}

fn landings(from: From, on_system: bool) u64 {
    var landed: u64 = 0;
    for (kinds) |kind| {
        var state: State = .{ .from = from };
        state.init(kind);
        if (kind == 1) foreign_signal_block(0);
        landed += if (on_system)
            splitstack.onSystemStack(foreign_land, .{ state.jump, jumpDeep, &state, 3 })
        else
            splitstack.withHeadroom(headroom, foreign_land, .{ state.jump, jumpDeep, &state, 3 });
        if (state.deferred != 0) return 0;
        kit.expectDeep(6);
    }
    return landed;
}

fn near() u64 {
    return landings(.segment, false);
}

fn far() u64 {
    return landings(.system, false);
}

fn within() u64 {
    return landings(.here, true);
}

fn landedAt(_: ?*anyopaque) callconv(.c) void {
    kit.expectDeep(3);
}

fn unseen() u64 {
    var landed: u64 = 0;
    for ([_]From{ .segment, .system }) |from| {
        var state: State = .{ .from = from };
        state.init(0);
        landed += splitstack.withHeadroom(headroom, foreign_land_unseen, .{ state.jump, jumpDeep, &state, landedAt });
        kit.expectDeep(6);
    }
    return landed;
}

// ── Not swept ───────────────────────────────────────────────────────────────────────────────────────────────────

fn jumpAtVaryingDepth(context: ?*anyopaque) callconv(.c) void {
    const state: *State = @ptrCast(@alignCast(context.?));
    state.levels = (state.levels *% 7 + 3) % 61;
    state.from = if (state.levels % 2 == 0) .system else .segment;
    const here = @frameAddress();
    if (state.last != 0 and state.last != here) kit.failures += 1; // the loop stays on its segment
    state.last = here;
    foreign_signal_block(1);
    jumpDeep(context);
}

fn repeatedly(result: *u32, live: *[2]u64) void {
    var state: State = .{ .from = .segment, .levels = 60 };
    state.init(1);
    foreign_signal_block(0);
    const stack = &splitstack.current().?.stack;
    kit.expectDeep(64);
    live[0] = stack.live_segments;
    result.* = splitstack.withHeadroom(headroom, foreign_land, .{ state.jump, jumpAtVaryingDepth, &state, kit.times });
    live[1] = stack.live_segments;
    if (foreign_signal_blocked() != 0) kit.failures += 1;
    kit.expectDeep(2000);
}

pub fn repeat(name: [*:0]const u8) void {
    kit.repeat(name, repeatedly);
}

/// On the thread's own stack: no fiber runs, so there is nothing to put right, and glibc's does it all.
pub fn outside(name: [*:0]const u8) void {
    for (kinds) |kind| {
        var state: State = .{ .from = .here };
        state.init(kind);
        if (kind == 1) foreign_signal_block(0);
        kit.expect(foreign_land(state.jump, jumpDeep, &state, 3) == 3, name, "not every jump landed");
        kit.expect(state.deferred == 0 and kit.failures == 0 and kit.foreign_state_wrong() == 0, name, "a wrong state");
    }
}

/// The jump is refused and ends the fiber; its target would be a frame under the scheduler's feet.
pub fn out(name: [*:0]const u8) void {
    for ([_]From{ .segment, .system }) |from| {
        var state: State = .{ .from = from };
        state.init(0);
        if (foreign_mark(state.jump) != 0) kit.stop(name, "it was not refused", .{});
        const fiber = splitstack.Fiber.init(.{}, jumpDeep, .{&state}) catch kit.stop(name, "no memory", .{});
        defer fiber.deinit();
        kit.expect((fiber.@"resume"() catch null) == .ended and fiber.outcome() == .misused, name, "the fiber does not end as misused");
        const report = fiber.report().?;
        kit.expect(std.mem.eql(u8, report.message[0..report.message_length], std.mem.span(name)), name, "another message");
        kit.expect(fiber.record.stack.live_segments == 0 and kit.foreign_state_wrong() == 0, name, "segments left, or a wrong state");
    }
}
