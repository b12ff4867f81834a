//! Runs scenarios in fibers of their own, each under every plan of a sweep: whatever frame of it happens to lie at the edge of a
//! segment, it gives the same value, and limit, segments and the bytes below the limit are in order afterwards.

const std = @import("std");
const abi = @import("abi");
const splitstack = @import("splitstack");
const plans = @import("plan.zig");

pub extern fn printf(format: [*:0]const u8, ...) c_int;
extern fn fflush(stream: ?*anyopaque) c_int;
extern fn _exit(code: c_int) noreturn;
pub extern fn foreign_state_wrong() u32;
pub extern fn foreign_touch(pointer: *const anyopaque) void;
extern var foreign_c_failures: u32;
extern var foreign_cxx_failures: u32;

pub const Callback = *const fn (?*anyopaque) callconv(.c) void;

pub extern threadlocal var foreign_plan: plans.Plan;

const first_bytes = 128 << 10;
/// Between the frame pointer of `body` and its stack pointer at its calls, roughly: residues begin there.
const body_bytes = 256;
const residue_step = 16;
/// Residues go so far that nothing splits any more but what asks for more than the first segment has.
const residue_max = 20 << 10;
const canary: u64 = 0x0ddba11_0ddba11;
const canary_bytes = 8 << 10;

pub const Scenario = struct {
    name: [*:0]const u8,
    /// Gives what must be the same under every plan.
    run: *const fn () u64,
    expected: u64,
};

const Run = struct {
    scenario: *const Scenario,
    residue: u64 = 0,
    fiber: ?splitstack.Fiber = null,
    value: u64 = 0,
    finished: bool = false,
};

var runs: u32 = 0;
var splits: u32 = 0;

/// Wrong states seen by Zig code.
pub var failures: u32 = 0;

pub fn check() void {
    if (foreign_state_wrong() != 0) failures += 1;
}

pub fn stop(name: [*:0]const u8, comptime what: [:0]const u8, arguments: anytype) noreturn {
    _ = printf("FAILED: %s: ", name);
    _ = @call(.auto, printf, .{what.ptr} ++ arguments);
    _ = printf("\n");
    _ = fflush(null);
    _exit(1);
}

pub fn expect(ok: bool, name: [*:0]const u8, comptime what: [:0]const u8) void {
    if (!ok) stop(name, what, .{});
}

pub fn passed(name: [*:0]const u8) void {
    _ = printf("checked  %s\n", name);
    _ = fflush(null);
}

/// The scenario under all plans.
pub fn sweep(scenario: *const Scenario) void {
    runs = 0;
    splits = 0;
    var residue: u64 = 0;
    while (residue <= residue_max) : (residue += residue_step) once(scenario, .{}, residue, false);
    residue = 0;
    while (residue <= residue_max) : (residue += 64 * residue_step) once(scenario, .{}, residue, true);
    once(scenario, .{ .kind = .every }, residue_max, false);
    var entry: u32 = 1;
    while (true) : (entry += 1) {
        once(scenario, .{ .kind = .single, .entry = entry }, residue_max, false);
        if (foreign_plan.prologues < entry) break;
    }
    if (entry < 4) stop(scenario.name, "only %u prologues asked", .{entry - 1});
    _ = printf("checked  %s: %u runs, of them %u split at one prologue each; %u splits\n", scenario.name, runs, entry - 1, splits);
    _ = fflush(null);
}

/// One run of it.
pub fn everySplit(scenario: *const Scenario) void {
    once(scenario, .{ .kind = .every }, residue_max, false);
    passed(scenario.name);
}

fn once(scenario: *const Scenario, plan: plans.Plan, residue: u64, guarded: bool) void {
    foreign_plan = plan;
    runs += 1;
    var run: Run = .{ .scenario = scenario, .residue = residue };
    run.fiber = splitstack.Fiber.init(.{ .first_bytes = first_bytes, .guard_pages = guarded }, body, .{&run}) catch
        stop(scenario.name, "no memory for a fiber", .{});
    const fiber = run.fiber.?;
    defer fiber.deinit();
    while ((fiber.@"resume"() catch stop(scenario.name, "a fiber cannot be resumed", .{})) == .yielded) {}
    splits += foreign_plan.splits;
    const at: [*:0]const u8 = switch (plan.kind) {
        .natural => if (guarded) "guarded, residue" else "residue",
        .every => "every entry, residue",
        else => "prologue",
    };
    const number: c_ulong = if (plan.kind == .single) plan.entry else residue;
    const live = fiber.record.stack.live_segments;
    const ended: c_uint = @intFromEnum(fiber.record.ending);
    const wrong = [_]struct { [*:0]const u8, u64, u64 }{
        .{ "the fiber's end (1: completed)", ended, 1 },
        .{ "its value", run.value, scenario.expected },
        .{ "wrong limits, segments or system stacks in Zig", failures, 0 },
        .{ "… in C", foreign_c_failures, 0 },
        .{ "… in C++", foreign_cxx_failures, 0 },
        .{ "segments left", live, 0 },
        .{ "segments written beyond their end", foreign_plan.overruns, 0 },
        .{ "the first segment written beyond its end", @intFromBool(!run.finished), 0 },
        .{ "returns that found segments of frames left before", foreign_plan.misnested, 0 },
    };
    for (wrong) |entry| if (entry[1] != entry[2]) {
        stop(scenario.name, "%s %lu: %s: expected %lu, observed %lu", .{ at, number, entry[0], @as(c_ulong, entry[2]), @as(c_ulong, entry[1]) });
    };
}

/// The first frame of the fiber: puts the plan into force, runs the scenario, and looks at what lies below.
fn body(run: *Run) void {
    const segment = run.fiber.?.record.stack.segment.?;
    segment.limit = @frameAddress() - body_bytes - run.residue;
    const high = segment.limit - abi.slack_bytes;
    const words: [*]volatile u64 = @ptrFromInt(high - canary_bytes);
    for (0..canary_bytes / 8) |i| words[i] = canary;
    rearm();
    run.value = run.scenario.run();
    foreign_plan.kind = .natural;
    abi.setLimit(segment.limit);
    check();
    run.finished = true;
    for (0..canary_bytes / 8) |i| if (words[i] != canary) {
        run.finished = false;
    };
}

/// After a yield: the host knows the segment's limit only.
pub fn rearm() void {
    if (foreign_plan.kind != .natural) {
        abi.setLimit(plans.limit_force);
    } else if (splitstack.current()) |record| abi.setLimit(record.stack.segment.?.limit);
}

/// Recursion of so many levels with a frame of its own on each, then `bottom`. Returns how many frames came through it whole.
pub noinline fn descend(levels: u32, bottom: Callback, context: ?*anyopaque) u32 {
    var frame: [24]u64 = undefined;
    for (&frame, 0..) |*word, i| word.* = @as(u64, levels) * 1000 + i;
    foreign_touch(&frame);
    var whole: u32 = 0;
    if (levels == 0) bottom(context) else whole = descend(levels - 1, bottom, context);
    foreign_touch(&frame);
    for (&frame, 0..) |word, i| if (word != @as(u64, levels) * 1000 + i) return 0;
    return whole + 1;
}

pub fn nothing(_: ?*anyopaque) callconv(.c) void {
    check();
}

/// That recursion works as ever: what remains of a limit that is too low is written over, what is too high asks in vain.
pub fn expectDeep(levels: u32) void {
    check();
    if (descend(levels, nothing, null) != levels + 1) failures += 1;
    check();
}

/// How often what is not swept is repeated in one fiber.
pub const times = 10_000;

/// `repeatedly` does it all in the fiber: how often it came to its end, and live segments before and after.
pub fn repeat(name: [*:0]const u8, comptime repeatedly: fn (*u32, *[2]u64) void) void {
    var result: u32 = 0;
    var live: [2]u64 = undefined;
    const fiber = splitstack.Fiber.init(.{}, repeatedly, .{ &result, &live }) catch stop(name, "no memory", .{});
    defer fiber.deinit();
    expect((fiber.@"resume"() catch null) == .ended and fiber.outcome() == .completed, name, "the fiber does not complete");
    if (result != times) stop(name, "%u came to their end", .{result});
    // One for the headroom that the loop stands on, besides those that the recursion had needed already.
    if (live[1] > live[0] + 1) stop(name, "%lu segments before, %lu after", .{ live[0], live[1] });
    expect(failures == 0 and fiber.record.stack.live_segments == 0, name, "a wrong state, or segments left");
}
