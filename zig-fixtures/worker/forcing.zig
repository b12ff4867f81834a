//! Where the harness's segments come from, in place of runtime/pool.zig: forced plans, chosen placements, poisoned or
//! inaccessible memory after release, from an arena per fiber. Part of the same object as runtime/growth.zig, and compiled like it.

const runtime = @import("abi");
const abi = @import("abi.zig");
const defects = @import("defects");

pub const planted = defects.active;

const page_bytes = 4096;
const unmaps_all = 256;
const unmaps_stride = 32;
/// Doubling stops here: beyond it a segment's cost no longer matters beside what fills it.
const growth_bytes_max = 1 << 20;
const word = @sizeOf(u64);

/// A stretch of memory for a segment: what growth.zig is told.
pub const Range = extern struct { low: u64, high: u64, limit: u64, origin: u64, origin_kind: u64 };

fn planOf(thread: *runtime.Thread) *abi.Plan {
    const own: *abi.Thread = @fieldParentPtr("core", thread);
    return &own.plan;
}

fn stackOf(stack: *runtime.Stack) *abi.Stack {
    return @fieldParentPtr("core", stack);
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
    fail(planOf(thread), abi.fail_order, stub_frame);
}

pub fn forgets(thread: *runtime.Thread) bool {
    return planted == .segment_release and planOf(thread).splits % 3 == 0;
}

pub fn wanted(thread: *runtime.Thread, stack: *runtime.Stack, parent: *const abi.Segment, need_bytes: u64) u64 {
    return usableFor(stackOf(stack), planOf(thread), parent, need_bytes);
}

/// The allocation that the plan fails is refused here and carved as an emergency.
pub fn carve(thread: *runtime.Thread, stack: *runtime.Stack, usable: u64, range: *Range) bool {
    const plan = planOf(thread);
    plan.allocations += 1;
    if (plan.fail_allocation == plan.allocations) return false;
    return carveRange(stackOf(stack), plan, usable, range);
}

pub fn carveEmergency(thread: *runtime.Thread, stack: *runtime.Stack, usable: u64, _: u64, range: *Range) bool {
    const plan = planOf(thread);
    if (carveRange(stackOf(stack), plan, usable, range)) return true;
    fail(plan, abi.fail_arena, stack.segment.?.used_bytes);
    return false;
}

pub fn release(thread: *runtime.Thread, stack: *runtime.Stack, segment: *abi.Segment) void {
    releaseSegment(stackOf(stack), planOf(thread), segment);
}

pub fn closed(thread: *runtime.Thread, stack: *runtime.Stack) void {
    const own = stackOf(stack);
    if (own.protected_low < own.protected_high) {
        protect(planOf(thread), own.protected_low, own.protected_high, prot_read_write);
    }
}

extern threadlocal var hs_thread: abi.Thread;

/// Gives a fiber its first segment: as large as the plan wants it. Returns the address its stack starts from.
export fn hs_stack_open(stack: *abi.Stack, usable_bytes: u64) callconv(.c) u64 {
    const plan = &hs_thread.plan;
    const high = stack.arena + abi.arena_bytes;
    stack.bump_low = stack.arena;
    stack.bump_high = high;
    if (plan.placement == .interleaved) {
        stack.bump_low = stack.arena + abi.arena_bytes / 2;
        stack.bump_high = stack.bump_low;
    }
    stack.protected_low = ~@as(u64, 0);
    stack.protected_high = 0;
    stack.poison_low = 0;
    stack.poison_high = 0;
    stack.depth_count = 0;
    stack.core.segment = null;
    var range: Range = undefined;
    if (!carveRange(stack, plan, usable_bytes, &range)) unreachable;
    return @import("root").hs_stack_adopt(&stack.core, &range, usable_bytes);
}

// A forced plan must see every prologue that it might want; plans that name entries only those between two checkpoints.
fn currentLimit(plan: *const abi.Plan, stack: *const abi.Stack) u64 {
    const armed = switch (plan.kind) {
        .none, .natural => false,
        .single_entry => plan.entries == plan.a,
        .entry_set => inSet(plan),
        else => true,
    };
    return if (armed) abi.limit_force else stack.core.segment.?.limit;
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
        .random => random(plan) & 0xffff < plan.b,
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
    const position = positionOf(stack.core.segment.?, rsp);
    const positions = stack.depth_positions.?;
    while (stack.depth_count > 0 and positions[stack.depth_count - 1] >= position) stack.depth_count -= 1;
    positions[stack.depth_count] = position;
    stack.depth_count += 1;
}

fn random(plan: *abi.Plan) u64 {
    plan.random_state +%= 0x9E3779B97F4A7C15;
    var z = plan.random_state;
    z = (z ^ z >> 30) *% 0xBF58476D1CE4E5B9;
    z = (z ^ z >> 27) *% 0x94D049BB133111EB;
    return z ^ z >> 31;
}

/// Natural plans: their size, or what the frame needs. Forced ones: roomy, so that only what is forced splits,
/// but no more than a share of what is left, and small where everything splits or a release costs by size.
fn usableFor(stack: *const abi.Stack, plan: *const abi.Plan, parent: *const abi.Segment, need_bytes: u64) u64 {
    const least = switch (plan.kind) {
        // Geometric: a deep recursion needs O(log n) segments, and a shallow one little memory.
        .natural => if (plan.a != 0) plan.a else @min(2 * parent.usable_bytes, growth_bytes_max),
        .every_entry => 512,
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

fn carveRange(stack: *abi.Stack, plan: *abi.Plan, usable: u64, range: *Range) bool {
    const unit: u64 = if (plan.policy == .unmap) page_bytes else 64;
    const total = alignUp(usable + abi.slack_bytes + abi.canary_bytes + @sizeOf(abi.Segment), unit);
    // Interleaved grows outwards from the middle; otherwise the free range lies between the two pointers.
    var gap: u64 = 0;
    const from_low = switch (plan.placement) {
        .ascending => true,
        .interleaved => blk: {
            const draw = random(plan);
            gap = (draw >> 8 & 7) * unit;
            break :blk draw & 1 == 1;
        },
        else => false,
    };
    var low: u64 = undefined;
    var before: u64 = undefined;
    if (plan.placement == .interleaved) {
        if (from_low) {
            before = stack.bump_high;
            low = stack.bump_high + gap;
            if (low + total > stack.arena + abi.arena_bytes) return false;
            stack.bump_high = low + total;
        } else {
            before = stack.bump_low;
            if (stack.bump_low < stack.arena + total + gap) return false;
            low = stack.bump_low - gap - total;
            stack.bump_low = low;
        }
    } else {
        if (stack.bump_high - stack.bump_low < total) return false;
        if (from_low) {
            before = stack.bump_low;
            low = stack.bump_low;
            stack.bump_low += total;
        } else {
            before = stack.bump_high;
            stack.bump_high -= total;
            low = stack.bump_high;
        }
    }
    const high = low + total;
    if (low < stack.protected_high and high > stack.protected_low) protect(plan, low, high, prot_read_write);
    if (plan.policy == .poison) checkPoison(stack, plan, low, high);
    range.* = .{
        .low = low,
        .high = high,
        .limit = low + abi.canary_bytes + abi.slack_bytes,
        .origin = before,
        .origin_kind = @intFromBool(from_low),
    };
    const canary: [*]u64 = @ptrFromInt(low);
    for (0..abi.canary_bytes / word) |i| canary[i] = abi.canary_word;
    return true;
}

/// The memory only; the caller takes the segment out of its chain.
fn releaseSegment(stack: *abi.Stack, plan: *abi.Plan, segment: *abi.Segment) void {
    const canary: [*]const u64 = @ptrFromInt(segment.low);
    for (0..abi.canary_bytes / word) |i| {
        if (canary[i] != abi.canary_word) fail(plan, abi.fail_canary, segment.low);
    }
    const copy = segment.*;
    const grows_up = (copy.origin_kind == 1);
    if ((plan.placement == .interleaved) == grows_up) {
        stack.bump_high = copy.origin;
    } else {
        stack.bump_low = copy.origin;
    }
    // The initial segment outlives nothing: it is neither poisoned nor unmapped.
    if (copy.parent == null) return;
    switch (plan.policy) {
        .poison => {
            fillWords(copy.low, copy.high, abi.poison_word);
            addPoison(stack, copy.low, copy.high);
        },
        .unmap => unmap(stack, plan, copy.low, copy.high),
        else => {},
    }
}

/// Two system calls a split would make a deep recursion's executions a thousand times slower than its others, so beyond the
/// first `unmaps_all` releases of an execution only every `unmaps_stride`-th is made to fault.
fn unmap(stack: *abi.Stack, plan: *abi.Plan, low: u64, high: u64) void {
    plan.unmaps += 1;
    if (plan.unmaps > unmaps_all and plan.unmaps % unmaps_stride != 0) return;
    stack.protected_low = @min(stack.protected_low, low);
    stack.protected_high = @max(stack.protected_high, high);
    protect(plan, low, high, prot_none);
}

/// One contiguous poisoned range is remembered: releases are last in, first out, so it grows from one end; what does
/// not touch it replaces it.
fn addPoison(stack: *abi.Stack, low: u64, high: u64) void {
    if (stack.poison_low < stack.poison_high and low <= stack.poison_high and stack.poison_low <= high) {
        stack.poison_low = @min(stack.poison_low, low);
        stack.poison_high = @max(stack.poison_high, high);
    } else {
        stack.poison_low = low;
        stack.poison_high = high;
    }
}

fn checkPoison(stack: *abi.Stack, plan: *abi.Plan, low: u64, high: u64) void {
    var address = @max(low, stack.poison_low);
    const end = @min(high, stack.poison_high);
    // Eight words at a time: this loop is where poisoned executions spend their time.
    while (address + 8 * word <= end) : (address += 8 * word) {
        const words: *const [8]u64 = @ptrFromInt(address);
        var differences: u64 = 0;
        inline for (words) |value| differences |= value ^ abi.poison_word;
        if (differences != 0) fail(plan, abi.fail_poison, address);
    }
    while (address < end) : (address += word) {
        const value: *const u64 = @ptrFromInt(address);
        if (value.* != abi.poison_word) fail(plan, abi.fail_poison, address);
    }
    // What is handed out is no longer poisoned: keep the part away from the new segment.
    if (low <= stack.poison_low and high >= stack.poison_high) {
        stack.poison_high = stack.poison_low;
    } else if (low <= stack.poison_low) {
        stack.poison_low = @max(stack.poison_low, @min(high, stack.poison_high));
    } else if (high >= stack.poison_high) {
        stack.poison_high = @min(stack.poison_high, @max(low, stack.poison_low));
    } else {
        stack.poison_low = high;
    }
}

fn fail(plan: *abi.Plan, bit: u64, address: u64) void {
    if (plan.failures & bit == 0) plan.fail_address = address;
    plan.failures |= bit;
}

fn alignUp(value: u64, unit: u64) u64 {
    return (value + unit - 1) & ~(unit - 1);
}

/// `rep stosq`, not a loop: a compiler would turn the loop into a call of memset, which uses vector registers.
fn fillWords(low: u64, high: u64, value: u64) void {
    asm volatile ("rep stosq"
        :
        : [to] "{rdi}" (low),
          [value] "{rax}" (value),
          [count] "{rcx}" ((high - low) / word),
        : .{ .rdi = true, .rcx = true, .memory = true });
}

const prot_none = 0;
const prot_read_write = 3;
const syscall_mprotect = 10;

/// The raw system call: libc's wrapper would touch errno and may be interposed.
fn protect(plan: *abi.Plan, low: u64, high: u64, protection: u64) void {
    const result = asm volatile ("syscall"
        : [result] "={rax}" (-> u64),
        : [number] "{rax}" (@as(u64, syscall_mprotect)),
          [low] "{rdi}" (low),
          [bytes] "{rsi}" (high - low),
          [protection] "{rdx}" (protection),
        : .{ .rcx = true, .r11 = true, .memory = true });
    if (result != 0) fail(plan, abi.fail_map, low);
}
