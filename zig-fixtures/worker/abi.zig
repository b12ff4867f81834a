//! The harness's side of runtime/abi.zig: forced plans and what they need of a stack and a thread, and the codes of the event log.
//! The C# twins are Harness.Model/{Events,FiberProgram,Plans}.cs.

const runtime = @import("abi");

pub const Registers = runtime.Registers;
pub const Segment = runtime.Segment;
pub const slack_bytes = runtime.slack_bytes;
pub const canary_bytes = runtime.canary_bytes;
pub const setLimit = runtime.setLimit;
pub const getLimit = runtime.getLimit;

pub const canary_word: u64 = 0xC0FFEE_5E67_C0FFEE;
pub const poison_word: u64 = 0xDDDD_DDDD_DDDD_DDDD;

/// The limit that every prologue exceeds. Not ~0: LLVM's dynamic-alloca code compares signed.
pub const limit_force: u64 = 0x7fff_ffff_ffff_ffff;

/// What the first thread keeps of each size of the product's slots: where everything splits, a deep recursion has thousands of the
/// smallest, and the next execution needs them again.
pub const pool_kept_bytes = 64 << 20;

pub const fibers_max = 8;
pub const mutexes_max = 8;
/// Address space reserved per fiber; touched pages only cost memory.
pub const arena_bytes = 256 << 20;
/// A fiber may use this much beyond its budget while its StackOverflow is on the way.
pub const reserve_bytes = 128 << 20;

/// Pool: the product's own memory (runtime/pool.zig) in place of an arena.
pub const Placement = enum(u8) { descending = 0, ascending = 1, interleaved = 2, pool = 3, _ };
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
    /// The prologue with this number, counted from 1, wherever it is; for programs without checkpoints (testing/host.zig).
    nth_prologue = 10,
    /// The prologues with these numbers: Plan.a points at them, ascending, Plan.b says how many, Plan.random_state how many have been met.
    prologue_set = 11,
    _,
};

pub const EventKind = @import("events.zig").Kind;

pub const error_injected = 100;
pub const error_canceled = runtime.error_canceled;
pub const error_stack_overflow = runtime.error_stack_overflow;
pub const error_out_of_segments = runtime.error_out_of_segments;
pub const error_deadlock = 104;

pub const Outcome = enum(u8) { not_started = 0, completed = 1, failed = 2, panicked = 3, segfaulted = 4 };

/// Released memory that faults on touch.
pub const Range = extern struct { low: u64, high: u64 };

/// How many segments of an execution become inaccessible when they are released: a system call costs as much as hundreds of splits.
pub const unmaps_max = 2;

/// Both multiples of a large page. The larger has room for what deep recursions need, all split.
pub const window_bytes_min = 2 << 20;
pub const window_bytes_max = 40 << 20;

/// A fiber's stack, and the arena that forced placements carve its segments from.
pub const Stack = extern struct {
    core: runtime.Stack = .{},
    arena: u64 = 0,
    /// Ascending segments begin this far below the arena's upper end, interleaved ones go outwards from the middle of that: what an
    /// execution uses then overlaps in all placements, and fresh memory is dear.
    window_bytes: u64 = window_bytes_max,
    bump_low: u64 = 0,
    bump_high: u64 = 0,
    /// Range of this execution's released, poisoned memory.
    poison_low: u64 = 0,
    poison_high: u64 = 0,
    protected: [unmaps_max]Range = undefined,
    protected_count: u64 = 0,
    depth_count: u32 = 0,
    padding: u32 = 0,
    depth_positions: ?[*]u64 = null,
    /// The first segment's slot under the pool placement, whose owner we are; 0: none.
    first_slot: u64 = 0,
    first_kind: u64 = 0,

    /// Checkpointed frames below a place of the logical stack (`positionOf`); those above it have been left, and are forgotten.
    pub fn depthBelow(stack: *Stack, position: u64) u64 {
        const positions = stack.depth_positions.?;
        while (stack.depth_count > 0 and positions[stack.depth_count - 1] >= position) stack.depth_count -= 1;
        return stack.depth_count;
    }

    /// At a checkpoint whose caller has `rsp`: the frame joins the depth record.
    pub fn joinDepths(stack: *Stack, rsp: u64) void {
        const position = positionOf(stack.core.segment.?, rsp);
        _ = stack.depthBelow(position);
        stack.depth_positions.?[stack.depth_count] = position;
        stack.depth_count += 1;
    }
};

/// Grows along the logical stack, whatever the addresses: segment ordinal, then distance from its top.
pub fn positionOf(segment: *const Segment, address: u64) u64 {
    return segment.ordinal << 40 | (segment.top() - address);
}

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
    /// Kept below each limit besides the slack: for units that call libraries, whose functions do not ask.
    headroom_bytes: u64 = 0,
    prologues: u64 = 0,
    entries: u64 = 0,
    fail_allocation: u64 = 0,
    allocations: u64 = 0,
    /// Under the unmap policy: which allocations, counted from 1.
    unmaps: [unmaps_max]u64 = @splat(0),
    /// Splits made by hs_grow, forced or natural; Thread.warm_splits counts the others.
    splits: u64 = 0,
    failures: u64 = 0,
    fail_address: u64 = 0,
    /// Where the segment begins that stands in for the allocation that failed; 0: there is none, or it was released.
    lent_low: u64 = 0,

    /// Whether an entry_set has the entry that comes next.
    pub fn namesNextEntry(plan: *const Plan) bool {
        if (plan.entries < plan.a or plan.entries - plan.a > 63) return false;
        return (plan.b >> @intCast(plan.entries - plan.a)) & 1 == 1;
    }

    pub fn random(plan: *Plan) u64 {
        plan.random_state +%= golden;
        return mixed(plan.random_state);
    }
};

const golden = 0x9E3779B97F4A7C15;

/// SplitMix64's finaliser.
fn mixed(state: u64) u64 {
    var z = state;
    z = (z ^ z >> 30) *% 0xBF58476D1CE4E5B9;
    z = (z ^ z >> 27) *% 0x94D049BB133111EB;
    return z ^ z >> 31;
}

/// Bits of Plan.failures.
pub const fail_canary = 1;
pub const fail_poison = 2;
pub const fail_order = 4;
pub const fail_map = 8;
pub const fail_arena = 16;

/// The worker's thread: the runtime's, and the plan.
pub const Thread = extern struct {
    core: runtime.Thread = .{},
    plan: Plan = .{},
};
