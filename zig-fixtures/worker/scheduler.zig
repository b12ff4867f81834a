//! The deterministic scheduler (harness/docs/SCHEDULING.md): one thread, cooperative, the ready list an array.

const std = @import("std");
const runtime = @import("abi");
const abi = @import("abi.zig");
const state = @import("state.zig");
const services = @import("services.zig");
const mixing = @import("mixing.zig");
const ledger = @import("ledger.zig");
const plan = @import("plan.zig");
const second = @import("second.zig");
const places = @import("places.zig");
const defects = @import("defects");
const growing = @import("growing");

extern fn hs_resume(rsp: u64, value: u64) callconv(.c) u64;
extern fn hs_to_scheduler(value: u64) callconv(.c) noreturn;
extern fn hs_stack_limit(stack: *const runtime.Stack) callconv(.c) u64;
extern fn hs_fiber_start() callconv(.c) void;

const back_yielded = 0;
const back_waiting = 1;
const back_ended = 2;
const back_runaway = 3;

pub fn prepare(fiber: *state.Fiber, top: u64) void {
    fiber.rsp = runtime.prepareContext(top, fiber.entry, 0, &hs_fiber_start);
}

pub fn makeReady(index: u32) void {
    state.fibers[index].state = .ready;
    state.ready[state.ready_count] = @truncate(index);
    state.ready_count += 1;
}

/// After a yield: behind all that are ready.
fn makeReadyAgain(index: u32) void {
    makeReady(index);
    if (!defects.planted(.yield_first)) return;
    std.mem.swap(u8, &state.ready[0], &state.ready[state.ready_count - 1]);
}

fn next() u32 {
    var at: u32 = if (defects.planted(.schedule_lifo)) state.ready_count - 1 else 0;
    if (state.schedule_seed != 0) {
        state.schedule_state +%= 0x9E3779B97F4A7C15;
        at = @intCast(mixing.finalise(state.schedule_state) % state.ready_count);
    }
    const index = state.ready[at];
    state.ready_count -= 1;
    for (at..state.ready_count) |i| state.ready[i] = state.ready[i + 1];
    return index;
}

/// Runs ready fibers until none is left and none waits. False: a cap was hit and the execution was given up.
pub fn run() bool {
    var moved = false;
    while (true) {
        if (state.ready_count == 0 and !breakDeadlock()) return true;
        const index = next();
        const fiber = &state.fibers[index];
        fiber.state = .running;
        state.current = index;
        moved = !moved and state.row.flags & plan.row_threads != 0;
        const back = if (moved) second.enter(fiber) else enter(fiber, true);
        state.current = state.no_index;
        switch (back) {
            back_yielded => makeReadyAgain(index),
            back_waiting => fiber.state = .waiting,
            back_ended => end(index),
            else => return false,
        }
    }
}

/// On this thread, until it gives the thread back. `limited`: false where a planted defect forgets the limit.
pub fn enter(fiber: *state.Fiber, limited: bool) u64 {
    services.hs_thread.core.stack = &fiber.stack.core;
    places.resumed();
    growing.enter(&fiber.stack.core);
    if (limited and !growing.is_foreign and !defects.planted(.resume_limit)) abi.setLimit(hs_stack_limit(&fiber.stack.core));
    const back = hs_resume(fiber.rsp, fiber.resume_value);
    growing.leave(&fiber.stack.core);
    return back;
}

/// The waiting fiber with the lowest index gets error.Deadlock. False: nobody waits.
fn breakDeadlock() bool {
    var chosen: ?u32 = null;
    for (state.fibers[0..state.fiber_count], 0..) |*fiber, index| {
        if (fiber.state != .waiting) continue;
        if (chosen == null or defects.planted(.deadlock_highest)) chosen = @intCast(index);
    }
    const index = chosen orelse return false;
    state.fibers[index].waits_for = .nothing;
    state.fibers[index].resume_value = abi.error_deadlock;
    makeReady(index);
    return true;
}

// The blocking services end in one of these; they leave through the fiber's saved context.

pub fn yield() noreturn {
    const fiber = state.running();
    fiber.rsp = services.hs_thread.core.fiber_rsp;
    if (!defects.planted(.yield_value)) fiber.resume_value = 0;
    hs_to_scheduler(back_yielded);
}

pub fn wait() noreturn {
    const fiber = state.running();
    fiber.rsp = services.hs_thread.core.fiber_rsp;
    fiber.wait_order = state.wait_counter;
    state.wait_counter += 1;
    hs_to_scheduler(back_waiting);
}

/// The fiber's wrapper returned.
pub fn finish() noreturn {
    hs_to_scheduler(back_ended);
}

/// Panic or trap: no defer runs; the ledger gives everything back.
pub fn abandon(outcome: abi.Outcome) noreturn {
    state.running().outcome = outcome;
    ledger.releaseAll(state.current);
    hs_to_scheduler(back_ended);
}

/// A cap was hit: the execution cannot be judged further.
pub fn runaway() noreturn {
    state.runaway = true;
    hs_to_scheduler(back_runaway);
}

fn end(index: u32) void {
    const fiber = &state.fibers[index];
    services.event(index, .fiber_end, @intFromEnum(fiber.outcome), 0);
    fiber.state = .ended;
    while (firstWaiter(.{ .fiber = @truncate(index) })) |waiter| {
        state.fibers[waiter].waits_for = .nothing;
        state.fibers[waiter].resume_value = 0;
        joined(waiter, state.fibers[waiter].wait_site, index);
        makeReady(waiter);
        if (defects.planted(.joiners_forgotten)) break;
    }
}

pub fn joined(joiner: u32, site: u32, target: u32) void {
    services.event(joiner, .joined, site, @as(u64, target) << 8 | @intFromEnum(state.fibers[target].outcome));
}

const Awaited = @FieldType(state.Fiber, "waits_for");

/// Of those that wait for it, the one that began first.
fn firstWaiter(awaited: Awaited) ?u32 {
    var first: ?u32 = null;
    for (state.fibers[0..state.fiber_count], 0..) |*fiber, index| {
        if (fiber.state != .waiting or !std.meta.eql(fiber.waits_for, awaited)) continue;
        const is_earlier = first == null or fiber.wait_order < state.fibers[first.?].wait_order;
        if (is_earlier != (first != null and defects.planted(.waiter_last))) first = @intCast(index);
    }
    return first;
}

/// The mutex becomes the fiber's: ledger entry and event. Returns what hs_lock returns.
pub fn takeMutex(index: u32, site: u32, mutex: u32) u64 {
    state.mutexes[mutex].owner = index;
    const serial = ledger.take(index, ledger.kind_mutex, mutex);
    services.event(index, .acquired, site, @as(u64, serial) << 8 | ledger.kind_mutex);
    return @as(u64, serial) << 32;
}

/// Hands the mutex to the first waiter, or frees it.
pub fn unlock(mutex: u32) void {
    if (!defects.planted(.mutex_kept)) state.mutexes[mutex].owner = state.no_index;
    const waiter = firstWaiter(.{ .mutex = @truncate(mutex) }) orelse return;
    const fiber = &state.fibers[waiter];
    fiber.waits_for = .nothing;
    fiber.resume_value = takeMutex(waiter, fiber.wait_site, mutex);
    makeReady(waiter);
}
