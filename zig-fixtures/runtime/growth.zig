//! morestack's slow path: decides whether to split, takes a segment, copies stack arguments; and the way back.
//!
//! Where segments come from is the module `memory`: pool.zig in the product, the harness's forcing.zig when it tests. Everything
//! here is the same in both.
//!
//! Compiled for general registers only (soft float, no SSE, no x87): nothing here can disturb an argument or a return value in a
//! vector or x87 register, however wide. Runs on the thread's system stack and calls nothing outside this object but `hs_reserve_exhausted`.
//! Signals: nothing is blocked; handlers run on their alternate stack and do not come here.

const abi = @import("abi");
const memory = @import("memory");

extern threadlocal var hs_thread: abi.Thread;
/// The fiber cannot go on: `cfa` and `resume_address` say where it stands. Its owner ends it.
extern fn hs_reserve_exhausted(cfa: u64, resume_address: u64) callconv(.c) noreturn;

const word = @sizeOf(u64);
/// The argument base may lie up to 63 bytes below the header, the return address another word.
const entry_bytes = 64 + word;

comptime {
    _ = memory;
}

/// A defect that the harness plants through its memory module; the product's has none.
inline fn planted(comptime name: @EnumLiteral()) bool {
    return @hasDecl(memory, "planted") and memory.planted(name);
}

/// What a planted defect makes a number larger by.
inline fn wrongBy(comptime name: @EnumLiteral(), bytes: u64) u64 {
    return if (planted(name)) bytes else 0;
}

/// Called by the stubs. Returns the new stack's argument base (congruent to `cfa` mod 64), or 0 to run in place.
/// `cfa` is the caller's rsp before its call: the return address is at cfa − 8, stack arguments start at cfa.
export fn hs_grow(frame_bytes: u64, argument_bytes: u64, cfa: u64, resume_address: u64) callconv(.c) u64 {
    const thread = &hs_thread;
    const stack = thread.stack.?;
    const parent = stack.segment.?;
    if (stack.fixed != 0) return stay(stack, parent, frame_bytes, cfa, resume_address);

    const fits = cfa - word >= frame_bytes and cfa - word - frame_bytes > parent.limit;
    memory.entering(thread);
    const forced = memory.forces(thread, stack, parent, cfa);
    if (fits and !forced) return 0;
    if (planted(.fits_always) and !forced) return 0;

    const arguments = boundArguments(argument_bytes, cfa, parent);
    const segment = take(thread, stack, frame_bytes + arguments) orelse hs_reserve_exhausted(cfa, resume_address);
    segment.stub_frame = if (planted(.stub_frame)) cfa - 3 * word else cfa - 2 * word;

    // Arguments go right below the header, at an address congruent to where they were, so that every alignment holds.
    const top = @intFromPtr(segment) - arguments;
    const base = top - ((top -% cfa) & 63) - wrongBy(.argument_alignment, word);
    const from = if (planted(.argument_shift)) cfa + word else cfa;
    copyWords(base, from, if (planted(.argument_copy)) arguments -| 16 else arguments);
    if (!planted(.grow_limit)) abi.setLimit(memory.limitOf(thread, stack));
    return base;
}

/// A signal handler may have interrupted anything, this file too: its stack gets no segments. The first frame that does not fit
/// goes into what was kept for it, and the handler's next checkpoint returns StackOverflow; one that fits not even there is the end.
fn stay(stack: *abi.Stack, segment: *abi.Segment, frame_bytes: u64, cfa: u64, resume_address: u64) u64 {
    if (!planted(.handler_silent)) stack.overflow = abi.error_stack_overflow;
    segment.limit = segment.low + abi.slack_bytes;
    const fits = cfa - word >= frame_bytes and cfa - word - frame_bytes > segment.limit;
    if (!fits) hs_reserve_exhausted(cfa, resume_address);
    abi.setLimit(segment.limit);
    return 0;
}

/// Called by the stubs after the body has returned. `stub_frame`: the stub's rbp.
export fn hs_shrink(stub_frame: u64) callconv(.c) void {
    const thread = &hs_thread;
    const stack = thread.stack.?;
    if (stack.segment.?.stub_frame != stub_frame) leaveUpTo(thread, stack, stub_frame);
    const segment = stack.segment.?;
    const parent = segment.parent;
    stack.segment = if (planted(.parent_skipped)) parent.?.parent orelse parent else parent;
    if (segment.warm == 0) {
        if (!memory.forgets(thread)) release(thread, stack, segment);
        if (planted(.release_parent) and parent.?.parent != null) memory.release(thread, stack, parent.?);
    }
    if (!planted(.limit_restore)) abi.setLimit(memory.limitOf(thread, stack));
}

/// Frames between were left without returning (longjmp, an exception): their segments are given up first.
fn leaveUpTo(thread: *abi.Thread, stack: *abi.Stack, stub_frame: u64) void {
    memory.misnested(thread, stub_frame);
    var segment = stack.segment.?;
    while (segment.stub_frame != stub_frame) segment = segment.parent orelse return;
    while (stack.segment.? != segment) leave(thread, stack);
}

/// The innermost segment goes: kept as its parent's child, or released.
fn leave(thread: *abi.Thread, stack: *abi.Stack) void {
    const segment = stack.segment.?;
    stack.segment = segment.parent;
    if (segment.warm == 0) release(thread, stack, segment);
}

/// After control has left frames without returning through them: segments deeper than the one that holds `rsp` are
/// given up, and its limit is in force. 0: no segment of this stack holds it, and nothing was done.
export fn hs_stack_realign(rsp: u64) callconv(.c) u64 {
    const thread = &hs_thread;
    const stack = thread.stack orelse return 0;
    var segment = stack.segment.?;
    while (rsp < segment.low or rsp > @intFromPtr(segment)) segment = segment.parent orelse return 0;
    while (stack.segment.? != segment) leave(thread, stack);
    abi.setLimit(memory.limitOf(thread, stack));
    return 1;
}

/// A fiber's first segment, in memory that its owner provides: [range.low, range.high). Returns the address its stack starts from.
pub export fn hs_stack_adopt(stack: *abi.Stack, range: *const memory.Range, usable_bytes: u64) callconv(.c) u64 {
    stack.segment = null;
    stack.live_segments = 0;
    stack.used_bytes_max = 0;
    stack.overflow = 0;
    return @intFromPtr(push(stack, range, usable_bytes, false));
}

/// Releases whatever a fiber still has, innermost first: after its end, a panic or a trap. Returns how many segments no
/// chain led to: what was leaked.
export fn hs_stack_close(stack: *abi.Stack) callconv(.c) u64 {
    const thread = &hs_thread;
    while (stack.segment) |segment| {
        dropCached(thread, stack, segment);
        stack.segment = segment.parent;
        if (segment.parent) |parent| parent.cached = null;
        if (planted(.close_keeps_last) and segment.parent != null) continue;
        release(thread, stack, segment);
    }
    memory.closed(thread, stack);
    return stack.live_segments;
}

/// Gives back the segments kept for the next split. Any time the fiber is not running.
export fn hs_stack_trim(stack: *abi.Stack) callconv(.c) void {
    dropCached(&hs_thread, stack, stack.segment.?);
}

/// The limit in force for a fiber: its segment's, or one that sends every prologue to hs_grow.
export fn hs_stack_limit(stack: *const abi.Stack) callconv(.c) u64 {
    return memory.limitOf(&hs_thread, stack);
}

/// Deepest first.
fn dropCached(thread: *abi.Thread, stack: *abi.Stack, segment: *abi.Segment) void {
    var deepest = segment;
    while (deepest.cached) |child| deepest = child;
    while (deepest != segment) {
        const parent = deepest.parent.?;
        release(thread, stack, deepest);
        if (!planted(.cached_dangling)) parent.cached = null;
        deepest = parent;
    }
}

/// The memory only; the caller takes the segment out of its chain.
fn release(thread: *abi.Thread, stack: *abi.Stack, segment: *abi.Segment) void {
    if (!planted(.release_uncounted)) stack.live_segments -= 1;
    memory.release(thread, stack, segment);
    if (planted(.release_twice)) memory.release(thread, stack, segment);
}

/// What the caller says, but never beyond the segment that holds it.
fn boundArguments(claimed: u64, cfa: u64, parent: *const abi.Segment) u64 {
    const room = @intFromPtr(parent) - cfa;
    return (@min(claimed, room) + word - 1) & ~@as(u64, word - 1);
}

/// The segment that a frame of `need_bytes` goes to, now the current one. Null: budget and reserve, or memory, are used up.
fn take(thread: *abi.Thread, stack: *abi.Stack, need_bytes: u64) ?*abi.Segment {
    const parent = stack.segment.?;
    memory.splitting(thread);
    if (parent.cached) |child| {
        if (child.room >= need_bytes) {
            stack.segment = child;
            return child;
        }
        dropCached(thread, stack, parent);
    }
    stack.allocations +%= 1;
    const least = need_bytes + entry_bytes;
    const usable = afford(stack, parent, least, memory.wanted(thread, stack, parent, least)) orelse return null;
    const extra = if (planted(.budget_early)) 2 * usable else usable;
    const exceeds = stack.budget_bytes != 0 and parent.used_bytes + extra > stack.budget_bytes;
    var owed: u32 = if (exceeds) abi.error_stack_overflow else 0;
    if (owed != 0 and planted(.budget_silent)) owed = 0;
    var range: memory.Range = undefined;
    if (!memory.carve(thread, stack, if (planted(.usable_half)) usable / 2 else usable, &range)) {
        // The fiber goes on, and its next checkpoint returns the error.
        if (owed == 0 and !planted(.allocation_silent)) owed = if (planted(.allocation_code)) abi.error_stack_overflow else abi.error_out_of_segments;
        if (!memory.carveEmergency(thread, stack, usable, least, &range)) return null;
    }
    if (stack.overflow == 0) stack.overflow = owed;
    // What is lent is not kept: who comes back is told again.
    const segment = push(stack, &range, @max(least, @min(usable, usableOf(&range))), owed == 0 and memory.keeps(thread));
    segment.owed = if (owed != 0 and planted(.reserve_once)) 0 else owed;
    if (segment.warm != 0) parent.cached = segment;
    return segment;
}

fn usableOf(range: *const memory.Range) u64 {
    return range.high - range.low - abi.slack_bytes - abi.canary_bytes - @sizeOf(abi.Segment);
}

/// How much of `wanted` the budget allows. Beyond it: from the reserve.
fn afford(stack: *abi.Stack, parent: *const abi.Segment, least: u64, wanted: u64) ?u64 {
    if (stack.budget_bytes == 0) return wanted;
    const left = stack.budget_bytes -| parent.used_bytes;
    if (least <= left) return @min(wanted, left);
    const reserve_left = (stack.budget_bytes + stack.reserve_bytes) -| parent.used_bytes;
    return if (least <= reserve_left) @min(wanted, reserve_left) else null;
}

fn push(stack: *abi.Stack, range: *const memory.Range, usable_bytes: u64, keep: bool) *abi.Segment {
    const segment: *abi.Segment = @ptrFromInt(range.high - @sizeOf(abi.Segment));
    const parent = stack.segment;
    const used_bytes = usable_bytes + if (parent) |p| if (planted(.used_forgets)) 0 else p.used_bytes else 0;
    segment.* = .{
        .parent = parent,
        .cached = null,
        .limit = range.limit,
        .room = @intFromPtr(segment) - range.limit - entry_bytes + wrongBy(.room_overstated, 4 * abi.slack_bytes),
        .stub_frame = 0,
        .warm = @intFromBool(keep),
        .low = range.low,
        .high = range.high,
        .origin = range.origin,
        .origin_kind = range.origin_kind,
        .usable_bytes = usable_bytes,
        .used_bytes = used_bytes,
        .ordinal = if (parent) |p| if (planted(.ordinal_stuck)) p.ordinal else p.ordinal + 1 else 1,
    };
    stack.segment = segment;
    stack.live_segments += 1;
    if (used_bytes > stack.used_bytes_max) stack.used_bytes_max = used_bytes;
    return segment;
}

/// Assembly, not Zig: a compiler would turn the loop into a call of memcpy, which uses vector registers. A loop up to a few words,
/// because `rep movsq` takes as long to start.
fn copyWords(to: u64, from: u64, bytes: u64) void {
    if (bytes == 0) return;
    if (bytes > 16 * word) return copyManyWords(to, from, bytes);
    var left = bytes;
    var scratch: u64 = undefined;
    asm volatile (
        \\1:  mov -8(%[from], %[bytes]), %[scratch]
        \\    mov %[scratch], -8(%[to], %[bytes])
        \\    sub $8, %[bytes]
        \\    jnz 1b
        : [bytes] "+r" (left),
          [scratch] "=&r" (scratch),
        : [to] "r" (to),
          [from] "r" (from),
        : .{ .memory = true });
}

fn copyManyWords(to: u64, from: u64, bytes: u64) void {
    asm volatile ("rep movsq"
        :
        : [to] "{rdi}" (to),
          [from] "{rsi}" (from),
          [count] "{rcx}" (bytes / word),
        : .{ .rdi = true, .rsi = true, .rcx = true, .memory = true });
}
