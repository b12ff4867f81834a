//! Where segments lie: one reserved address range (arena) per fiber, from which segments are carved by moving a pointer, in the
//! placement that the plan asks for; and what happens to them when released (poisoned, made inaccessible, reused).
//!
//! Part of the same object as runtime/growth.zig, for general registers only.

const abi = @import("abi.zig");

/// A stretch of memory for a segment: what growth.zig is told.
pub const Range = @import("pool").Range;

const page_bytes = 4096;
const line_bytes = 64;
const word = @sizeOf(u64);
/// Bits of a segment's origin_kind: carved upwards; its memory faults on touch once it is released (whole pages then).
const grew_up: u64 = 1;
const faults_when_released: u64 = 2;

/// Nothing carved, nothing released.
pub fn reset(stack: *abi.Stack, plan: *const abi.Plan) void {
    const high = stack.arena + abi.arena_bytes;
    // Where placements begin: all near the arena's upper end, so that executions one after another use memory that is there already.
    stack.bump_low = if (plan.placement == .descending or plan.placement == .pool) stack.arena else windowOf(stack);
    stack.bump_high = high;
    if (plan.placement == .interleaved) {
        stack.bump_low = high - stack.window_bytes / 2;
        stack.bump_high = stack.bump_low;
    }
    stack.protected_count = 0;
    stack.poison_low = 0;
    stack.poison_high = 0;
}

/// Whether the allocation after the last one becomes inaccessible when it is released.
pub fn faultsNext(plan: *const abi.Plan) bool {
    return plan.policy == .unmap and (plan.allocations + 1 == plan.unmaps[0] or plan.allocations + 1 == plan.unmaps[1]);
}

/// False: the arena has no room.
pub fn carve(stack: *abi.Stack, plan: *abi.Plan, usable: u64, range: *Range) bool {
    const faults = plan.policy == .unmap and (plan.allocations == plan.unmaps[0] or plan.allocations == plan.unmaps[1]);
    const unit: u64 = if (faults) page_bytes else line_bytes;
    const total = alignUp(usable + plan.headroom_bytes + abi.slack_bytes + abi.canary_bytes + @sizeOf(abi.Segment), unit);
    const end = stack.arena + abi.arena_bytes;
    var gap: u64 = 0;
    var grows_up = plan.placement == .ascending;
    // Interleaved grows outwards from the middle; otherwise the free range lies between the two pointers.
    if (plan.placement == .interleaved) {
        const draw = plan.random();
        gap = (draw >> 8 & 7) * line_bytes;
        const most = total + gap + unit;
        const fits_above = end - stack.bump_high >= most;
        const fits_below = stack.bump_low - stack.arena >= most;
        if (!fits_above and !fits_below) return false;
        grows_up = if (draw & 1 == 1) fits_above else !fits_below;
    } else if (stack.bump_high - stack.bump_low < total + unit) {
        // Ascending and at the upper end: on from the lower one, up to where it began.
        if (!grows_up or stack.bump_low < windowOf(stack)) return false;
        if (abi.arena_bytes - stack.window_bytes < total + unit) return false;
        stack.bump_low = stack.arena;
        stack.bump_high = windowOf(stack);
    }
    const pointer = pointerOf(stack, plan, grows_up);
    const before = pointer.*;
    const low = if (grows_up) alignUp(before + gap, unit) else (before - gap - total) & ~(unit - 1);
    pointer.* = if (grows_up) low + total else low;
    const high = low + total;
    makeAccessible(stack, plan, low, high);
    if (plan.policy == .poison) checkPoison(stack, plan, low, high);
    range.* = .{
        .low = low,
        .high = high,
        .limit = low + abi.canary_bytes + abi.slack_bytes + plan.headroom_bytes,
        .origin = before,
        .origin_kind = @as(u64, @intFromBool(grows_up)) | if (faults) faults_when_released else 0,
    };
    const canary: [*]u64 = @ptrFromInt(low);
    for (0..abi.canary_bytes / word) |i| canary[i] = abi.canary_word;
    return true;
}

/// The memory only; the caller takes the segment out of its chain.
pub fn release(stack: *abi.Stack, plan: *abi.Plan, segment: *abi.Segment) void {
    const canary: [*]const u64 = @ptrFromInt(segment.low);
    for (0..abi.canary_bytes / word) |i| {
        if (canary[i] != abi.canary_word) fail(plan, abi.fail_canary, segment.low);
    }
    const copy = segment.*;
    // The initial segment outlives nothing: it is neither poisoned nor unmapped.
    if (copy.parent != null) switch (plan.policy) {
        .poison => {
            fillWords(copy.low, copy.high, abi.poison_word);
            addPoison(stack, copy.low, copy.high);
        },
        // Its addresses stay out of use until an older segment's release gives back the range around them.
        .unmap => if (copy.origin_kind & faults_when_released != 0) {
            stack.protected[stack.protected_count] = .{ .low = copy.low, .high = copy.high };
            stack.protected_count += 1;
            protect(plan, copy.low, copy.high, prot_none);
            return;
        },
        else => {},
    };
    giveBack(stack, plan, &copy);
}

/// The addresses of the segment carved last are free again.
fn giveBack(stack: *abi.Stack, plan: *const abi.Plan, segment: *const abi.Segment) void {
    pointerOf(stack, plan, segment.origin_kind & grew_up != 0).* = segment.origin;
    if (plan.placement == .ascending and segment.origin >= windowOf(stack)) stack.bump_high = stack.arena + abi.arena_bytes;
}

/// Where the next segment in that direction begins: interleaved ones go outwards, the others towards each other.
fn pointerOf(stack: *abi.Stack, plan: *const abi.Plan, grows_up: bool) *u64 {
    return if ((plan.placement == .interleaved) == grows_up) &stack.bump_high else &stack.bump_low;
}

fn windowOf(stack: *const abi.Stack) u64 {
    return stack.arena + abi.arena_bytes - stack.window_bytes;
}

/// In one system call: what lies between is accessible anyway.
pub fn makeAllAccessible(stack: *abi.Stack, plan: *abi.Plan) void {
    if (stack.protected_count == 0) return;
    var hull = stack.protected[0];
    for (stack.protected[1..stack.protected_count]) |range| {
        hull = .{ .low = @min(hull.low, range.low), .high = @max(hull.high, range.high) };
    }
    protect(plan, hull.low, hull.high, prot_read_write);
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

pub fn fail(plan: *abi.Plan, bit: u64, address: u64) void {
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
