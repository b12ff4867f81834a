//! The product's memory (runtime/pool.zig) with splits where a scenario wants them, and canary words at the low end of every segment.
//! Part of the same object as runtime/growth.zig, and compiled like it: general registers only.

const abi = @import("abi");
const pool = @import("pool");
const plan = @import("plan.zig");

pub const Range = pool.Range;

pub export threadlocal var foreign_plan: plan.Plan = .{};

/// A forced segment has room for what is called through `withHeadroom`, though it was cut off from the segment that this was asked of.
const forced_bytes = 48 << 10;
const canary_word = 0x5afe_57ac_c0de_ca11;
const word = @sizeOf(u64);

comptime {
    _ = pool; // and what it exports
}

fn armed() bool {
    return foreign_plan.kind != .natural;
}

pub fn entering(_: *abi.Thread) void {
    foreign_plan.prologues +%= @intFromBool(armed());
}

pub fn forces(_: *abi.Thread, _: *abi.Stack, _: *const abi.Segment, _: u64) bool {
    return switch (foreign_plan.kind) {
        .every => true,
        .single => foreign_plan.prologues == foreign_plan.entry,
        else => false,
    };
}

pub fn splitting(_: *abi.Thread) void {
    foreign_plan.splits +%= 1;
}

/// Forced splits take a new segment each and give it back; natural ones keep them, as the product does.
pub fn keeps(_: *abi.Thread) bool {
    return !armed();
}

pub fn limitOf(thread: *abi.Thread, stack: *const abi.Stack) u64 {
    return if (armed()) plan.limit_force else pool.limitOf(thread, stack);
}

pub fn misnested(_: *abi.Thread, _: u64) void {
    foreign_plan.misnested +%= 1;
}

pub const forgets = pool.forgets;
pub const closed = pool.closed;

pub fn wanted(thread: *abi.Thread, stack: *abi.Stack, parent: *const abi.Segment, least: u64) u64 {
    return if (armed()) least + forced_bytes else pool.wanted(thread, stack, parent, least);
}

pub fn carve(thread: *abi.Thread, stack: *abi.Stack, usable: u64, range: *Range) bool {
    if (!pool.carve(thread, stack, usable, range)) return false;
    if (stack.guard == 0) for (canaries(range.low)) |*canary| {
        canary.* = canary_word;
    };
    return true;
}

pub const carveEmergency = pool.carveEmergency;

pub fn release(thread: *abi.Thread, stack: *abi.Stack, segment: *abi.Segment) void {
    const carved = stack.guard == 0 and segment.origin_kind & 0xff != pool.kind_adopted;
    if (carved) for (canaries(segment.low)) |canary| {
        if (canary == canary_word) continue;
        foreign_plan.overruns +%= 1;
        break;
    };
    pool.release(thread, stack, segment);
}

fn canaries(low: u64) []volatile u64 {
    const words: [*]volatile u64 = @ptrFromInt(low);
    return words[0 .. abi.canary_bytes / word];
}
