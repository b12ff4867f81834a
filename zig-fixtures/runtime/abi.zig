//! What the assembly, the segment code and the runtime's host share: layouts (checked against the numbers in gates.h) and limits.

/// Bytes between a segment's limit and its lowest usable address: what may run below the limit without asking. 256 for frames that
/// LLVM does not add to rsp, 256 for over-aligned locals in these (LLVM's check ignores realignment; Harness.Binary raises
/// the check of larger frames by their alignment), 128 red zone, 96 for the stub's own saves, 1,024 for a function without a check and
/// those it calls (WorkerBuilder rejects larger ones), the rest spare.
pub const slack_bytes = 2048 - canary_bytes;

/// Of these, what checked code uses as a matter of course: uncounted frames, red zone, the stub's saves, rounded up.
pub const unchecked_bytes = 512;

/// At the very bottom of a segment; what checks it is the memory's own business (only the harness's does).
pub const canary_bytes = 64;

/// What a checkpoint reports; also the codes of the harness's event log (Harness.Model/FiberProgram.cs).
pub const error_canceled = 101;
pub const error_stack_overflow = 102;
pub const error_out_of_segments = 103;

/// One stretch of stack. Lives at the top of its own memory: [low, top()) is stack. The stubs read and
/// write the first six fields (gates.h, SEGMENT_…).
pub const Segment = extern struct {
    parent: ?*Segment,
    /// The child that was used last and is kept for the next split here; null: none, or the memory forbids it.
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
    /// The memory's own two words: where the segment came from.
    origin: u64,
    origin_kind: u64,
    usable_bytes: u64,
    /// Usable bytes of this segment and all its ancestors.
    used_bytes: u64,
    /// 1 for the initial segment.
    ordinal: u64,
    /// Not 0: lent, beyond the budget or when the system refused memory. Every checkpoint that runs on it returns this error.
    owed: u64 = 0,
    reserved: [2]u64 = @splat(0),

    /// Where its stack starts: at the header itself.
    pub fn top(segment: *const Segment) u64 {
        return segment.high - @sizeOf(Segment);
    }
};

/// Of code: [low, high).
pub const AddressRange = extern struct { low: u64, high: u64 };

/// Callee-saved registers and position of a fiber that stopped in a trace gate. Order: gates.h, trace_gate.
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

/// What the segment code knows of a fiber. The first field of whatever a fiber is to its owner.
pub const Stack = extern struct {
    segment: ?*Segment = null,
    /// Where a fiber that is not running stopped (hs_fiber_yield).
    rsp: u64 = 0,
    /// StackOverflow or OutOfStackSegments, for the next fallible checkpoint, wherever it is; 0: none. See Segment.owed.
    overflow: u32 = 0,
    /// 1: a cancellation is on its way. May be set by another thread.
    canceled: u32 = 0,
    /// Usable bytes that the fiber may have; 0: no budget.
    budget_bytes: u64 = 0,
    /// What it may have beyond that while its StackOverflow is on the way.
    reserve_bytes: u64 = 0,
    /// Segments carved and not yet released: those in use and those cached.
    live_segments: u64 = 0,
    used_bytes_max: u64 = 0,
    /// Segments beyond the first that were asked for; the one with this number is refused (0: none): for tests.
    allocations: u32 = 0,
    fail_allocation: u32 = 0,
    /// Doubling stops at this segment size (log 2 of bytes); 0: the memory's own.
    growth_class_max: u8 = 0,
    /// 1: every child segment gets a guard page below.
    guard: u8 = 0,
    /// 1: a signal handler's: its one segment is the signal stack, and nothing is added to it.
    fixed: u8 = 0,
    padding: [5]u8 = @splat(0),

    /// What a checkpoint has to return, now taken; 0: nothing. While the fiber stands on a segment that is lent, that is never over: so
    /// what may run there ends at its first checkpoint, recursions too, and a finite reserve suffices (harness/docs/RESERVE.md).
    pub fn takeReport(stack: *Stack) u32 {
        const once = stack.overflow;
        stack.overflow = 0;
        return if (once != 0) once else @truncate(stack.segment.?.owed);
    }
};

/// The last refusal of the system to give or protect memory on this thread.
pub const MapFailure = extern struct {
    errno: u32 = 0,
    operation: MapOperation = .none,
    bytes: u64 = 0,
};

pub const MapOperation = enum(u32) { none = 0, reserve = 1, commit = 2, map = 3, guard = 4, injected = 5, _ };

/// Segments that this thread released last, by size class: the next ones it needs. Linked through their own last word, innermost first.
pub const SegmentCache = extern struct {
    lasts: [class_count]u64 = @splat(0),
    kept_bytes: [class_count]u64 = @splat(0),
    /// Of each class, at most.
    room_bytes: u64 = cache_room_bytes,
    /// Handed out when the system refuses memory: room to reach the next checkpoint.
    emergency: [emergency_slots]u64 = @splat(0),
};

pub const class_min = 13;
pub const class_max = 26;
pub const class_count = class_max - class_min + 1;
pub const cache_room_bytes = 1 << 20;
pub const emergency_slots = 4;
/// Larger than any frame that a campaign generates (where a defer has a buffer, Zig's own backend gives each of its copies a place of its own: 94 KB became more than
/// 256 KiB in three copies); untouched, it costs address space only.
pub const emergency_class = 20;

/// One per OS thread. The stubs read the first fields (gates.h, THREAD_…).
pub const Thread = extern struct {
    /// Where gates start on the system stack; 0: already on it, so they stay where they are.
    system_rsp: u64 = 0,
    scheduler_rsp: u64 = 0,
    fiber_rsp: u64 = 0,
    /// The running fiber's; null: none runs.
    stack: ?*Stack = null,
    /// Splits that took the cached segment without leaving the stub.
    warm_splits: u64 = 0,
    /// Where hs_attempt goes back to when what it runs fails; 0: not in one.
    attempt_rsp: u64 = 0,
    map_failure: MapFailure = .{},
    cache: SegmentCache = .{},
};

comptime {
    // gates.h: THREAD_…, STACK_…, SEGMENT_…
    const assert = @import("std").debug.assert;
    assert(@offsetOf(Thread, "system_rsp") == 0);
    assert(@offsetOf(Thread, "scheduler_rsp") == 8);
    assert(@offsetOf(Thread, "fiber_rsp") == 16);
    assert(@offsetOf(Thread, "stack") == 24);
    assert(@offsetOf(Thread, "warm_splits") == 32);
    assert(@offsetOf(Thread, "attempt_rsp") == 40);
    assert(@offsetOf(Stack, "segment") == 0);
    assert(@offsetOf(Stack, "rsp") == 8);
    assert(@offsetOf(Stack, "overflow") == 16);
    assert(@offsetOf(Segment, "parent") == 0);
    assert(@offsetOf(Segment, "cached") == 8);
    assert(@offsetOf(Segment, "limit") == 16);
    assert(@offsetOf(Segment, "room") == 24);
    assert(@offsetOf(Segment, "stub_frame") == 32);
    assert(@offsetOf(Segment, "warm") == 40);
    assert(@offsetOf(Segment, "owed") == 104);
    assert(@sizeOf(Segment) == 128);
    assert(@offsetOf(Registers, "rbp") == 56);
}

/// A fresh fiber's context at the top of its stack, as hs_resume pops it (morestack.S). hs_fiber_start calls `entry` with `argument`.
/// Returns the rsp to resume.
pub fn prepareContext(top: u64, entry: *const anyopaque, argument: u64, start: *const fn () callconv(.c) void) u64 {
    const words: *[10]u64 = @ptrFromInt(top - 10 * 8);
    words.* = .{
        0x0000_037F_0000_1F80, // x87 control word, MXCSR: the ABI's initial values
        0, // r15
        0, // r14
        0, // r13
        argument, // r12
        @intFromPtr(entry), // rbx
        0, // rbp
        @intFromPtr(start), // where to go
        0, // the fiber's first return address; rsp is 8 below a multiple of 16 here, as after a call
        0,
    };
    return @intFromPtr(words);
}

/// Where this thread's limit is, as the route's prologues read it: limit_slot_glibc.zig or limit_slot_own.zig.
const limit_slot = @import("limit_slot").operand;

pub inline fn setLimit(limit: u64) void {
    asm volatile ("movq %[limit], " ++ limit_slot
        :
        : [limit] "r" (limit),
        : .{ .memory = true });
}

pub inline fn getLimit() u64 {
    return asm volatile ("movq " ++ limit_slot ++ ", %[limit]"
        : [limit] "=r" (-> u64),
    );
}

/// Linux x86-64 `struct ucontext` as far as its general registers (asm/ucontext.h, asm/sigcontext.h): what a signal's handler is told.
pub const Ucontext = extern struct {
    flags: u64,
    link: u64,
    /// uc_stack: the thread's signal stack; ss_flags includes SS_DISABLE when it has none.
    stack_low: u64,
    stack_flags: u64,
    stack_bytes: u64,
    gregs: [23]u64,
};

/// Places in `Ucontext.gregs` (sys/ucontext.h).
pub const greg = struct {
    pub const r12 = 4;
    pub const r13 = 5;
    pub const r14 = 6;
    pub const r15 = 7;
    pub const rbp = 10;
    pub const rbx = 11;
    pub const rsp = 15;
    pub const rip = 16;
};
