//! Another runtime (contract.h) in the place of runtime/growth.zig and worker/forcing.zig: what the worker asks of stacks, answered from what that
//! runtime tells.
//!
//! Its segments are told to the worker as abi.Segments of ours, which lie in the fiber's arena instead of in the segments. A split cannot
//! be forced where it happens, as our own memory does, only from outside: at a checkpoint the limit becomes one that any prologue exceeds,
//! and is the runtime's own again as soon as it has split or returned over a segment's edge. Other prologues split where stacks grow by
//! themselves, from a first segment whose edge is put exactly.

const runtime = @import("abi");
const abi = @import("plans");

extern threadlocal var hs_thread: abi.Thread;

const Told = extern struct { low: u64, high: u64, stub_frame: u64 };
extern fn hsf_fiber_open(fiber: *anyopaque, bytes: u64) callconv(.c) u64;
extern fn hsf_fiber_close(fiber: *anyopaque) callconv(.c) void;
extern fn hsf_fiber_enter(fiber: *anyopaque) callconv(.c) void;
extern fn hsf_fiber_leave(fiber: *anyopaque) callconv(.c) void;
extern fn hsf_fiber_segments(fiber: *const anyopaque, into: [*]Told, capacity: u64) callconv(.c) u64;
extern fn hsf_fiber_limit(fiber: *const anyopaque, slack: *u64) callconv(.c) u64;

/// HSF_FIBER_BYTES of contract.h.
const fiber_bytes = 256;
/// More than the entries that an execution may have, all split.
const segments_max = 1 << 16;

/// At the arena's lower end.
const Record = extern struct {
    fiber: [fiber_bytes]u8 align(16),
    /// The limit was made one that any prologue exceeds, and this is the runtime's own.
    armed: u64,
    own_limit: u64,
    is_open: u64,
    has_begun: u64,
    told: [segments_max]Told,
    /// Outermost first.
    segments: [segments_max]runtime.Segment,
};

comptime {
    if (@sizeOf(Record) > abi.arena_bytes) @compileError("the record must fit into a fiber's arena");
}

fn own(core: *runtime.Stack) *abi.Stack {
    return @fieldParentPtr("core", core);
}

fn recordOf(core: *const runtime.Stack) *Record {
    return @ptrFromInt(own(@constCast(core)).arena);
}

export fn hs_stack_open(stack: *abi.Stack, usable_bytes: u64) callconv(.c) u64 {
    const record = recordOf(&stack.core);
    if (record.is_open != 0) hsf_fiber_close(&record.fiber);
    record.fiber = @splat(0);
    record.armed = 0;
    record.is_open = 1;
    record.has_begun = 0;
    stack.depth_count = 0;
    stack.core.segment = null;
    stack.core.overflow = 0;
    stack.core.live_segments = 0;
    stack.core.used_bytes_max = 0;
    const top = hsf_fiber_open(&record.fiber, usable_bytes);
    if (top == 0 or top % 16 != 0) @panic("the runtime under test gives a fiber no stack (hsf_fiber_open)");
    hsf_look(&stack.core, .whole);
    return if (hs_thread.plan.kind == .natural) edgeAt(record, top, usable_bytes) else top;
}

/// Runtimes round what they are asked for up to pages. A stack that grows by itself starts further down instead, so that exactly what the plan says
/// lies above the limit: the edge is at a prologue of the plan's choice, with any runtime.
fn edgeAt(record: *const Record, top: u64, usable_bytes: u64) u64 {
    var slack: u64 = 0;
    const limit = hsf_fiber_limit(&record.fiber, &slack);
    return if (limit == 0) top else @min(top, (limit + usable_bytes) & ~@as(u64, 15));
}

/// What a runtime keeps beyond a fiber's end nobody can see: nothing is ever told to have leaked here.
export fn hs_stack_close(core: *runtime.Stack) callconv(.c) u64 {
    const record = recordOf(core);
    if (record.is_open != 0) hsf_fiber_close(&record.fiber);
    record.is_open = 0;
    return 0;
}

/// The limit in force where it is right, else what it should be.
export fn hs_stack_limit(core: *const runtime.Stack) callconv(.c) u64 {
    const record = recordOf(core);
    const current = abi.getLimit();
    if (record.armed != 0 and current == abi.limit_force) return current;
    var slack: u64 = 0;
    const due = hsf_fiber_limit(&record.fiber, &slack);
    return if (due == 0 or (current <= due and due - current <= slack)) current else due;
}

export fn hs_stack_checkpoint(stack: *abi.Stack, rsp: u64) callconv(.c) void {
    stack.joinDepths(rsp);
}

export fn hs_pool_enter() callconv(.c) u64 {
    return 1;
}

export fn hs_pool_trim() callconv(.c) void {}

export fn hsf_enter(core: *runtime.Stack) callconv(.c) void {
    const record = recordOf(core);
    hsf_fiber_enter(&record.fiber);
    // For what comes before its first checkpoint.
    if (record.has_begun == 0) hsf_arm(core, 0);
    record.has_begun = 1;
}

export fn hsf_leave(core: *runtime.Stack) callconv(.c) void {
    hsf_look(core, .glance);
    hsf_fiber_leave(&recordOf(core).fiber);
}

const Depth = enum(u32) { glance = 0, whole = 1 };

/// Counts what has split since the stack was looked at last, as far as that can be told from outside: segments beyond those of before, or one
/// where the limit was armed and is no longer.
export fn hsf_look(core: *runtime.Stack, depth: Depth) callconv(.c) void {
    const record = recordOf(core);
    const before = if (core.segment) |segment| segment.ordinal else 0;
    const told = hsf_fiber_segments(&record.fiber, &record.told, if (depth == .glance) 1 else segments_max);
    if (told == 0 or told > segments_max) @panic("the runtime under test tells no segments, or far too many (hsf_fiber_segments)");
    const written = if (depth == .glance) 1 else told;
    for (record.told[0..written], 0..) |*one, i| put(record, one, told - 1 - i);
    core.segment = &record.segments[told - 1];
    core.live_segments = told;
    if (before == 0) return;
    const sprung = record.armed != 0 and core == hs_thread.core.stack and abi.getLimit() != abi.limit_force;
    if (sprung) record.armed = 0;
    hs_thread.plan.splits += if (told > before) told - before else @intFromBool(sprung);
}

fn put(record: *Record, one: *const Told, index: u64) void {
    const segment = &record.segments[index];
    segment.* = @import("std").mem.zeroInit(runtime.Segment, .{
        .parent = if (index == 0) null else &record.segments[index - 1],
        .stub_frame = one.stub_frame,
        .low = one.low,
        .high = one.high + @sizeOf(runtime.Segment),
        .usable_bytes = one.high - one.low,
        .ordinal = index + 1,
    });
}

/// The limit for what comes until the next checkpoint.
export fn hsf_arm(core: *runtime.Stack, rsp: u64) callconv(.c) void {
    const record = recordOf(core);
    const plan = &hs_thread.plan;
    const wanted = switch (plan.kind) {
        .none, .natural => false,
        .every_entry => true,
        .single_entry => plan.entries == plan.a,
        .entry_set => plan.namesNextEntry(),
        .depth_at_least => callDepth(core, rsp) >= plan.a,
        .depth_equals => callDepth(core, rsp) == plan.a,
        .depth_set => (plan.a >> @intCast(callDepth(core, rsp) & 63)) & 1 == 1,
        .every_nth => plan.entries % plan.a == 0,
        .random => plan.random() & 0xffff < plan.b,
        else => false,
    };
    const armed = abi.getLimit() == abi.limit_force;
    if (wanted and !armed) {
        record.own_limit = abi.getLimit();
        record.armed = 1;
        abi.setLimit(abi.limit_force);
    } else if (!wanted and armed) {
        // Nothing has split and nothing has returned over an edge since: both put another limit in force.
        abi.setLimit(record.own_limit);
        record.armed = 0;
    }
}

/// Of the function that is entered next: checkpointed frames that are there, plus 1.
fn callDepth(core: *runtime.Stack, rsp: u64) u64 {
    return if (rsp == 0) 1 else own(core).depth_count + 1;
}
