//! morestack's slow path: decides whether to split, carves a segment, copies stack arguments; and the way back.
//!
//! Compiled for general registers only (soft float, no SSE, no x87): nothing here can disturb an argument or a
//! return value in a vector or x87 register, however wide. Runs on the thread's system stack, allocates from a reserved
//! address range by moving a pointer (arena.zig), and calls nothing else but `hs_reserve_exhausted`.
//! Signals: nothing is blocked; handlers run on their alternate stack and do not come here.

const abi = @import("abi.zig");
const arena = @import("arena.zig");
const defects = @import("defects");

extern threadlocal var hs_thread: abi.Thread;
extern fn hs_reserve_exhausted() noreturn;

/// Doubling stops here: beyond it a segment's cost no longer matters beside what fills it.
const growth_bytes_max = 1 << 20;
const word = @sizeOf(u64);

/// Called by the stubs. Returns the new stack's argument base (congruent to `cfa` mod 64), or 0 to run in place.
/// `cfa` is the caller's rsp before its call: the return address is at cfa − 8, stack arguments start at cfa.
export fn hs_grow(frame_bytes: u64, argument_bytes: u64, cfa: u64, resume_address: u64) callconv(.c) u64 {
    _ = resume_address;
    const thread = &hs_thread;
    const stack = thread.stack.?;
    const parent = stack.segment.?;
    const plan = &thread.plan;
    plan.prologues += 1;

    const fits = cfa - word >= frame_bytes and cfa - word - frame_bytes > parent.limit;
    if (fits and !forced(plan, stack, parent, cfa)) return 0;

    const arguments = boundArguments(argument_bytes, cfa, parent);
    const segment = acquire(stack, plan, frame_bytes + arguments);
    segment.stub_frame = cfa - 16;

    // Arguments go right below the header, at an address congruent to where they were, so that every alignment holds.
    const top = @intFromPtr(segment) - arguments;
    const base = top - ((top -% cfa) & 63);
    arena.copyWords(base, cfa, if (defects.active == .argument_copy) arguments -| 16 else arguments);
    abi.setLimit(currentLimit(plan, stack));
    return base;
}

/// Called by the stubs after the body has returned. `stub_frame`: the stub's rbp.
export fn hs_shrink(stub_frame: u64) callconv(.c) void {
    const thread = &hs_thread;
    const stack = thread.stack.?;
    const plan = &thread.plan;
    const segment = stack.segment.?;
    if (segment.stub_frame != stub_frame) arena.fail(plan, abi.fail_order, stub_frame);
    stack.segment = segment.parent;
    const forgotten = defects.active == .segment_release and plan.splits % 3 == 0;
    if (!forgotten) arena.release(stack, plan, segment);
    if (defects.active != .limit_restore) abi.setLimit(currentLimit(plan, stack));
}

/// Gives a fiber its first segment: as large as the plan wants it. Returns the address its stack starts from.
export fn hs_stack_open(stack: *abi.Stack, usable_bytes: u64) callconv(.c) u64 {
    const plan = &hs_thread.plan;
    arena.reset(stack, plan);
    stack.used_bytes_max = 0;
    stack.live_segments = 0;
    stack.overflow = 0;
    stack.depth_count = 0;
    const segment = arena.carve(stack, plan, usable_bytes).?;
    segment.stub_frame = 0;
    return @intFromPtr(segment);
}

/// Releases whatever a fiber still has, innermost first: after its end, a panic or a trap. Returns how many segments no
/// chain led to: what was leaked.
export fn hs_stack_close(stack: *abi.Stack) callconv(.c) u64 {
    const plan = &hs_thread.plan;
    while (stack.segment) |segment| {
        dropCached(stack, plan, segment);
        stack.segment = segment.parent;
        if (segment.parent) |parent| parent.cached = null;
        arena.release(stack, plan, segment);
    }
    arena.makeAllAccessible(stack, plan);
    return stack.live_segments;
}

/// Gives back the segments kept for the next split, deepest first. A fiber that has shrunk may be trimmed like this at any
/// time it is not running.
fn dropCached(stack: *abi.Stack, plan: *abi.Plan, segment: *abi.Segment) void {
    var deepest = segment;
    while (deepest.cached) |child| deepest = child;
    while (deepest != segment) {
        const parent = deepest.parent.?;
        arena.release(stack, plan, deepest);
        parent.cached = null;
        deepest = parent;
    }
}

/// The limit in force for a fiber under the plan: real, or one that sends every prologue to hs_grow.
export fn hs_stack_limit(stack: *const abi.Stack) callconv(.c) u64 {
    return currentLimit(&hs_thread.plan, stack);
}

// A forced plan must see every prologue that it might want; plans that name entries only those between two checkpoints.
fn currentLimit(plan: *const abi.Plan, stack: *const abi.Stack) u64 {
    const armed = switch (plan.kind) {
        .none, .natural => false,
        .single_entry => plan.entries == plan.a,
        .entry_set => inSet(plan),
        else => true,
    };
    return if (armed) abi.limit_force else stack.segment.?.limit;
}

fn inSet(plan: *const abi.Plan) bool {
    if (plan.entries < plan.a or plan.entries - plan.a > 63) return false;
    return (plan.b >> @intCast(plan.entries - plan.a)) & 1 == 1;
}

fn forced(plan: *abi.Plan, stack: *abi.Stack, parent: *const abi.Segment, cfa: u64) bool {
    return switch (plan.kind) {
        .none, .natural => false,
        .every_entry => true,
        .single_entry => plan.entries == plan.a,
        .entry_set => inSet(plan),
        .depth_at_least => depthOf(stack, parent, cfa) >= plan.a,
        .depth_equals => depthOf(stack, parent, cfa) == plan.a,
        .depth_set => (plan.a >> @intCast(depthOf(stack, parent, cfa) & 63)) & 1 == 1,
        .every_nth => plan.prologues % plan.a == 0,
        .random => arena.random(plan) & 0xffff < plan.b,
        _ => false,
    };
}

/// Physical call depth of the function being entered: checkpointed frames below it, plus 1.
fn depthOf(stack: *abi.Stack, parent: *const abi.Segment, cfa: u64) u64 {
    const position = positionOf(parent, cfa - word);
    const positions = stack.depth_positions.?;
    while (stack.depth_count > 0 and positions[stack.depth_count - 1] >= position) stack.depth_count -= 1;
    return stack.depth_count + 1;
}

/// Grows along the logical stack, whatever the addresses: segment ordinal, then distance from its top.
pub fn positionOf(segment: *const abi.Segment, address: u64) u64 {
    return segment.ordinal << 40 | (@intFromPtr(segment) - address);
}

/// At a checkpoint whose caller has `rsp`: the frame joins the depth record.
export fn hs_stack_checkpoint(stack: *abi.Stack, rsp: u64) callconv(.c) void {
    const position = positionOf(stack.segment.?, rsp);
    const positions = stack.depth_positions.?;
    while (stack.depth_count > 0 and positions[stack.depth_count - 1] >= position) stack.depth_count -= 1;
    positions[stack.depth_count] = position;
    stack.depth_count += 1;
}

/// What the caller says, but never beyond the segment that holds it.
fn boundArguments(claimed: u64, cfa: u64, parent: *const abi.Segment) u64 {
    const room = @intFromPtr(parent) - cfa;
    return (@min(claimed, room) + word - 1) & ~@as(u64, word - 1);
}

fn acquire(stack: *abi.Stack, plan: *abi.Plan, need_bytes: u64) *abi.Segment {
    const parent = stack.segment.?;
    if (parent.cached) |child| {
        if (child.room >= need_bytes) {
            plan.splits += 1;
            stack.segment = child;
            return child;
        }
        dropCached(stack, plan, parent);
    }
    plan.allocations += 1;
    plan.splits += 1;
    const usable = usableFor(stack, plan, parent, need_bytes + 64 + word);
    // The reserve: the fiber goes on, and its next checkpoint returns the error.
    if (plan.budget_bytes != 0 and parent.used_bytes + usable > plan.budget_bytes) {
        if (stack.overflow == 0) stack.overflow = abi.error_stack_overflow;
        if (parent.used_bytes + usable > plan.budget_bytes + abi.reserve_bytes) hs_reserve_exhausted();
    }
    if (plan.fail_allocation == plan.allocations and stack.overflow == 0) {
        stack.overflow = abi.error_out_of_segments;
    }
    const segment = arena.carve(stack, plan, usable) orelse {
        arena.fail(plan, abi.fail_arena, parent.used_bytes);
        hs_reserve_exhausted();
    };
    if (plan.caching != 0) parent.cached = segment;
    return segment;
}

/// Natural plans: their size, or what the frame needs. Forced ones: roomy, so that only what is forced splits,
/// but no more than a share of what is left, and small where everything splits or a release costs by size.
fn usableFor(stack: *const abi.Stack, plan: *const abi.Plan, parent: *const abi.Segment, need_bytes: u64) u64 {
    const least = switch (plan.kind) {
        // Geometric: a deep recursion needs O(log n) segments, and a shallow one little memory.
        .natural => if (plan.a != 0) plan.a else @min(2 * parent.usable_bytes, growth_bytes_max),
        .every_entry => 512,
        // Where many prologues are forced, one more or less that splits by itself does not matter; memory does.
        .random, .every_nth, .depth_at_least => 2 << 10,
        else => blk: {
            if (plan.policy == .poison) break :blk 2 << 10;
            const left = switch (plan.placement) {
                .interleaved => @min(stack.bump_low - stack.arena, stack.arena + abi.arena_bytes - stack.bump_high),
                else => stack.bump_high - stack.bump_low,
            };
            break :blk @min(left / 8192, 64 << 10);
        },
    };
    return @max(least, need_bytes);
}
