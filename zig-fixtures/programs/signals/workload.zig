//! Fibers that go through every instruction of the stubs and gates, and what they come to, as one number.

const std = @import("std");
const abi = @import("abi");
const records = @import("fiber");
const splitstack = @import("splitstack");

const Fiber = splitstack.Fiber;
const Sum = *const fn (u64, u64) callconv(.c) u64;

extern fn hs_fiber_create(*const splitstack.Options, records.Entry, [*]const u8, u64) callconv(.c) ?*records.Fiber;
extern fn hs_current() callconv(.c) ?*records.Fiber;
extern fn hs_signal_entry(signal: u32, info: *const anyopaque, context: *const anyopaque) callconv(.c) void;
extern fn hs_signal_set(u32, *const fn (u32, *const anyopaque, ?*anyopaque) callconv(.c) void) callconv(.c) u32;
extern fn signals_attribute(a: u64, b: u64) callconv(.c) u64;
extern fn signals_attribute_arguments(a: u64, b: u64) callconv(.c) u64;
extern fn signals_thunk(a: u64, b: u64) callconv(.c) u64;
extern fn signals_thunk_arguments(a: u64, b: u64) callconv(.c) u64;
extern fn signals_thunk_bound(a: u64, b: u64) callconv(.c) u64;
extern fn signals_left_by_jump(a: u64, b: u64) callconv(.c) u64;
extern fn signals_jumps_out(a: u64, b: u64) callconv(.c) u64;
extern fn signals_jump_to_segment(a: u64, b: u64) callconv(.c) u64;
extern fn signals_jump_here(a: u64, b: u64) callconv(.c) u64;
extern fn signals_odd_caller(f: Sum, a: u64, b: u64) callconv(.c) u64;
extern fn signals_attribute_small(a: u64, b: u64) callconv(.c) u64;
extern fn signals_thunk_small(a: u64, b: u64) callconv(.c) u64;
extern fn signals_breaks_registers(context: ?*anyopaque) callconv(.c) void;
extern fn signals_round_up() callconv(.c) void;
extern fn signals_round_nearest() callconv(.c) void;
extern var planned_limit: u64;
extern var hs_threads: u32;

var digest: u64 = 0;

fn add(value: u64) void {
    digest = (digest ^ value) *% 0x100000001B3;
    digest ^= digest >> 29;
}

/// The digest of everything below: values, ends, errors, what was released in which order, how many segments are left.
pub fn run() u64 {
    digest = 0xCBF29CE484222325;
    turns();
    toTheEnd(.{}, stubs);
    toTheEnd(.{ .fail_allocation = 2 }, refused);
    toTheEnd(.{ .budget_bytes = 16 << 10 }, overflows);
    toTheEnd(.{}, panics);
    toTheEnd(.{}, faults);
    toTheEnd(.{}, yieldsOnSystemStack);
    toTheEnd(.{}, signalled);
    inCompany();
    oddEntry();
    // Where no fiber runs.
    add(signals_jump_here(digest, 15));
    return digest;
}

fn toTheEnd(options: splitstack.Options, comptime body: anytype) void {
    const fiber = Fiber.init(options, body, .{}) catch return add(1);
    while ((fiber.@"resume"() catch return add(2)) == .yielded) fiber.trim();
    ended(fiber);
}

/// With another thread about, a fiber is claimed by a lock.
fn inCompany() void {
    _ = @atomicRmw(u32, &hs_threads, .Add, 1, .acq_rel);
    defer _ = @atomicRmw(u32, &hs_threads, .Sub, 1, .acq_rel);
    toTheEnd(.{}, stubs);
}

fn ended(fiber: Fiber) void {
    add(@intFromBool(std.meta.isError(fiber.@"resume"())));
    add(@intFromEnum(fiber.record.ending));
    add(fiber.record.error_code);
    add(fiber.record.second_faults);
    add(fiber.record.stack.live_segments);
    if (fiber.report()) |report| add(report.message_length);
    fiber.deinit();
}

// ── Two that take turns, split; one is canceled ─────────────────────────────────────────────────────────────────

fn turns() void {
    const first = Fiber.init(.{}, descend, .{ 3, 20 }) catch return add(1);
    const second = Fiber.init(.{}, descend, .{ 5, 24 }) catch return add(1);
    var left: u32 = 2;
    var round: u32 = 0;
    while (left > 0) : (round += 1) {
        for ([_]Fiber{ first, second }) |fiber| {
            const step = fiber.@"resume"() catch continue;
            if (step == .ended) left -= 1;
        }
        if (round == 1) second.cancel();
    }
    ended(first);
    ended(second);
}

/// More arguments than registers take, frames of three sizes, and a yield now and then.
noinline fn descend(value: u64, levels: u32) splitstack.Fault!void {
    add(try level(value, levels, 1, 2, 3, 4, 5, 6, 7));
}

noinline fn level(value: u64, left: u32, a: u64, b: u64, c: u64, d: u64, e: u64, f: u64, g: u64) splitstack.Fault!u64 {
    errdefer add(left);
    try splitstack.checkpoint();
    var frame: [60]u64 = undefined;
    for (&frame, 0..) |*word, i| @as(*volatile u64, word).* = value +% i;
    if (left % 8 == 0) splitstack.yield();
    const under = if (left == 0) a +% g else try level(value *% 3 +% left, left - 1, b, c, d, e, f, g, a);
    return under +% frame[left % frame.len];
}

// ── Each way through the stubs ──────────────────────────────────────────────────────────────────────────────────

fn stubs() void {
    for ([_]Sum{ signals_attribute, signals_attribute_arguments, signals_thunk, signals_thunk_arguments, signals_thunk_bound }) |f| {
        // Cold, then on the cached segment.
        for (0..3) |i| add(f(digest, i));
        add(signals_odd_caller(f, digest, 7));
        splitstack.yield();
    }
    // In place.
    add(signals_attribute_small(digest, 8));
    add(signals_thunk_small(digest, 9));
    add(splitstack.onSystemStack(five, .{}));
    // With room where it is, and not.
    add(splitstack.withHeadroom(256, five, .{}));
    add(splitstack.withHeadroom(64 << 10, five, .{}));
    leftByJump();
    // longjmp that the runtime sees, out of a segment and within one.
    add(signals_jump_to_segment(digest, 13));
    add(signals_jump_here(digest, 14));
    add(hs_current().?.stack.live_segments);
    signals_round_up();
    splitstack.yield();
    signals_round_nearest();
    var report: splitstack.Report = undefined;
    splitstack.trace(&report);
    add(report.count);
}

fn five() callconv(.c) u64 {
    return 5;
}

/// Frames on segments of their own are left by a jump that the runtime does not see. First what they were called from returns, from the
/// cached segment; then the one who lands puts it right. Until then the innermost segment is not the one in use.
fn leftByJump() void {
    planned_limit = 1;
    const first = signals_left_by_jump(digest, 10);
    const second = signals_left_by_jump(first, 11);
    const third = signals_jumps_out(second, 12);
    const right = splitstack.realign();
    planned_limit = 0;
    add(third);
    add(@intFromBool(right));
    add(hs_current().?.stack.live_segments);
}

/// The second segment is refused: an emergency one takes its place, and is given back at the return.
fn refused() splitstack.Fault!void {
    return descend(11, 40);
}

fn overflows() splitstack.Fault!void {
    return descend(13, 400);
}

// ── Ends ────────────────────────────────────────────────────────────────────────────────────────────────────────

const Thing = struct {
    held: splitstack.Held = .{},
    number: u32,

    fn give(held: *splitstack.Held) callconv(.c) void {
        const thing: *Thing = @fieldParentPtr("held", held);
        add(thing.number);
        switch (thing.number) {
            2 => @panic("again"),
            3 => @as(*volatile u8, @ptrFromInt(0x5e60)).* = 1,
            4 => splitstack.yield(),
            else => {},
        }
    }
};

fn holding(comptime ending: fn () void) void {
    var things: [5]Thing = undefined;
    for (&things, 0..) |*thing, i| {
        thing.* = .{ .number = @intCast(i) };
        splitstack.hold(&thing.held, Thing.give);
    }
    ending();
}

fn panics() void {
    holding(struct {
        fn end() void {
            @panic("the bottom");
        }
    }.end);
}

fn faults() void {
    holding(struct {
        fn end() void {
            @as(*volatile u8, @ptrFromInt(0x5e60)).* = 1;
        }
    }.end);
}

fn yieldsOnSystemStack() void {
    splitstack.onSystemStack(splitstack.yield, .{});
}

// ── The signals' own gate ───────────────────────────────────────────────────────────────────────────────────────

const quiet_signal = 41;
var signal_stack: [32 << 10]u8 align(16) = undefined;

/// As the kernel calls it, but under the trap flag too: on a fiber's stack, with a signal stack elsewhere, so without a limit.
fn signalled() void {
    if (hs_signal_set(quiet_signal, onQuiet) != 0) return add(3);
    const context: extern struct { flags: u64, link: u64, low: u64, stack_flags: u64, bytes: u64, gregs: [23]u64 } = .{
        .flags = 0,
        .link = 0,
        .low = @intFromPtr(&signal_stack),
        .stack_flags = 0,
        .bytes = signal_stack.len,
        .gregs = @splat(0),
    };
    const limit = abi.getLimit();
    planned_limit = 1;
    hs_signal_entry(quiet_signal, &context, &context);
    planned_limit = 0;
    add(@intFromBool(limit == abi.getLimit()));
}

fn onQuiet(signal: u32, _: *const anyopaque, _: ?*anyopaque) callconv(.c) void {
    add(signal);
    add(@intFromBool(hs_current().?.stack.fixed == 1));
}

fn oddEntry() void {
    const options: splitstack.Options = .{};
    const record = hs_fiber_create(&options, signals_breaks_registers, "", 0) orelse return add(1);
    const fiber: Fiber = .{ .record = record };
    _ = fiber.@"resume"() catch add(2);
    ended(fiber);
}
