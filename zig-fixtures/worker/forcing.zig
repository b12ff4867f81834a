//! Where the harness's segments come from, in place of runtime/pool.zig: forced plans, and sizes that suit them. The memory itself is
//! arena.zig's, or, under the pool placement, the product's: its sizes, its slots, its caches, its emergency segments. Part of the same
//! object as runtime/growth.zig, and compiled like it.

const runtime = @import("abi");
const abi = @import("abi.zig");
const arena = @import("arena.zig");
const pool = @import("pool");
const defects = @import("defects");

pub const planted = defects.planted;
pub const Range = arena.Range;

/// Doubling stops here: beyond it a segment's cost no longer matters beside what fills it.
const growth_bytes_max = 1 << 20;
const word = @sizeOf(u64);
/// Under the pool placement segments double up to this class, where a plan splits often and where it does not.
const pool_class_dense = runtime.class_min;
const pool_class_sparse = 19;

fn planOf(thread: *runtime.Thread) *abi.Plan {
    const own: *abi.Thread = @fieldParentPtr("core", thread);
    return &own.plan;
}

fn stackOf(stack: *runtime.Stack) *abi.Stack {
    return @fieldParentPtr("core", stack);
}

/// Whether this execution's segments are the product's. The unsplit baseline's never are: its only segment is larger than any of these.
fn isPooled(plan: *const abi.Plan) bool {
    return plan.placement == .pool and plan.kind != .none;
}

pub fn entering(thread: *runtime.Thread) void {
    planOf(thread).prologues += 1;
}

pub fn forces(thread: *runtime.Thread, stack: *runtime.Stack, parent: *const abi.Segment, cfa: u64) bool {
    return forced(planOf(thread), stackOf(stack), parent, cfa);
}

pub fn splitting(thread: *runtime.Thread) void {
    planOf(thread).splits += 1;
}

pub fn keeps(thread: *runtime.Thread) bool {
    return planOf(thread).caching != 0;
}

pub fn limitOf(thread: *runtime.Thread, stack: *const runtime.Stack) u64 {
    return currentLimit(planOf(thread), stackOf(@constCast(stack)));
}

pub fn misnested(thread: *runtime.Thread, stub_frame: u64) void {
    arena.fail(planOf(thread), abi.fail_order, stub_frame);
}

pub fn forgets(thread: *runtime.Thread) bool {
    return planOf(thread).splits % 3 == 0 and planted(.segment_release);
}

pub fn wanted(thread: *runtime.Thread, stack: *runtime.Stack, parent: *const abi.Segment, need_bytes: u64) u64 {
    const plan = planOf(thread);
    return if (isPooled(plan)) pool.wanted(thread, stack, parent, need_bytes) else usableFor(stackOf(stack), plan, parent, need_bytes);
}

/// The allocation that the plan fails is refused here and carved as an emergency.
pub fn carve(thread: *runtime.Thread, stack: *runtime.Stack, usable: u64, range: *Range) bool {
    const plan = planOf(thread);
    plan.allocations += 1;
    if (plan.fail_allocation == plan.allocations) return false;
    if (isPooled(plan)) return pool.carve(thread, stack, usable + plan.headroom_bytes, range) and withHeadroom(plan, range);
    return arena.carve(stackOf(stack), plan, usable, range);
}

pub fn carveEmergency(thread: *runtime.Thread, stack: *runtime.Stack, usable: u64, least: u64, range: *Range) bool {
    const plan = planOf(thread);
    if (isPooled(plan)) {
        const headroom = plan.headroom_bytes;
        if (pool.carveEmergency(thread, stack, usable + headroom, least + headroom, range)) return withHeadroom(plan, range) and lent(plan, range);
    } else if (arena.carve(stackOf(stack), plan, usable, range)) return lent(plan, range);
    arena.fail(plan, abi.fail_arena, stack.segment.?.used_bytes);
    return false;
}

/// The product's memory knows its slack alone: what a plan wants below the limit besides was carved as usable.
fn withHeadroom(plan: *const abi.Plan, range: *Range) bool {
    range.limit += plan.headroom_bytes;
    return true;
}

/// Of a fiber's first slot: the smallest, but for headroom.
fn firstClass(plan: *const abi.Plan) u64 {
    return pool.classFor(plan.headroom_bytes + (1 << runtime.class_min));
}

fn lent(plan: *abi.Plan, range: *const Range) bool {
    plan.lent_low = range.low;
    return true;
}

pub fn release(thread: *runtime.Thread, stack: *runtime.Stack, segment: *abi.Segment) void {
    const plan = planOf(thread);
    if (plan.lent_low == segment.low) plan.lent_low = 0;
    if (isPooled(plan)) pool.release(thread, stack, segment) else arena.release(stackOf(stack), plan, segment);
}

pub fn closed(thread: *runtime.Thread, stack: *runtime.Stack) void {
    const own = stackOf(stack);
    if (own.first_slot != 0) pool.hs_slot_give(firstClass(planOf(thread)), own.first_slot, own.first_kind);
    own.first_slot = 0;
    arena.makeAllAccessible(own, planOf(thread));
}

extern threadlocal var hs_thread: abi.Thread;

/// Gives a fiber its first segment: as large as the plan wants it. Returns the address its stack starts from.
export fn hs_stack_open(stack: *abi.Stack, usable_bytes: u64) callconv(.c) u64 {
    const plan = &hs_thread.plan;
    arena.reset(stack, plan);
    stack.depth_count = 0;
    stack.core.segment = null;
    if (isPooled(plan)) return openPooled(stack, plan, usable_bytes);
    var range: Range = undefined;
    if (!arena.carve(stack, plan, usable_bytes, &range)) unreachable;
    return @import("root").hs_stack_adopt(&stack.core, &range, usable_bytes);
}

/// The product's first slot; a natural plan's may be used only as far as it asks.
fn openPooled(stack: *abi.Stack, plan: *const abi.Plan, usable_bytes: u64) u64 {
    stack.core.growth_class_max = switch (plan.kind) {
        .natural, .single_entry, .entry_set => pool_class_sparse,
        else => pool_class_dense,
    };
    const class = firstClass(plan);
    stack.first_slot = pool.hs_slot_take(class, 0, &stack.first_kind);
    if (stack.first_slot == 0) unreachable; // Eight of thousands.
    const bytes = @as(u64, 1) << @intCast(class);
    const high = stack.first_slot + bytes;
    const most = bytes - plan.headroom_bytes - runtime.slack_bytes - runtime.canary_bytes - @sizeOf(abi.Segment);
    const usable = if (plan.kind == .natural) @min(usable_bytes, most) else most;
    const range: Range = .{
        .low = stack.first_slot,
        .high = high,
        .limit = high - @sizeOf(abi.Segment) - usable,
        .origin = class,
        .origin_kind = stack.first_kind & 0xff,
    };
    return @import("root").hs_stack_adopt(&stack.core, &range, usable);
}

// A forced plan must see every prologue that it might want; plans that name entries only those between two checkpoints.
fn currentLimit(plan: *const abi.Plan, stack: *const abi.Stack) u64 {
    const armed = switch (plan.kind) {
        .none, .natural => false,
        .single_entry => plan.entries == plan.a,
        .entry_set => plan.namesNextEntry(),
        .nth_prologue => plan.prologues < plan.a,
        .prologue_set => plan.random_state < plan.b,
        else => true,
    };
    return if (armed) abi.limit_force else stack.core.segment.?.limit;
}

fn forced(plan: *abi.Plan, stack: *abi.Stack, parent: *const abi.Segment, cfa: u64) bool {
    return switch (plan.kind) {
        .none, .natural => false,
        .every_entry => true,
        .single_entry => plan.entries == plan.a,
        .entry_set => plan.namesNextEntry(),
        .depth_at_least => depthOf(stack, parent, cfa) >= plan.a,
        .depth_equals => depthOf(stack, parent, cfa) == plan.a,
        .depth_set => (plan.a >> @intCast(depthOf(stack, parent, cfa) & 63)) & 1 == 1,
        .every_nth => plan.prologues % plan.a == 0,
        .nth_prologue => plan.prologues == plan.a,
        .prologue_set => meets(plan),
        .random => plan.random() & 0xffff < plan.b,
        _ => false,
    };
}

fn meets(plan: *abi.Plan) bool {
    const numbers: [*]const u64 = @ptrFromInt(plan.a);
    if (plan.random_state >= plan.b or numbers[plan.random_state] != plan.prologues) return false;
    plan.random_state += 1;
    return true;
}

/// Physical call depth of the function being entered: checkpointed frames below it, plus 1.
fn depthOf(stack: *abi.Stack, parent: *const abi.Segment, cfa: u64) u64 {
    return stack.depthBelow(abi.positionOf(parent, cfa - word)) + 1;
}

export fn hs_stack_checkpoint(stack: *abi.Stack, rsp: u64) callconv(.c) void {
    stack.joinDepths(rsp);
}

/// Natural plans: their size, or what the frame needs. Forced ones: roomy, so that only what is forced splits,
/// but no more than a share of what is left, and small where everything splits or a release costs by size.
fn usableFor(stack: *const abi.Stack, plan: *const abi.Plan, parent: *const abi.Segment, need_bytes: u64) u64 {
    const least = switch (plan.kind) {
        // Geometric: a deep recursion needs O(log n) segments, and a shallow one little memory.
        .natural => if (plan.a != 0) plan.a else @min(2 * parent.usable_bytes, growth_bytes_max),
        // Where everything splits, a segment holds one frame; where many do, one more or less that splits by itself does not matter.
        .every_entry, .depth_at_least => 512,
        .random => 1 << 10,
        // One of thousands: what it calls is to fit, or it would split as well, and each of those calls is made a split.
        .every_nth => @as(u64, if (plan.a > 64) 16 << 10 else 1 << 10),
        else => blk: {
            if (plan.policy == .poison) break :blk 2 << 10;
            // In one page, header, canary and all: each page that was inaccessible costs a fault when it is next used.
            if (arena.faultsNext(plan)) break :blk 1 << 10;
            const left = switch (plan.placement) {
                .interleaved => @min(stack.bump_low - stack.arena, stack.arena + abi.arena_bytes - stack.bump_high),
                else => stack.bump_high - stack.bump_low,
            };
            break :blk @min(left / 8192, 64 << 10);
        },
    };
    return @max(least, need_bytes);
}
