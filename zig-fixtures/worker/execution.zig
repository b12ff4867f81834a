//! One row: set up, run all fibers, check everything (DESIGN: checks 1–5), count.

const std = @import("std");
const runtime = @import("abi");
const abi = @import("abi.zig");
const plan = @import("plan.zig");
const state = @import("state.zig");
const output = @import("output.zig");
const services = @import("services.zig");
const mixing = @import("mixing.zig");
const scheduler = @import("scheduler.zig");
const ledger = @import("ledger.zig");
const descriptors = @import("descriptors.zig");
const observe = @import("observe.zig");
const opinions = @import("opinions.zig");
const error_traces = @import("errors.zig");
const storm = @import("storm.zig");
const second = @import("second.zig");
const stacks = @import("stacks.zig");
const places = @import("places.zig");
const courses = @import("courses.zig");
const baselines = @import("baseline.zig");
const complaints = @import("complaints.zig");
const defects = @import("defects");

const baseline = &baselines.kept;

const fail = complaints.fail;
const failLine = complaints.failLine;

extern fn hs_stack_open(stack: *abi.Stack, usable_bytes: u64) callconv(.c) u64;
extern fn hs_pool_trim() callconv(.c) void;
extern fn hs_stack_close(stack: *runtime.Stack) callconv(.c) u64;

pub const Unit = extern struct { program_count: u64, programs: [*]const Program, visit: storm.Visitor };
pub const Program = extern struct { fiber_count: u64, fibers: [*]const *const fn () callconv(.c) void };
pub extern const hs_unit: Unit;

pub var totals: state.Counts = .{};

/// A fiber's child segments beyond this are given back after the program that used them.
const keep_bytes = 64 << 20;

/// `quiet`: the row is run again only for its baseline, after a restart; nothing is reported or counted.
pub fn runRow(p: *const plan.Plan, index: u32, quiet: bool) void {
    const row = &p.rows[index];
    state.row = row;
    state.row_index = index;
    state.scenario = &p.scenarios[row.scenario];
    state.program = &p.programs[state.scenario.program];
    complaints.begin();
    output.status.row = index;
    output.status.phase = .running;
    places.begin(!quiet and row.flags & plan.row_threads == 0);
    setUp();
    const disturbed = row.flags & plan.row_signals != 0;
    if (disturbed) storm.start();
    const threaded = row.flags & plan.row_threads != 0;
    if (threaded) second.together();
    const complete = scheduler.run();
    if (disturbed) storm.stop();
    output.status.phase = .between;
    var children: u64 = 0;
    for (state.fibers[0..state.fiber_count]) |*fiber| {
        // A fiber that ended normally must be back on its initial segment; and every segment must be on its chain.
        if (fiber.outcome == .completed or fiber.outcome == .failed) children += fiber.stack.core.segment.?.ordinal - 1;
        children += hs_stack_close(&fiber.stack.core);
        fiber.child_bytes_max = @max(fiber.child_bytes_max, fiber.stack.core.used_bytes_max -| fiber.initial_bytes);
    }
    services.hs_thread.core.stack = null;
    const first_of_program = baseline.program != state.scenario.program;
    check(complete, children, first_of_program, quiet);
    if (!quiet) count();
    places.end();
    tearDown();
    if (defects.selectable) output.status.planted_reached = @extern(*u64, .{ .name = "hs_planted_reached" }).*;
    // What a row that failed said must reach the harness even if a later one never ends.
    if (complaints.any()) output.flush();
}

fn setUp() void {
    const row = state.row;
    const scenario = state.scenario;
    const program = state.program;
    services.hs_thread.plan = .{
        .kind = row.split_kind,
        .placement = row.placement,
        .policy = row.policy,
        .track_depth = @intFromBool(switch (row.split_kind) {
            .depth_at_least, .depth_equals, .depth_set => true,
            else => false,
        }),
        .a = row.split_a,
        .b = row.split_b,
        .random_state = row.split_a,
        // A forced plan must see every prologue; poison, unmap and failing allocations every release.
        .caching = @intFromBool(row.split_kind == .natural and row.policy == .cache and
            scenario.fault_kind != .segment_allocation and (scenario.fault_kind != .stack_budget or keepsUnderBudget(row, scenario))),
        .fail_allocation = if (scenario.fault_kind == .segment_allocation) scenario.fault_entry else 0,
    };
    services.hs_thread.core.warm_splits = 0;
    state.events = 0;
    state.acquired = 0;
    state.released = 0;
    state.faults = 0;
    state.probes = 0;
    state.register_faults = 0;
    state.ledger_broken = 0;
    state.limit_faults = 0;
    state.unreported = 0;
    state.misnamed = 0;
    state.runaway = false;
    state.expecting_segfault = false;
    state.delivery_count = 0;
    state.ready_count = 0;
    state.wait_counter = 0;
    state.schedule_seed = scenario.schedule_seed;
    state.schedule_state = scenario.schedule_seed;
    state.current = state.no_index;
    observe.reset();
    stacks.reset();
    ledger.reset();
    for (&state.mutexes) |*mutex| mutex.owner = state.no_index;
    state.fiber_count = program.fibers;
    const unit = &hs_unit.programs[program.unit_index];
    for (state.fibers[0..program.fibers], 0..) |*fiber, i| {
        fiber.state = .unborn;
        fiber.outcome = .not_started;
        fiber.digest = mixing.digest_start;
        fiber.serial = 0;
        fiber.fuel = program.fuel[i];
        fiber.probes = 0;
        fiber.sightings = 0;
        fiber.pending = 0;
        fiber.persistent = false;
        fiber.overflows = 0;
        fiber.waits_for = .nothing;
        fiber.resume_value = 0;
        fiber.ledger_last = state.no_index;
        fiber.entry = unit.fibers[i];
        fiber.stack.core.budget_bytes = scenario.stack_budget;
        fiber.stack.core.reserve_bytes = abi.reserve_bytes;
        fiber.stack.window_bytes = baselines.windowBytes(i);
        fiber.initial_bytes = baselines.initialBytes(i);
        fiber.rsp_lowest = std.math.maxInt(u64);
        fiber.top = hs_stack_open(&fiber.stack, fiber.initial_bytes);
        fiber.initial_bytes = fiber.stack.core.segment.?.usable_bytes; // a pool's slot is as large as its class
        scheduler.prepare(fiber, fiber.top);
        const launch = program.start_mask & scenario.launch_mask;
        if (launch >> @intCast(i) & 1 == 1) scheduler.makeReady(@intCast(i));
    }
    services.hs_thread.plan.unmaps = unmapDraw(row, scenario);
    // Opening the initial segments is not an allocation that a fault plan counts, nor a draw of its random plan.
    services.hs_thread.plan.allocations = 0;
    services.hs_thread.plan.random_state = row.split_a;
}

/// Budgets meet both: children that are kept, as the product does, and every release. Drawn from the plan, so a replay does the same.
fn keepsUnderBudget(row: *const plan.Row, scenario: *const plan.Scenario) bool {
    return mixing.finalise(row.split_a ^ scenario.stack_budget << 8) & 1 == 1;
}

/// One of an execution's first allocations, and one anywhere: drawn from the plan, so other plans of a program take others, and
/// a replay the same.
fn unmapDraw(row: *const plan.Row, scenario: *const plan.Scenario) [abi.unmaps_max]u64 {
    const draw = mixing.finalise(row.split_a ^ row.split_b << 32 ^ @as(u64, @intFromEnum(row.split_kind)) << 24 ^
        @as(u64, scenario.fault_entry) << 40 ^ scenario.schedule_seed);
    return .{ 1 + draw % 4, 1 + (draw >> 8) % @max(scenario.expected_entries, 1) };
}

/// Between programs: the system may move the worker again, and a deep one's pages go back to the system. Not after every execution, because the next one of the same
/// program would fault them all in again.
pub fn giveBack() void {
    second.apart();
    if (!descriptors.closeAll()) output.stop("a descriptor that a program had was closed by somebody else", .{}, 70);
    var kept_bytes: u64 = 0;
    for (services.hs_thread.core.cache.kept_bytes) |bytes| kept_bytes += bytes;
    if (kept_bytes > keep_bytes) hs_pool_trim();
    for (&state.fibers) |*fiber| {
        if (fiber.child_bytes_max < keep_bytes) continue;
        fiber.child_bytes_max = 0;
        _ = std.c.madvise(@ptrFromInt(fiber.stack.arena), abi.arena_bytes, std.c.MADV.DONTNEED);
    }
}

fn check(complete: bool, children: u64, first_of_program: bool, quiet: bool) void {
    const scenario = state.scenario;
    const thread_plan = &services.hs_thread.plan;
    var combined = mixing.digest_start;
    for (state.fibers[0..state.fiber_count]) |*fiber| combined = mixing.digestWord(combined, fiber.digest);
    // A planned stack plan decides nothing before the first row of its scenario has shown what is right.
    if (baseline.scenario != state.row.scenario) {
        baseline.scenario = state.row.scenario;
        baseline.traces = observe.digests;
        baseline.observed = observe.observed;
        baseline.limited = observe.limited;
        baseline.depths = baselines.depths(first_of_program);
        baseline.errors = error_traces.digest;
    }
    if (first_of_program) {
        baseline.program = scenario.program;
        baseline.program_depths = baseline.depths;
        for (state.fibers[0..state.fiber_count], 0..) |*fiber, i| baseline.fiber_digests[i] = fiber.digest;
    }
    if (quiet) return;
    if (!complete or state.runaway) fail("runaway", 0, 0, thread_plan.entries, "a cap was reached", .{});
    const known = scenario.flags & plan.scenario_digest_known != 0;
    if (known) {
        if (combined != scenario.expected_digest) {
            failHex("digest", scenario.expected_digest, combined);
        }
        if (thread_plan.entries != scenario.expected_entries) {
            fail("entries", 0, scenario.expected_entries, thread_plan.entries, "logical entries", .{});
        }
        if (state.acquired != scenario.expected_acquired) {
            fail("acquired", 0, scenario.expected_acquired, state.acquired, "acquisitions", .{});
        }
        if (state.probes != scenario.expected_probes) {
            fail("probes", 0, scenario.expected_probes, state.probes, "probes", .{});
        }
    }
    checkResources();
    checkStack(children);
    checkOverflows();
    checkTraces();
    for (state.fibers[0..state.fiber_count], 0..) |*fiber, i| {
        if (scenario.isolated_mask >> @intCast(i) & 1 == 0) continue;
        if (fiber.digest == baseline.fiber_digests[i]) continue;
        failLine("isolation", i, baseline.fiber_digests[i], fiber.digest, "a sibling's log changed", .{});
    }
    if (!known) courses.meet(combined) else if (state.recording()) courses.tellRow(combined);
}

fn checkResources() void {
    if (state.acquired != state.released) fail("released", 0, state.acquired, state.released, "releases", .{});
    if (state.ledger_broken != 0) fail("ledger", 0, 0, state.ledger_broken, "unknown or damaged resources", .{});
    for (state.fibers[0..state.fiber_count], 0..) |*fiber, i| {
        if (fiber.ledger_last != state.no_index) {
            fail("ledger", i, 0, state.resources[fiber.ledger_last].serial, "serial still held", .{});
        }
    }
    for (state.mutexes[0..state.program.mutexes], 0..) |mutex, i| {
        if (mutex.owner != state.no_index) fail("locks", mutex.owner, 0, i, "mutex still locked", .{});
    }
    if (state.heap_live != 0) fail("heap", 0, 0, state.heap_live, "bytes live", .{});
    if (state.table_live != 0) fail("heap", 0, 0, state.table_live, "table handles live", .{});
    const descriptors_lent = descriptors.lentCount();
    if (descriptors_lent != 0) fail("descriptors", 0, 0, descriptors_lent, "descriptors open", .{});
}

fn checkStack(children: u64) void {
    const thread_plan = &services.hs_thread.plan;
    if (state.limit_faults != 0) fail("limit", 0, 0, state.limit_faults, "checkpoints and ends under another segment's limit", .{});
    if (storm.wrong != 0) fail("handler", 0, 0, storm.wrong, "handlers of split code that went wrong", .{});
    if (children != 0) fail("segments", 0, 0, children, "segments left behind", .{});
    const names = .{
        .{ abi.fail_canary, "canary" }, .{ abi.fail_poison, "poison" },  .{ abi.fail_order, "segments" },
        .{ abi.fail_map, "mappings" },  .{ abi.fail_arena, "segments" },
    };
    inline for (names) |name| {
        if (thread_plan.failures & name[0] != 0) failLine(name[1], 0, 0, thread_plan.fail_address, "address", .{});
    }
    const words = state.register_faults & 3;
    if (words != 0) fail("control-words", 0, 0, words, "1 MXCSR, 2 x87", .{});
    if (state.register_faults & ~@as(u64, 3) != 0) {
        fail("registers", 0, 0, state.register_faults, "4 rsp, 8 r13, 16 r14, 32 rbx or r15, 64 rbp", .{});
    }
    if (state.row.split_kind == .every_entry and thread_plan.entries > 0 and thread_plan.splits == 0) {
        fail("splits", 0, 1, 0, "nothing was split", .{});
    }
    if (state.row.split_kind == .none and thread_plan.splits != 0) {
        fail("splits", 0, 0, thread_plan.splits, "the unsplit baseline split", .{});
    }
}

const passed_on_loan = "checkpoints that passed on what was lent";

/// The model takes the errors that a stack delivered as they came; whether one was due is decided here: where a fiber used more than
/// its budget, or an allocation failed, and nowhere else.
fn checkOverflows() void {
    if (state.unreported != 0) switch (state.scenario.fault_kind) {
        .segment_allocation => fail("allocation", 0, 0, state.unreported, passed_on_loan, .{}),
        else => fail("budget", 0, 0, state.unreported, passed_on_loan, .{}),
    };
    if (state.misnamed != 0) fail("allocation", 0, 0, state.misnamed, "errors of the stack that were told under another's name", .{});
    const thread_plan = &services.hs_thread.plan;
    var reporting: u64 = 0;
    for (state.fibers[0..state.fiber_count], 0..) |*fiber, i| {
        const core = &fiber.stack.core;
        const reported = fiber.overflows != 0 or core.overflow != 0;
        reporting += @intFromBool(reported);
        if (state.scenario.fault_kind != .stack_budget) continue;
        const due = core.used_bytes_max > @max(core.budget_bytes, fiber.initial_bytes);
        if (due != reported) fail("budget", i, @intFromBool(due), @intFromBool(reported), "1: StackOverflow is due, or was reported", .{});
    }
    const failing = thread_plan.fail_allocation != 0 and thread_plan.allocations >= thread_plan.fail_allocation;
    if (state.scenario.fault_kind != .stack_budget and reporting != @intFromBool(failing)) {
        fail("allocation", 0, @intFromBool(failing), reporting, "fibers told OutOfStackSegments", .{});
    }
}

fn checkTraces() void {
    if (observe.stub_mismatches != 0) {
        fail("stub-frames", 0, 0, observe.stub_mismatches, "probes whose stub frames are not its segment boundaries", .{});
    }
    if (opinions.disagreement) |d| {
        failLine("opinion", d.fiber, d.expected, d.observed, "{t} at frame {d}", .{ d.tool, d.index });
    }
    // Where an overflow strikes depends on the plan, so such rows have no common trace; the harness reads theirs.
    switch (state.scenario.fault_kind) {
        .stack_budget, .segment_allocation => return,
        else => {},
    }
    inline for (.{ "trace-fp", "trace-dwarf" }, 0..) |name, i| {
        const comparable = observe.observed[i] != 0 and baseline.observed[i] != 0 and !observe.limited[i] and !baseline.limited[i];
        if (comparable and observe.digests[i] != baseline.traces[i]) {
            failLine(name, 0, baseline.traces[i], observe.digests[i], "differs from the unsplit trace", .{});
        }
    }
    const observed = observe.observed[0] + observe.observed[1] != 0 and baseline.observed[0] + baseline.observed[1] != 0;
    if (observed and error_traces.digest != baseline.errors) {
        failLine("trace-errors", 0, baseline.errors, error_traces.digest, "differs from the unsplit error return trace", .{});
    }
}

fn failHex(comptime name: []const u8, expected: u64, observed: u64) void {
    var fiber: u64 = 0;
    for (state.fibers[0..state.fiber_count], 0..) |*f, i| {
        if (f.digest != baseline.fiber_digests[i]) {
            fiber = i;
            break;
        }
    }
    failLine(name, fiber, expected, observed, "event logs differ from the model's", .{});
}

fn count() void {
    totals.executions += 1;
    totals.splits += services.hs_thread.plan.splits + services.hs_thread.core.warm_splits;
    totals.faults += state.faults;
    totals.probes += state.probes;
    totals.frames += observe.frames;
    totals.acquired += state.acquired;
    totals.released += state.released;
    const status = output.status;
    status.executions = totals.executions;
    status.splits = totals.splits;
    status.faults = totals.faults;
    status.probes = totals.probes;
    status.frames = totals.frames;
    status.acquired = totals.acquired;
    status.released = totals.released;
    status.heartbeat += 1;
}

/// A failed execution may have left things; the next one starts clean.
fn tearDown() void {
    for (state.fibers[0..state.fiber_count]) |*fiber| {
        while (fiber.ledger_last != state.no_index) ledger.drop(fiber.ledger_last);
    }
    state.heap_live = 0;
    state.table_live = 0;
    descriptors.takeBack();
}
