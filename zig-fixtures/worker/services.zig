//! The services that generated programs call (harness/docs/RUNTIME-ABI.md), behind morestack.S's gates: every function
//! here runs on the thread's system stack. Rules: harness/docs/SCHEDULING.md.

const std = @import("std");
const runtime = @import("abi");
const abi = @import("abi.zig");
const defects = @import("defects");
const growing = @import("growing");
const plan = @import("plan.zig");
const state = @import("state.zig");
const output = @import("output.zig");
const scheduler = @import("scheduler.zig");
const ledger = @import("ledger.zig");
const observe = @import("observe.zig");
const error_traces = @import("errors.zig");
const mixing = @import("mixing.zig");
const buffers = @import("buffers.zig");
const stacks = @import("stacks.zig");
const places = @import("places.zig");
const death = @import("death.zig");

pub extern threadlocal var hs_thread: abi.Thread;
extern fn hs_stack_checkpoint(stack: *abi.Stack, rsp: u64) callconv(.c) void;
extern fn hs_pool_enter() callconv(.c) u64;
extern fn hs_stack_limit(stack: *const runtime.Stack) callconv(.c) u64;

const infallible_bit: u32 = 1 << 31;
/// Above it: the program's number in the unit, which only keeps equal functions apart.
const function_mask: u32 = 0xffff;
const answer_panic = 1;
const answer_segfault = 2;

/// Emergency segments for the pool placement: each thread has its own.
pub fn enterPool() void {
    if (hs_pool_enter() == 0) output.stop("no memory for the pool placement; raise the memory limit", .{}, 3);
}

pub fn event(index: u32, kind: abi.EventKind, a: u32, b: u64) void {
    const fiber = &state.fibers[index];
    const first = @as(u64, @intFromEnum(kind)) | @as(u64, a) << 8;
    fiber.digest = mixing.digestWord(mixing.digestWord(fiber.digest, first), b);
    state.events += 1;
    if (state.recording()) record(index, kind, a, b);
    if (state.events > state.program.event_cap) scheduler.runaway();
}

/// Apart, so that an event that nobody records has no frame for its text.
noinline fn record(index: u32, kind: abi.EventKind, a: u32, b: u64) void {
    @branchHint(.cold);
    output.line("event row={d} fiber={d} kind={d} a={d} b={d}", .{ state.row_index, index, @intFromEnum(kind), a, b });
}

export fn hs_rt_event(kind: u32, a: u32, b: u64) callconv(.c) void {
    if (kind == @intFromEnum(abi.EventKind.result)) state.running().outcome = if (a == 0) .completed else .failed;
    event(state.current, @enumFromInt(@as(u8, @truncate(kind))), a, b);
}

/// An error is raised, caught, or met by an errdefer.
export fn hs_rt_error(kind: u32, site: u32, code: u32, errors: ?*const error_traces.Trace) callconv(.c) void {
    event(state.current, @enumFromInt(@as(u8, @truncate(kind))), site, code);
    error_traces.sight(state.running(), @intCast(site), .{ .trace = errors });
}

export fn hs_rt_checkpoint(tagged: u32, rsp: u64) callconv(.c) u32 {
    const function = tagged & function_mask;
    const fiber = state.running();
    const stack_plan = &hs_thread.plan;
    growing.look(&fiber.stack.core, .glance);
    checkLimit(fiber);
    const entry = stack_plan.entries;
    stack_plan.entries += 1;
    event(state.current, .enter, function, 0);
    fiber.rsp_lowest = @min(fiber.rsp_lowest, rsp);
    places.entered(fiber, entry);
    if (stack_plan.track_depth != 0) hs_stack_checkpoint(&fiber.stack, rsp);
    growing.arm(&fiber.stack.core, rsp);
    switch (stack_plan.kind) {
        .single_entry, .entry_set => if (!growing.is_foreign) abi.setLimit(hs_stack_limit(&fiber.stack.core)),
        else => {},
    }
    if (entry >= state.program.entry_cap) scheduler.runaway();
    const faults_before = state.faults;
    switch (fault(fiber, entry, rsp)) {
        0 => {},
        else => |answer| return answer,
    }
    const struck = state.faults != faults_before;
    if (stacks.areWanted()) stacks.atCheckpoint(state.current, struck, &callerOf(rsp));
    if (tagged & infallible_bit != 0 and !defects.planted(.infallible_told)) return 0;
    // The stack's own report first; what else is pending waits for the next checkpoint.
    var code = fiber.stack.core.takeReport();
    if (code != 0) {
        fiber.overflows += 1;
        state.misnamed += @intFromBool(code != stackErrorOf(state.scenario.fault_kind));
    } else {
        state.unreported += @intFromBool(isBeyondBudget(&fiber.stack.core) or stack_plan.lent_low == fiber.stack.core.segment.?.low);
        code = fiber.pending;
        if (!defects.planted(.pending_kept)) fiber.pending = 0;
    }
    if (code == 0) return 0;
    event(state.current, .delivered, code, 0);
    deliver(@truncate(entry), code);
    if (!struck) stacks.send(state.current, .fault, -1, 0, .checkpoint, &callerOf(rsp));
    return if (defects.planted(.delivery_swallowed)) 0 else code;
}

/// Of the checkpoint's gate, whose frame lies right below its caller's rsp: where it returns to, and its caller's frame. The other registers are not told.
fn callerOf(rsp: u64) abi.Registers {
    const frame: *const [2]u64 = @ptrFromInt(rsp - @sizeOf([2]u64));
    var registers = std.mem.zeroes(abi.Registers);
    registers.rbp = frame[0];
    registers.rip = frame[1];
    registers.rsp = rsp;
    return registers;
}

/// The limit in force must be that of the segment in use, under this plan.
fn checkLimit(fiber: *const state.Fiber) void {
    if (abi.getLimit() != hs_stack_limit(&fiber.stack.core)) state.limit_faults += 1;
}

/// What a stack's own report must say under a fault plan.
fn stackErrorOf(kind: plan.FaultKind) u32 {
    return if (kind == .segment_allocation) abi.error_out_of_segments else abi.error_stack_overflow;
}

/// It stands on the reserve: no checkpoint may pass there, however often it was told.
fn isBeyondBudget(stack: *const runtime.Stack) bool {
    const segment = stack.segment.?;
    return stack.budget_bytes != 0 and segment.parent != null and segment.used_bytes > stack.budget_bytes;
}

/// What the fault plan does at this entry: an answer for the checkpoint, or 0.
fn fault(fiber: *state.Fiber, entry: u64, rsp: u64) u32 {
    const scenario = state.scenario;
    switch (scenario.fault_kind) {
        .@"error" => {
            const hit = entry == if (defects.planted(.fault_late)) scenario.fault_entry + 1 else scenario.fault_entry;
            if (hit and scenario.flags & plan.scenario_persistent != 0) fiber.persistent = !defects.planted(.persistent_once);
            if ((hit or fiber.persistent) and fiber.pending == 0) {
                fiber.pending = scenario.fault_error;
                state.faults += 1;
            }
        },
        .panic => if (entry == scenario.fault_entry) {
            state.faults += 1;
            if (scenario.death != .none) death.begin(rsp);
            return if (scenario.death == .segfault or scenario.death == .handler) answer_segfault else answer_panic;
        },
        .segfault => if (entry == scenario.fault_entry) {
            state.faults += 1;
            state.expecting_segfault = true;
            return answer_segfault;
        },
        else => {},
    }
    return 0;
}

fn deliver(entry: u32, code: u32) void {
    switch (state.scenario.fault_kind) {
        .stack_budget, .segment_allocation => state.faults += 1,
        else => {},
    }
    if (state.delivery_count < state.deliveries.len) {
        state.deliveries[state.delivery_count] = .{ .entry = entry, .code = code };
    }
    state.delivery_count += 1;
    if (state.recording()) output.line("delivered row={d} entry={d} error={d}", .{ state.row_index, entry, code });
}

export fn hs_rt_fuel() callconv(.c) u32 {
    const fiber = state.running();
    if (fiber.fuel == 0) return 0;
    fiber.fuel -|= if (defects.planted(.fuel_double)) 2 else 1;
    return 1;
}

export fn hs_rt_acquire(site: u32, kind: u32) callconv(.c) u64 {
    const serial = ledger.take(state.current, @truncate(kind), 0);
    event(state.current, .acquired, site, @as(u64, serial) << 8 | kind);
    return serial;
}

export fn hs_rt_release(site: u32, serial: u64) callconv(.c) void {
    const found = ledger.find(state.current, serial) orelse {
        state.ledger_broken += 1;
        return;
    };
    const index = if (defects.planted(.release_newest)) state.running().ledger_last else found;
    const resource = state.resources[index];
    event(state.current, .released, site, serial);
    ledger.drop(index);
    if (resource.kind == ledger.kind_mutex) scheduler.unlock(@truncate(resource.value));
}

export fn hs_rt_lock(site: u32, mutex: u32) callconv(.c) u64 {
    const owner = state.mutexes[mutex].owner;
    if (owner == state.current) return abi.error_deadlock;
    if (owner == state.no_index) return scheduler.takeMutex(state.current, site, mutex);
    const fiber = state.running();
    fiber.waits_for = .{ .mutex = @truncate(mutex) };
    fiber.wait_site = site;
    scheduler.wait();
}

export fn hs_rt_join(site: u32, target: u32) callconv(.c) u64 {
    if (target == state.current) return abi.error_deadlock;
    switch (state.fibers[target].state) {
        .ended, .unborn => if (state.fibers[target].state == .ended or !defects.planted(.join_unborn)) {
            scheduler.joined(state.current, site, target);
            return 0;
        },
        else => {},
    }
    const fiber = state.running();
    fiber.waits_for = .{ .fiber = @truncate(target) };
    fiber.wait_site = site;
    scheduler.wait();
}

export fn hs_rt_yield(site: u32) callconv(.c) u64 {
    event(state.current, .yielded, site, 0);
    scheduler.yield();
}

export fn hs_rt_spawn(site: u32, target: u32) callconv(.c) void {
    const allowed = state.scenario.launch_mask >> @intCast(target) & 1 == 1;
    const started = allowed and state.fibers[target].state == .unborn;
    if (started) scheduler.makeReady(target);
    event(state.current, .spawned, site, @as(u64, target) << 1 | @intFromBool(started));
}

export fn hs_rt_cancel(site: u32, target: u32) callconv(.c) void {
    const fiber = &state.fibers[target];
    const alive = fiber.state != .unborn and fiber.state != .ended;
    const accepted = alive and (fiber.pending == 0 or defects.planted(.cancel_twice));
    if (accepted) fiber.pending = abi.error_canceled;
    event(state.current, .cancel_requested, site, @as(u64, target) << 1 | @intFromBool(accepted));
}

export fn hs_rt_fill(words: [*]u64, count: u64, seed: u64) callconv(.c) void {
    buffers.fill(words[0..count], seed);
}

export fn hs_rt_sum(words: [*]const u64, count: u64) callconv(.c) u64 {
    return buffers.sum(words[0..count]);
}

export fn hs_rt_probe(site: u32, errors: ?*const error_traces.Trace, registers: *const abi.Registers) callconv(.c) void {
    event(state.current, .probe, site, 0);
    state.probes += 1;
    if (!defects.planted(.probe_unobserved)) observe.probe(state.running(), @intCast(site), registers);
    error_traces.sight(state.running(), @intCast(site), .{ .trace = errors });
}

export fn hs_rt_panic(message: [*]const u8, length: u64, return_address: u64, errors: ?*const error_traces.Trace, registers: *const abi.Registers) callconv(.c) noreturn {
    if (state.current == state.no_index or state.scenario.fault_kind != .panic or death.reason != .none) {
        output.stop("unexpected panic: {s}", .{message[0..@min(length, 300)]}, 101);
    }
    observe.probe(state.running(), -1, registers);
    error_traces.sight(state.running(), -1, .{ .trace = errors, .caller = return_address });
    scheduler.abandon(.panicked);
}

/// After an injected segfault, on the system stack again.
export fn hs_rt_faulted() callconv(.c) noreturn {
    observe.probe(state.running(), -1, &state.fault_registers);
    scheduler.abandon(.segfaulted);
}

/// The fiber's entry wrapper returned to hs_fiber_start; `wrong` has a bit per register that changed.
export fn hs_rt_fiber_returned(wrong: u32) callconv(.c) noreturn {
    state.register_faults |= wrong;
    checkLimit(state.running());
    scheduler.finish();
}

/// growth.zig: the reserve beyond a budget, or the arena, is used up.
export fn hs_reserve_exhausted(_: u64, _: u64) callconv(.c) noreturn {
    scheduler.runaway();
}
