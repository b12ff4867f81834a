//! What the assembly stubs, the segment allocator and the runtime share: layouts (checked against the numbers in
//! morestack.S), limits, codes of the event log. The C# twins are Harness.Model/{Events,FiberProgram,Plans}.cs.

/// Bytes between a segment's limit and its lowest usable address: what may run below the limit without asking. 256 for frames that
/// LLVM does not add to rsp, 256 for over-aligned locals in these (LLVM's check ignores realignment; Harness.Binary raises
/// the check of larger frames by their alignment), 128 red zone, 96 for the stub's own saves, 1,024 for a function without a check and
/// those it calls (WorkerBuilder rejects larger ones), the rest spare.
pub const slack_bytes = 2048 - canary_bytes;

/// At the very bottom of every segment.
pub const canary_bytes = 64;
pub const canary_word: u64 = 0xC0FFEE_5E67_C0FFEE;
pub const poison_word: u64 = 0xDDDD_DDDD_DDDD_DDDD;

/// The limit that every prologue exceeds. Not ~0: LLVM's dynamic-alloca code compares signed.
pub const limit_force: u64 = 0x7fff_ffff_ffff_ffff;

pub const fibers_max = 8;
pub const mutexes_max = 8;
/// Address space reserved per fiber; touched pages only cost memory.
pub const arena_bytes = 256 << 20;
/// A fiber may use this much beyond its budget while its StackOverflow is on the way.
pub const reserve_bytes = 128 << 20;

pub const Placement = enum(u8) { descending = 0, ascending = 1, interleaved = 2, _ };
pub const Policy = enum(u8) { cache = 0, poison = 1, unmap = 2, _ };
pub const SplitKind = enum(u8) {
    none = 0,
    every_entry = 1,
    single_entry = 2,
    depth_at_least = 3,
    depth_equals = 4,
    every_nth = 5,
    random = 6,
    natural = 7,
    depth_set = 8,
    entry_set = 9,
    _,
};

pub const EventKind = enum(u8) {
    enter = 1,
    delivered = 2,
    leave = 3,
    log = 4,
    acquired = 5,
    released = 6,
    ledger_released = 7,
    raised = 8,
    caught = 9,
    err_deferred = 10,
    result = 11,
    probe = 12,
    yielded = 13,
    spawned = 14,
    joined = 15,
    cancel_requested = 16,
    fiber_end = 17,
    _,
};

pub const error_injected = 100;
pub const error_canceled = 101;
pub const error_stack_overflow = 102;
pub const error_out_of_segments = 103;
pub const error_deadlock = 104;

pub const Outcome = enum(u8) { not_started = 0, completed = 1, failed = 2, panicked = 3, segfaulted = 4 };

/// One stretch of stack. Lives at the top of its own memory: [low, @intFromPtr(segment)) is stack. The stubs read and
/// write the first six fields (morestack.S, SEGMENT_…).
pub const Segment = extern struct {
    parent: ?*Segment,
    /// The child that was used last and is kept for the next split here; null: none, or the plan forbids it.
    cached: ?*Segment,
    /// The limit while this segment is in use.
    limit: u64,
    /// The largest frame (with nothing passed on the stack) that certainly fits.
    room: u64,
    /// rbp of the stub frame on the parent; 0 for an initial segment.
    stub_frame: u64,
    /// 1: hs_shrink need not be asked; the segment stays its parent's cached child.
    warm: u64,
    low: u64,
    high: u64,
    /// The bump pointer to put back, and which.
    bump_before: u64,
    from_low_end: u64,
    usable_bytes: u64,
    /// Usable bytes of this segment and all its ancestors.
    used_bytes: u64,
    /// 1 for the initial segment.
    ordinal: u64,
    reserved: [3]u64,
};

/// Callee-saved registers and position of a fiber that stopped in a trace gate. Order: morestack.S, trace_gate.
pub const Registers = extern struct {
    r15: u64,
    r14: u64,
    r13: u64,
    r12: u64,
    rbx: u64,
    rip: u64,
    rsp: u64,
    rbp: u64,
};

pub const Range = extern struct { low: u64, high: u64 };

/// The most released segments of a fiber that are inaccessible at a time.
pub const protected_max = 48;

/// What the segment allocator knows of a fiber.
pub const Stack = extern struct {
    segment: ?*Segment = null,
    arena: u64 = 0,
    bump_low: u64 = 0,
    bump_high: u64 = 0,
    /// Segments carved and not yet released: those in use and those cached.
    live_segments: u64 = 0,
    used_bytes_max: u64 = 0,
    /// Range of this execution's released, poisoned memory.
    poison_low: u64 = 0,
    poison_high: u64 = 0,
    /// Released memory that faults on touch.
    protected: [protected_max]Range = undefined,
    protected_count: u64 = 0,
    /// StackOverflow or OutOfStackSegments, for the next fallible checkpoint; 0: none.
    overflow: u32 = 0,
    depth_count: u32 = 0,
    depth_positions: ?[*]u64 = null,
};

/// The current execution's stack plan and what came of it.
pub const Plan = extern struct {
    kind: SplitKind = .none,
    placement: Placement = .descending,
    policy: Policy = .cache,
    track_depth: u8 = 0,
    /// 1: released segments stay as cached children (the product's way); 0: every release is a real one.
    caching: u8 = 1,
    padding: [3]u8 = @splat(0),
    a: u64 = 0,
    b: u64 = 0,
    random_state: u64 = 0,
    prologues: u64 = 0,
    entries: u64 = 0,
    budget_bytes: u64 = 0,
    fail_allocation: u64 = 0,
    allocations: u64 = 0,
    /// Releases under the unmap policy.
    unmaps: u64 = 0,
    /// Splits made by hs_grow, forced or natural; Thread.warm_splits counts the others.
    splits: u64 = 0,
    failures: u64 = 0,
    fail_address: u64 = 0,
};

/// Bits of Plan.failures.
pub const fail_canary = 1;
pub const fail_poison = 2;
pub const fail_order = 4;
pub const fail_map = 8;
pub const fail_arena = 16;

/// One per OS thread. The stubs read the first three fields.
pub const Thread = extern struct {
    system_rsp: u64 = 0,
    scheduler_rsp: u64 = 0,
    fiber_rsp: u64 = 0,
    stack: ?*Stack = null,
    /// Splits that took the cached segment without leaving the stub.
    warm_splits: u64 = 0,
    plan: Plan = .{},
};

comptime {
    // morestack.S: THREAD_…, STACK_SEGMENT, SEGMENT_…
    const assert = @import("std").debug.assert;
    assert(@offsetOf(Thread, "system_rsp") == 0);
    assert(@offsetOf(Thread, "scheduler_rsp") == 8);
    assert(@offsetOf(Thread, "fiber_rsp") == 16);
    assert(@offsetOf(Thread, "stack") == 24);
    assert(@offsetOf(Thread, "warm_splits") == 32);
    assert(@offsetOf(Stack, "segment") == 0);
    assert(@offsetOf(Segment, "parent") == 0);
    assert(@offsetOf(Segment, "cached") == 8);
    assert(@offsetOf(Segment, "limit") == 16);
    assert(@offsetOf(Segment, "room") == 24);
    assert(@offsetOf(Segment, "stub_frame") == 32);
    assert(@offsetOf(Segment, "warm") == 40);
    assert(@sizeOf(Segment) == 128);
    assert(@offsetOf(Registers, "rbp") == 56);
}

/// The limit slot that LLVM's x86-64 Linux prologue reads; glibc reserves it (tcbhead_t.__private_ss).
pub inline fn setLimit(limit: u64) void {
    asm volatile ("movq %[limit], %%fs:0x70"
        :
        : [limit] "r" (limit),
        : .{ .memory = true });
}

pub inline fn getLimit() u64 {
    return asm volatile ("movq %%fs:0x70, %[limit]"
        : [limit] "=r" (-> u64),
    );
}
