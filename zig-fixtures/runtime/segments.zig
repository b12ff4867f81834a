//! morestack's slow path: decides whether to split, carves a segment, copies stack arguments; and the way back.
//!
//! Compiled for general registers only (soft float, no SSE, no x87): nothing here can disturb an argument or a
//! return value in a vector or x87 register, however wide. Runs on the thread's system stack, allocates from a reserved
//! address range by moving a pointer, and calls nothing outside this file but `hs_reserve_exhausted`.
//! Signals: nothing is blocked; handlers run on their alternate stack and do not come here.

const abi = @import("abi.zig");
const defects = @import("defects");

extern threadlocal var hs_thread: abi.Thread;
extern fn hs_reserve_exhausted() noreturn;

const page_bytes = 4096;
/// Under the unmap policy an execution's n-th release faults on touch in unmaps_dense of n cases.
const unmaps_dense = 1;
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
    copyWords(base, cfa, if (defects.active == .argument_copy) arguments -| 16 else arguments);
    abi.setLimit(currentLimit(plan, stack));
    return base;
}

/// Called by the stubs after the body has returned. `stub_frame`: the stub's rbp.
export fn hs_shrink(stub_frame: u64) callconv(.c) void {
    const thread = &hs_thread;
    const stack = thread.stack.?;
    const plan = &thread.plan;
    const segment = stack.segment.?;
    if (segment.stub_frame != stub_frame) fail(plan, abi.fail_order, stub_frame);
    stack.segment = segment.parent;
    const forgotten = defects.active == .segment_release and plan.splits % 3 == 0;
    if (!forgotten) release(stack, plan, segment);
    if (defects.active != .limit_restore) abi.setLimit(currentLimit(plan, stack));
}

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
    stack.protected_count = 0;
    stack.poison_low = 0;
    stack.poison_high = 0;
    stack.segment = null;
    stack.used_bytes_max = 0;
    stack.live_segments = 0;
    stack.overflow = 0;
    stack.depth_count = 0;
    const segment = carve(stack, plan, usable_bytes).?;
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
        release(stack, plan, segment);
    }
    makeAllAccessible(stack, plan);
    return stack.live_segments;
}

/// Gives back the segments kept for the next split, deepest first. A fiber that has shrunk may be trimmed like this at any
/// time it is not running.
fn dropCached(stack: *abi.Stack, plan: *abi.Plan, segment: *abi.Segment) void {
    var deepest = segment;
    while (deepest.cached) |child| deepest = child;
    while (deepest != segment) {
        const parent = deepest.parent.?;
        release(stack, plan, deepest);
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
    const position = positionOf(stack.segment.?, rsp);
    const positions = stack.depth_positions.?;
    while (stack.depth_count > 0 and positions[stack.depth_count - 1] >= position) stack.depth_count -= 1;
    positions[stack.depth_count] = position;
    stack.depth_count += 1;
}

const golden = 0x9E3779B97F4A7C15;

fn random(plan: *abi.Plan) u64 {
    plan.random_state +%= golden;
    return mixed(plan.random_state);
}

/// SplitMix64's finaliser.
fn mixed(state: u64) u64 {
    var z = state;
    z = (z ^ z >> 30) *% 0xBF58476D1CE4E5B9;
    z = (z ^ z >> 27) *% 0x94D049BB133111EB;
    return z ^ z >> 31;
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
    const segment = carve(stack, plan, usable) orelse {
        fail(plan, abi.fail_arena, parent.used_bytes);
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

fn carve(stack: *abi.Stack, plan: *abi.Plan, usable: u64) ?*abi.Segment {
    const unit: u64 = if (plan.policy == .unmap) page_bytes else 64;
    const total = alignUp(usable + abi.slack_bytes + abi.canary_bytes + @sizeOf(abi.Segment), unit);
    // Interleaved grows outwards from the middle; otherwise the free range lies between the two pointers.
    const ordinal = if (stack.segment) |parent| parent.ordinal + 1 else 1;
    const used_bytes = if (stack.segment) |parent| parent.used_bytes + usable else usable;
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
            if (low + total > stack.arena + abi.arena_bytes) return null;
            stack.bump_high = low + total;
        } else {
            before = stack.bump_low;
            if (stack.bump_low < stack.arena + total + gap) return null;
            low = stack.bump_low - gap - total;
            stack.bump_low = low;
        }
    } else {
        if (stack.bump_high - stack.bump_low < total) return null;
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
    makeAccessible(stack, plan, low, high);
    if (plan.policy == .poison) checkPoison(stack, plan, low, high);
    const segment: *abi.Segment = @ptrFromInt(high - @sizeOf(abi.Segment));
    const limit = low + abi.canary_bytes + abi.slack_bytes;
    segment.* = .{
        .parent = stack.segment,
        .cached = null,
        .limit = limit,
        // The argument base may lie up to 63 bytes below the header, the return address another word.
        .room = @intFromPtr(segment) - limit - 64 - word,
        .stub_frame = 0,
        .warm = plan.caching,
        .low = low,
        .high = high,
        .bump_before = before,
        .from_low_end = @intFromBool(from_low),
        .usable_bytes = usable,
        .used_bytes = used_bytes,
        .ordinal = ordinal,
        .reserved = @splat(0),
    };
    const canary: [*]u64 = @ptrFromInt(low);
    for (0..abi.canary_bytes / word) |i| canary[i] = abi.canary_word;
    stack.segment = segment;
    stack.live_segments += 1;
    if (used_bytes > stack.used_bytes_max) stack.used_bytes_max = used_bytes;
    return segment;
}

/// The memory only; the caller takes the segment out of its chain.
fn release(stack: *abi.Stack, plan: *abi.Plan, segment: *abi.Segment) void {
    const canary: [*]const u64 = @ptrFromInt(segment.low);
    for (0..abi.canary_bytes / word) |i| {
        if (canary[i] != abi.canary_word) fail(plan, abi.fail_canary, segment.low);
    }
    const copy = segment.*;
    stack.live_segments -= 1;
    // The initial segment outlives nothing: it is neither poisoned nor unmapped.
    if (copy.parent != null) switch (plan.policy) {
        .poison => {
            fillWords(copy.low, copy.high, abi.poison_word);
            addPoison(stack, copy.low, copy.high);
        },
        // Its addresses stay out of use until an older segment's release gives back the range around them.
        .unmap => if (makeInaccessible(stack, plan, copy.low, copy.high)) return,
        else => {},
    };
    const grows_up = (copy.from_low_end == 1);
    if ((plan.placement == .interleaved) == grows_up) {
        stack.bump_high = copy.bump_before;
    } else {
        stack.bump_low = copy.bump_before;
    }
}

/// A system call costs as much as hundreds of splits, so not every release of an execution is made to fault: the first few,
/// and the later the rarer (a draw that depends on the plan, so other plans of a program take others). False: not this one.
fn makeInaccessible(stack: *abi.Stack, plan: *abi.Plan, low: u64, high: u64) bool {
    plan.unmaps += 1;
    if (stack.protected_count == stack.protected.len) return false;
    const seed = plan.a ^ plan.b << 32 ^ plan.allocations;
    if (mixed(seed *% golden +% plan.unmaps) % plan.unmaps >= unmaps_dense) return false;
    stack.protected[stack.protected_count] = .{ .low = low, .high = high };
    stack.protected_count += 1;
    protect(plan, low, high, prot_none);
    return true;
}

/// One call over all of it: the calls cost, not what lies between.
fn makeAllAccessible(stack: *abi.Stack, plan: *abi.Plan) void {
    if (stack.protected_count == 0) return;
    var low = ~@as(u64, 0);
    var high: u64 = 0;
    for (stack.protected[0..stack.protected_count]) |range| {
        low = @min(low, range.low);
        high = @max(high, range.high);
    }
    protect(plan, low, high, prot_read_write);
    stack.protected_count = 0;
}

/// What is inaccessible in [low, high) becomes usable again.
fn makeAccessible(stack: *abi.Stack, plan: *abi.Plan, low: u64, high: u64) void {
    var kept: u64 = 0;
    for (stack.protected[0..stack.protected_count]) |range| {
        if (range.low < high and range.high > low) {
            protect(plan, range.low, range.high, prot_read_write);
        } else {
            stack.protected[kept] = range;
            kept += 1;
        }
    }
    stack.protected_count = kept;
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

/// `rep movsq`, not a loop: a compiler would turn the loop into a call of memcpy, which uses vector registers.
fn copyWords(to: u64, from: u64, bytes: u64) void {
    asm volatile ("rep movsq"
        :
        : [to] "{rdi}" (to),
          [from] "{rsi}" (from),
          [count] "{rcx}" (bytes / word),
        : .{ .rdi = true, .rsi = true, .rcx = true, .memory = true });
}

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
