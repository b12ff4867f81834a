//! Where the product's segments come from: slots of power-of-two sizes in one big reservation, shared by all threads.
//!
//!   high ┌──────────────────────┐
//!        │ 8 KiB slots          │ first segments and what belongs to their fibers; handed out downwards
//!        ├──────────────────────┤
//!        │ 16 KiB slots         │ a child is one class larger than its parent at least, up to the largest class that its fiber grows
//!        ├──────────────────────┤ to: so it lies below it, whichever fiber or thread had the slot before
//!        │ …                    │
//!        ├──────────────────────┤
//!        │ 64 MiB slots         │
//!   low  └──────────────────────┘
//!
//! A class is two mappings (committed, not yet committed), however many slots it has: vm.max_map_count is not used up. Released
//! slots stay, pages and all, in a cache of the thread (SegmentCache.room_bytes of each class); beyond that their pages go back to the
//! system. What no class can serve is mapped by itself. Part of the same object as growth.zig: general registers only, raw system calls, no libc.

const abi = @import("abi");
const kernel = @import("kernel.zig");

extern threadlocal var hs_thread: abi.Thread;

const page_bytes = 4096;
const huge_page_bytes = 2 << 20;
/// Address space that is asked for first; halved until the system agrees.
const reserve_bytes_max = 1 << 40;
const reserve_bytes_min = 1 << 28;
/// The reservation's shares, one for each class and two to spare.
const shares = 16;
const commit_bytes_min = 1 << 20;
/// What a first slot keeps of its pages when its fiber is gone: the next one starts at the same end.
const first_kept_bytes = 64 << 10;
/// Slots of this class and above are not kept in the thread's cache: a few of them would be most of a process's memory.
const cached_class_max = 20;
/// Slots of this class and above are made of huge pages where the system has them: a fiber that goes so deep touches most of them, and
/// then hundreds of page faults become one.
const huge_class_min = 21;
/// Default for Stack.growth_class_max.
const growth_class_default = 26;

/// A stretch of memory for a segment: what growth.zig is told.
pub const Range = extern struct { low: u64, high: u64, limit: u64, origin: u64, origin_kind: u64 };

const kind_slot = 0;
const kind_mapped = 1;
const kind_emergency = 2;
/// The owner's: hs_stack_close leaves it alone.
pub const kind_adopted = 3;
const guard_bit = 1 << 8;
const guard_by_mprotect_bit = 1 << 9;

const Class = struct {
    /// Slots lie in [bottom, top), the first at the top.
    top: u64 = 0,
    bottom: u64 = 0,
    /// Lowest address that is readable and writable.
    committed: u64 = 0,
    /// Lowest address handed out.
    used: u64 = 0,
    /// Released slots, by number from the top.
    free: [*]u32 = undefined,
    free_count: u64 = 0,
};

var classes: [abi.class_count]Class = @splat(.{});
var ready: u32 = 0;
var lock: u32 = 0;

// ── What growth.zig asks ────────────────────────────────────────────────────────────────────────────────────────

pub inline fn entering(_: *abi.Thread) void {}

pub inline fn forces(_: *abi.Thread, _: *abi.Stack, _: *const abi.Segment, _: u64) bool {
    return false;
}

pub inline fn splitting(_: *abi.Thread) void {}

pub inline fn keeps(_: *abi.Thread) bool {
    return true;
}

pub inline fn limitOf(_: *abi.Thread, stack: *const abi.Stack) u64 {
    return stack.segment.?.limit;
}

pub inline fn misnested(_: *abi.Thread, _: u64) void {}

pub inline fn forgets(_: *abi.Thread) bool {
    return false;
}

/// Twice the parent, up to the fiber's cap.
pub fn wanted(_: *abi.Thread, stack: *abi.Stack, parent: *const abi.Segment, least: u64) u64 {
    const most = (@as(u64, 1) << @intCast(largestClass(stack))) - overhead(stack);
    return @max(least, @min(2 * (parent.high - parent.low) - overhead(stack), most));
}

pub fn carve(thread: *abi.Thread, stack: *abi.Stack, usable: u64, range: *Range) bool {
    if (stack.fail_allocation != 0 and stack.allocations == stack.fail_allocation) {
        thread.map_failure = .{ .errno = kernel.ENOMEM, .operation = .injected, .bytes = usable };
        return false;
    }
    const parent = stack.segment.?;
    const total = alignUp(usable + overhead(stack), page_bytes);
    // Larger than the parent's slot, though a budget may allow less of it: so it lies below. Up to the fiber's largest class: beyond that
    // address space would be spent for nothing but the order.
    const class = @max(classFor(total), @min(classFor(parent.high - parent.low) + 1, largestClass(stack)));
    var low = if (class <= abi.class_max) takeSlot(thread, class) else 0;
    var kind: u64 = kind_slot;
    var bytes = @as(u64, 1) << @intCast(class);
    if (low == 0) {
        bytes = total;
        low = kernel.map(total) catch |errno| return refused(thread, .map, total, errno);
        kind = kind_mapped;
    }
    if (stack.guard != 0) {
        kind |= protectGuard(low) catch |errno| {
            if (kind == kind_slot) giveSlot(thread, class, low) else _ = kernel.unmap(low, bytes);
            return refused(thread, .guard, page_bytes, errno);
        };
    }
    fill(range, low, bytes, usable, kind, class);
    return true;
}

/// From what was set aside when the thread entered: room to reach the next checkpoint.
pub fn carveEmergency(thread: *abi.Thread, stack: *abi.Stack, usable: u64, least: u64, range: *Range) bool {
    const bytes = 1 << abi.emergency_class;
    const room = bytes - abi.slack_bytes - abi.canary_bytes - @sizeOf(abi.Segment);
    if (least > room) return false;
    _ = stack;
    for (&thread.cache.emergency) |*slot| {
        const low = slot.*;
        if (low == 0) continue;
        slot.* = 0;
        fill(range, low, bytes, @min(usable, room), kind_emergency, abi.emergency_class);
        return true;
    }
    return false;
}

pub fn release(thread: *abi.Thread, _: *abi.Stack, segment: *abi.Segment) void {
    const kind = segment.origin_kind;
    const low = segment.low;
    const class = segment.origin;
    if (kind & guard_bit != 0) dropGuard(low, kind);
    switch (kind & 0xff) {
        kind_slot => giveSlot(thread, class, low),
        kind_mapped => _ = kernel.unmap(low, segment.high - low),
        kind_emergency => {
            for (&thread.cache.emergency) |*slot| {
                if (slot.* != 0) continue;
                slot.* = low;
                return;
            }
            giveSlot(thread, class, low);
        },
        else => {},
    }
}

pub inline fn closed(_: *abi.Thread, _: *abi.Stack) void {}

/// What the fiber's segments double up to.
fn largestClass(stack: *const abi.Stack) u64 {
    return if (stack.growth_class_max != 0) stack.growth_class_max else growth_class_default;
}

fn overhead(stack: *const abi.Stack) u64 {
    return abi.slack_bytes + abi.canary_bytes + @sizeOf(abi.Segment) + @as(u64, if (stack.guard != 0) page_bytes else 0);
}

fn fill(range: *Range, low: u64, bytes: u64, usable: u64, kind: u64, class: u64) void {
    const high = low + bytes;
    range.* = .{
        .low = low,
        .high = high,
        .limit = high - @sizeOf(abi.Segment) - usable,
        .origin = class,
        .origin_kind = kind,
    };
}

fn refused(thread: *abi.Thread, operation: abi.MapOperation, bytes: u64, errno: kernel.Error) bool {
    thread.map_failure = .{ .errno = kernel.number(errno), .operation = operation, .bytes = bytes };
    return false;
}

pub fn classFor(bytes: u64) u64 {
    var class: u64 = abi.class_min;
    while (@as(u64, 1) << @intCast(class) < bytes) class += 1;
    return class;
}

// ── Guard pages ─────────────────────────────────────────────────────────────────────────────────────────────────

/// A guard in the page tables alone where the kernel knows how (6.13); else one by mprotect, which costs two mappings.
fn protectGuard(low: u64) kernel.Error!u64 {
    if (kernel.installGuard(low, page_bytes)) return guard_bit else |_| {}
    try kernel.protect(low, page_bytes, .none);
    return guard_bit | guard_by_mprotect_bit;
}

fn dropGuard(low: u64, kind: u64) void {
    if (kind & guard_by_mprotect_bit != 0) {
        kernel.protect(low, page_bytes, .read_write) catch {};
    } else {
        kernel.removeGuard(low, page_bytes) catch {};
    }
}

// ── Slots ───────────────────────────────────────────────────────────────────────────────────────────────────────

/// A slot for a fiber's first segment and what its owner puts above it. 0: none; the thread's map_failure says why.
pub export fn hs_slot_take(class: u64, guard: u64, kind: *u64) callconv(.c) u64 {
    const thread = &hs_thread;
    const low = takeSlot(thread, class);
    if (low == 0) return 0;
    kind.* = kind_adopted;
    if (guard != 0) {
        kind.* |= protectGuard(low) catch |errno| {
            giveSlot(thread, class, low);
            _ = refused(thread, .guard, page_bytes, errno);
            return 0;
        };
    }
    return low;
}

pub export fn hs_slot_give(class: u64, low: u64, kind: u64) callconv(.c) void {
    if (kind & guard_bit != 0) dropGuard(low, kind);
    const bytes = @as(u64, 1) << @intCast(class);
    if (bytes > first_kept_bytes) kernel.forget(low, bytes - first_kept_bytes);
    giveSlot(&hs_thread, class, low);
}

/// Sets aside what carveEmergency hands out. 0: the system refused.
export fn hs_pool_enter() callconv(.c) u64 {
    const thread = &hs_thread;
    for (&thread.cache.emergency) |*slot| {
        if (slot.* == 0) slot.* = takeSlot(thread, abi.emergency_class);
        if (slot.* == 0) return 0;
    }
    return 1;
}

/// The thread's cached slots become everybody's.
export fn hs_pool_leave() callconv(.c) void {
    hs_pool_trim();
    for (&hs_thread.cache.emergency) |*slot| {
        if (slot.* != 0) giveToAll(abi.emergency_class, slot.*);
        slot.* = 0;
    }
}

/// The pages of the thread's cached slots go back to the system.
export fn hs_pool_trim() callconv(.c) void {
    for (abi.class_min..cached_class_max) |class| {
        while (takeCached(&hs_thread.cache, class)) |low| giveToAll(class, low);
    }
}

fn takeCached(cache: *abi.SegmentCache, class: u64) ?u64 {
    const index = class - abi.class_min;
    const low = cache.lasts[index];
    if (low == 0) return null;
    cache.lasts[index] = linkOf(class, low).*;
    cache.kept_bytes[index] -= @as(u64, 1) << @intCast(class);
    return low;
}

/// A slot's last word: in its page that has been touched for certain.
fn linkOf(class: u64, low: u64) *u64 {
    return @ptrFromInt(low + (@as(u64, 1) << @intCast(class)) - @sizeOf(u64));
}

fn takeSlot(thread: *abi.Thread, class: u64) u64 {
    if (takeCached(&thread.cache, class)) |low| return low;
    if (@atomicLoad(u32, &ready, .acquire) == 0) {
        acquireLock();
        defer releaseLock();
        if (ready == 0) reserve() catch |errno| {
            _ = refused(thread, .reserve, reserve_bytes_min, errno);
            return 0;
        };
    }
    acquireLock();
    defer releaseLock();
    const slots = &classes[class - abi.class_min];
    if (slots.free_count > 0) {
        slots.free_count -= 1;
        return slots.top - ((@as(u64, slots.free[slots.free_count]) + 1) << @intCast(class));
    }
    const bytes = @as(u64, 1) << @intCast(class);
    if (slots.used - slots.bottom < bytes) {
        _ = refused(thread, .reserve, bytes, error.ENOMEM);
        return 0;
    }
    const low = slots.used - bytes;
    if (low < slots.committed) {
        const step = @min(@max(bytes, commit_bytes_min), slots.committed - slots.bottom);
        kernel.protect(slots.committed - step, step, .read_write) catch |errno| {
            _ = refused(thread, .commit, step, errno);
            return 0;
        };
        slots.committed -= step;
    }
    slots.used = low;
    return low;
}

fn giveSlot(thread: *abi.Thread, class: u64, low: u64) void {
    const cache = &thread.cache;
    const index = class - abi.class_min;
    const bytes = @as(u64, 1) << @intCast(class);
    if (class >= cached_class_max or cache.kept_bytes[index] + bytes > cache.room_bytes) return giveToAll(class, low);
    linkOf(class, low).* = cache.lasts[index];
    cache.lasts[index] = low;
    cache.kept_bytes[index] += bytes;
}

fn giveToAll(class: u64, low: u64) void {
    const slots = &classes[class - abi.class_min];
    kernel.forget(low, @as(u64, 1) << @intCast(class));
    acquireLock();
    defer releaseLock();
    slots.free[slots.free_count] = @intCast(((slots.top - low) >> @intCast(class)) - 1);
    slots.free_count += 1;
}

/// Address space for everything, nothing of it committed.
fn reserve() kernel.Error!void {
    var bytes: u64 = reserve_bytes_max;
    const unaligned = while (true) : (bytes /= 2) {
        break kernel.reserve(bytes + huge_page_bytes) catch |errno| if (bytes > reserve_bytes_min) continue else return errno;
    };
    const base = alignUp(unaligned, huge_page_bytes);
    const share = bytes / shares;
    // In small slots a huge page would make one that is touched cost as much as 256.
    const huge_bytes = (abi.class_max + 1 - huge_class_min) * share;
    const small_from = base + bytes - (huge_class_min - abi.class_min) * share;
    kernel.withoutHugePages(small_from, base + bytes - small_from);
    kernel.withHugePages(small_from - huge_bytes, huge_bytes);
    for (&classes, 0..) |*class, index| {
        const top = base + bytes - index * share;
        const slots = share >> @intCast(index + abi.class_min);
        class.* = .{ .top = top, .bottom = top - (slots << @intCast(index + abi.class_min)), .committed = top, .used = top };
        if (slots > 0) class.free = @ptrFromInt(try kernel.map(alignUp(slots * @sizeOf(u32), page_bytes)));
    }
    @atomicStore(u32, &ready, 1, .release);
}

fn acquireLock() void {
    var tries: u32 = 0;
    while (@cmpxchgWeak(u32, &lock, 0, 1, .acquire, .monotonic) != null) {
        tries += 1;
        if (tries % 128 == 0) kernel.yield() else asm volatile ("pause");
    }
}

fn releaseLock() void {
    @atomicStore(u32, &lock, 0, .release);
}

fn alignUp(value: u64, unit: u64) u64 {
    return (value + unit - 1) & ~(unit - 1);
}
