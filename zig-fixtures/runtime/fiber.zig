//! The product's records, shared by the host's object and the module that user code imports. Both may be compiled by different
//! backends, so everything is extern.

const abi = @import("abi");

pub const Entry = *const fn (?*anyopaque) callconv(.c) void;

/// Embedded by its owner in what a fiber holds. Valid until released or dropped.
pub const Held = extern struct {
    previous: ?*Held = null,
    next: ?*Held = null,
    /// Gives back what it stands for. Runs on the system stack when the fiber ended without its defers.
    release: ?*const fn (*Held) callconv(.c) void = null,
};

pub const Options = extern struct {
    /// Bytes of the first segment with the fiber's record: rounded up to a power of two, 8 KiB to 64 MiB.
    first_bytes: u64 = 8192,
    /// Stack bytes beyond which the next checkpoint returns error.StackOverflow; 0: no budget.
    budget_bytes: u64 = 0,
    /// What there is beyond the budget while the error is on its way.
    reserve_bytes: u64 = 256 << 10,
    /// The largest segment that growth doubles to.
    growth_bytes_max: u64 = 64 << 20,
    /// Stack that the entry needs altogether: the first segment is made so large that no check of its fails, and it never splits. 0, or more
    /// than the largest segment: it grows by splitting. What is needed beyond it, against what was said, is split for as ever.
    upfront_bytes: u64 = 0,
    /// For tests: the n-th segment beyond the first is refused; 0: none.
    fail_allocation: u32 = 0,
    /// A no-access page below every segment.
    guard_pages: bool = false,
    /// Take upfront_bytes from what the harness computed for this entry (`stack-usage --fill`); where it knows no bound, the fiber splits.
    upfront: bool = false,
    padding: [2]u8 = @splat(0),
};

/// What is known of an entry's need, one for each entry in the program's data. `stack-usage --fill` finds them by their mark, in a linked program,
/// and writes the bytes.
pub const Bound = extern struct {
    mark: [2]u64 = bound_mark,
    entry: Entry,
    /// 0: not known.
    bytes: u64 = 0,
};

/// Harness.Binary/StackUse/BoundSlots.cs looks for it.
pub const bound_mark: [2]u64 = .{ 0x75706672_6f6e7473, 0x7461636b_75736167 };

pub const State = enum(u32) { ready = 0, running = 1, ended = 2, _ };

pub const Ending = enum(u32) {
    none = 0,
    completed = 1,
    failed = 2,
    /// @panic or a safety check.
    panicked = 3,
    /// A signal that is not about memory: a trap, an arithmetic fault.
    trapped = 4,
    segfaulted = 5,
    /// Budget and reserve used up, or a guard page hit.
    overflowed = 6,
    /// Yielded where it cannot, on the system stack, or jumped out of its frames.
    misused = 7,
    /// Threw an exception of another language that nobody in it catches.
    uncaught = 8,
    _,
};

/// Lives at the top of its own first slot. `stack` comes first: Thread.stack is the running fiber.
pub const Fiber = extern struct {
    stack: abi.Stack = .{},
    held: ?*Held = null,
    held_count: u64 = 0,
    /// Set by whoever resumes it, so that two threads cannot.
    state: u32 = 0,
    ending: Ending = .none,
    /// Of a failed fiber: @intFromError in its compilation.
    error_code: u32 = 0,
    signal: u32 = 0,
    fault_address: u64 = 0,
    /// Release callbacks that failed in turn, and entries that could not be reached.
    second_faults: u32 = 0,
    class: u32 = 0,
    slot_low: u64 = 0,
    slot_kind: u64 = 0,
    /// Once it has ended badly: in its own dead stack. Of a failed one: Zig's error return trace, if it keeps one.
    report: ?*Report = null,
    /// For a scheduler's queue.
    next: ?*Fiber = null,
    /// While it is not running.
    exceptions: ExceptionState = .{},
    /// What it was given up front; 0: nothing, it splits.
    upfront_bytes: u64 = 0,
    reserved: [2]u64 = @splat(0),
};

/// C++'s exceptions in handling, of a thread: struct __cxa_eh_globals of its ABI.
pub const ExceptionState = extern struct { caught: u64 = 0, uncaught: u64 = 0 };

pub const trace_head = 144;
pub const trace_tail = 48;

/// What is kept of a fiber that ended badly: of one that panicked or faulted, the trace as it was before anything was released; of one
/// that failed, where its error was returned from.
pub const Report = extern struct {
    /// Return addresses, innermost first (of an error: where it began first); when some were dropped, the last trace_tail are the outermost.
    addresses: [trace_head + trace_tail]u64,
    count: u64,
    /// Between the first trace_head and the last trace_tail.
    dropped: u64,
    message: [160]u8,
    message_length: u64,
};

comptime {
    const assert = @import("std").debug.assert;
    assert(@offsetOf(Fiber, "stack") == 0);
    assert(@sizeOf(Fiber) % 64 == 0);
    // gates.h
    assert(@offsetOf(Fiber, "state") == 88);
    assert(@intFromEnum(State.ready) == 0 and @intFromEnum(State.running) == 1);
}
