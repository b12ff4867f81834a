//! The frame trial: every function of frames_unit.zig is called with every residue of stack, from the lowest that a caller may leave
//! (below the limit, in what is granted to small frames) to well above its own frame. Whether it splits or not, nothing below the
//! limit is written but what the check's rules allow. Each function writes its whole buffer.
//!
//! Two ways of seeing a write that should not be: canary words all over the slack of the caller's segment and of its child, with a no-access page
//! below the child; and a no-access page right where the allowed part of the caller's slack ends.

const std = @import("std");
const kit = @import("kit.zig");
const abi = kit.abi;

pub const panic = kit.panic;
pub const std_options = kit.std_options;

const Frame = extern struct { bytes: u64, alignment: u64, function: *const fn () callconv(.c) void };
const Passing = extern struct { bytes: u64, alignment: u64, function: *const fn (u64) callconv(.c) u64 };
const Unit = extern struct { frame_count: u64, frames: [*]const Frame, aligned_count: u64, aligned: [*]const Frame, passing_count: u64, passings: [*]const Passing };

extern const hs_unit: Unit;
extern var hs_trial_lowest: u64;
extern var hs_trial_writes: u64;
extern var hs_trial_overwritten: u64;

/// A frame of less is compared without its size (LLVM's rule, and ThunkCode's).
const unasked_bytes = 256;
const word = 8;
/// What a stub leaves on the old stack, from its caller's return address down (morestack.S: rbp − 80 = CFA − 96).
const stub_bytes = 96;
/// Below the limit: an unasked frame, then the return address of what it calls; or, instead of that, a stub's frame.
const below_frames = unasked_bytes + word;
const below_stubs = std.mem.alignForward(u64, unasked_bytes + stub_bytes, 16);
/// Besides, an unasked frame that is realigned, by this at most: LLVM's check leaves realignment out (abi.zig, slack_bytes).
const unasked_alignment_max = 256;
const beyond_frame = 640;
const mixed_stacks = 1000;
const mixed_pairs = 50;
const usable_bytes = 16 << 10;
const canary: u64 = 0xA5A5_5A5A_0FF0_F00F;

const Method = enum { canaries, no_access_page };

var pairs: u64 = 0;
var calls: u64 = 0;
var split_calls: u64 = 0;
var deepest: u64 = 0;
/// How far below the limit the slack of callers' segments was written, by whatever ran there: bodies, stubs, what bodies call.
var mark: u64 = 0;

pub export fn main() callconv(.c) c_int {
    kit.start();
    kit.say("slack {d}", .{abi.slack_bytes});
    for (std.enums.values(Method)) |method| {
        pairs = 0;
        split_calls = 0;
        deepest = 0;
        for (hs_unit.frames[0..hs_unit.frame_count]) |frame| sweep(method, frame);
        kit.say("checked  {t}: {d} frames, {d} pairs of frame and residue, of them {d} split; at most {d} bytes below the limit", .{
            method, hs_unit.frame_count, pairs, split_calls, deepest,
        });
        if (split_calls == 0 or split_calls == pairs) kit.stop("the residues do not reach both sides of the check", .{});
        realigned(method);
        if (method == .canaries) kit.say("slack used {d} bytes", .{mark});
    }
    mixed();
    passings();
    return 0;
}

/// The same with frames whose alignment takes up to as much again.
fn realigned(method: Method) void {
    pairs = 0;
    split_calls = 0;
    for (hs_unit.aligned[0..hs_unit.aligned_count]) |frame| sweep(method, frame);
    kit.say("realigned  {t}: {d} frames, {d} pairs, of them {d} split", .{ method, hs_unit.aligned_count, pairs, split_calls });
    if (split_calls == 0 or split_calls == pairs) kit.stop("the residues of realigned frames do not reach both sides of the check", .{});
}

/// Frames of all sizes after one another on one stack: cached segments that are large enough and ones that are not. Many stacks, as the
/// largest frame soon leaves nothing to grow.
fn mixed() void {
    var random: kit.Random = .{ .state = 3 };
    var grown: u64 = 0;
    var warm: u64 = 0;
    pairs = 0;
    split_calls = 0;
    for (0..mixed_stacks) |_| {
        const top = kit.open(.{ .kind = .natural, .a = 64, .caching = 1 }, usable_bytes);
        const limit = std.mem.alignBackward(u64, top, 64) - usable_bytes / 2;
        for (0..mixed_pairs) |_| {
            const frame = hs_unit.frames[random.next() % hs_unit.frame_count];
            const residue: i64 = @intCast(random.next() % ((frame.bytes + beyond_frame) / 16));
            call(frame, limit, residue * 16);
        }
        grown += kit.hs_thread.plan.allocations;
        warm += kit.hs_thread.core.warm_splits;
        kit.close();
    }
    kit.say("checked  mixed: {d} pairs, of them {d} split, {d} of these to a new segment", .{ pairs, split_calls, grown });
    if (grown < 2 * mixed_stacks or warm == 0) kit.stop("mixed sizes do not both reuse and outgrow segments", .{});
}

fn sweep(method: Method, frame: Frame) void {
    _ = kit.open(.{
        .kind = .natural,
        .a = 64,
        // Segments of whole pages under `unmap`, so that pages can be taken away around them.
        .policy = if (method == .canaries) .unmap else .cache,
        .unmaps = .{ 0, 1 },
        .caching = @intFromBool(method == .canaries),
        .placement = if (method == .canaries) .descending else .ascending,
    }, usable_bytes);
    const segment = kit.stack.core.segment.?;
    // The limit lies on a page boundary plus what may be written below it.
    const page = std.mem.alignForward(u64, segment.low + abi.canary_bytes, kit.page_bytes);
    const below = below_stubs + realignment(frame);
    // Where frames are realigned it lies right below a multiple of what they are aligned to, so that they go as low as they can.
    const lowest = page + kit.page_bytes + below;
    const base = if (frame.alignment > 16) std.mem.alignForward(u64, lowest, unasked_alignment_max) + unasked_alignment_max - 16 else lowest;
    if (method == .canaries) fillCanaries(page, base) else kit.protect(page, kit.page_bytes, false);
    var guard: u64 = 0;
    var residue: i64 = -unasked_bytes;
    while (residue <= @as(i64, @intCast(frame.bytes + frame.alignment)) + beyond_frame) : (residue += word) {
        // The stack pointer stays a multiple of 16 at calls: odd residues move the limit instead.
        const limit = base + @as(u64, @intCast(@mod(residue, 16)));
        call(frame, limit, residue);
        if (method != .canaries) continue;
        checkCanaries(page, base - below, frame, residue, "its caller's segment");
        const child = segment.cached orelse continue;
        const child_end = child.limit - word;
        if (guard == 0) {
            guard = child.low - kit.page_bytes;
            kit.protect(guard, kit.page_bytes, false);
            fillCanaries(child.low + abi.canary_bytes, child_end);
        }
        checkCanaries(child.low + abi.canary_bytes, child_end, frame, residue, "its own segment");
    }
    if (method == .canaries) mark = @max(mark, base - lowestWritten(page, base));
    if (guard != 0) kit.protect(guard, kit.page_bytes, true);
    if (method == .no_access_page) kit.protect(page, kit.page_bytes, true);
    kit.close();
}

fn realignment(frame: Frame) u64 {
    return if (frame.alignment > 16) @min(frame.alignment, unasked_alignment_max) else 0;
}

fn call(frame: Frame, limit: u64, residue: i64) void {
    kit.setLimit(limit);
    const parent = kit.stack.core.segment.?;
    const plan = &kit.hs_thread.plan;
    const splits = plan.splits + kit.hs_thread.core.warm_splits;
    hs_trial_lowest = std.math.maxInt(u64);
    hs_trial_writes = 0;
    _ = kit.hs_trial_call(frame.function, limit +% @as(u64, @bitCast(residue)), 0);
    pairs += 1;
    if (hs_trial_writes != 1) wrong("ran its body {d} times", .{hs_trial_writes}, frame, residue);
    if (abi.getLimit() != limit or kit.stack.core.segment != parent) wrong("left another limit or segment behind", .{}, frame, residue);
    if (plan.splits + kit.hs_thread.core.warm_splits != splits) {
        split_calls += 1;
        const child = parent.cached orelse return;
        if (hs_trial_lowest < child.limit - word) wrong("goes {d} bytes below its own segment's limit", .{child.limit - hs_trial_lowest}, frame, residue);
    } else {
        if (hs_trial_lowest < limit) deepest = @max(deepest, limit - hs_trial_lowest);
        if (hs_trial_lowest < limit - below_frames - realignment(frame)) wrong("goes {d} bytes below the limit", .{limit - hs_trial_lowest}, frame, residue);
    }
}

fn fillCanaries(low: u64, high: u64) void {
    @memset(words(low, high), canary);
}

fn lowestWritten(low: u64, high: u64) u64 {
    for (words(low, high)) |*value| if (value.* != canary) return @intFromPtr(value);
    return high;
}

fn checkCanaries(low: u64, high: u64, frame: Frame, residue: i64, where: []const u8) void {
    var differences: u64 = 0;
    for (words(low, high)) |value| differences |= value ^ canary;
    if (differences != 0) wrong("writes below what is allowed in {s}", .{where}, frame, residue);
}

fn words(low: u64, high: u64) []u64 {
    const memory: [*]u64 = @ptrFromInt(low);
    return memory[0 .. (high - low) / word];
}

fn wrong(comptime what: []const u8, args: anytype, frame: Frame, residue: i64) noreturn {
    var text: [128]u8 = undefined;
    const said = std.fmt.bufPrint(&text, what, args) catch what;
    kit.stop("the function with a buffer of {d} bytes aligned to {d}, called {d} bytes above the limit, {s}", .{ frame.bytes, frame.alignment, residue, said });
}

/// Stack arguments as compilers pass them: nothing split, everything split to fresh segments, everything split to cached ones.
fn passings() void {
    const plans = [_]abi.Plan{
        .{ .kind = .none },
        .{ .kind = .every_entry, .caching = 0 },
        .{ .kind = .every_entry, .caching = 1 },
    };
    for (plans) |plan| {
        for (hs_unit.passings[0..hs_unit.passing_count]) |passing| {
            const top = kit.open(plan, 64 << 10);
            if (plan.kind == .every_entry) abi.setLimit(abi.limit_force);
            for (0..8) |seed| {
                calls += 1;
                // Without the alignment of a caller's frame, as after any 16-byte-aligned call.
                const result = kit.hs_trial_call(passing.function, top - 256 - seed * 16, seed *% 0x1234567);
                if (result != 0) kit.stop("{d} bytes aligned to {d} arrive changed (plan {t}, caching {d})", .{
                    passing.bytes, passing.alignment, plan.kind, plan.caching,
                });
            }
            kit.close();
        }
    }
    kit.say("checked  stack arguments of {d} types, {d} calls, {d} of them overwritten by the callee", .{ hs_unit.passing_count, calls, hs_trial_overwritten });
}
