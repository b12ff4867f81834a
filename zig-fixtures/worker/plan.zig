//! The plan file (harness/docs/PROTOCOL.md, PLAN): read-only, mapped, validated once.

const std = @import("std");
const abi = @import("abi.zig");

pub const magic: u64 = std.mem.readInt(u64, "HSPLAN01", .little);

pub const Header = extern struct {
    magic: u64,
    programs: u32,
    scenarios: u32,
    rows: u32,
    /// mutants/defect.zig; 0: none.
    planted: u32,
    planted_second: u32,
    reserved: u32,
};

pub const Program = extern struct {
    unit_index: u32,
    fibers: u32,
    mutexes: u32,
    entry_cap: u32,
    fuel: [8]u32,
    start_mask: u32,
    event_cap: u32,
    reserved: u64,
};

pub const FaultKind = enum(u32) { none = 0, @"error" = 1, panic = 2, segfault = 3, stack_budget = 4, segment_allocation = 5, _ };

pub const scenario_digest_known = 1;
pub const scenario_persistent = 2;

pub const Scenario = extern struct {
    program: u32,
    fault_kind: FaultKind,
    fault_entry: u32,
    fault_error: u32,
    schedule_seed: u64,
    stack_budget: u64,
    expected_digest: u64,
    launch_mask: u32,
    isolated_mask: u32,
    expected_acquired: u32,
    expected_probes: u32,
    expected_entries: u32,
    flags: u32,
    baseline_key: u64,
    /// With a fault of kind `panic`: what becomes of the process at that entry.
    death: Death,
    reserved: u32,
};

/// Ways for the whole process to die; see death.zig. `handler`: by abort in the handler of a segfault.
pub const Death = enum(u32) { none = 0, panic = 1, segfault = 2, guard = 3, abort = 4, handler = 5, _ };

pub const row_observe_fp = 1;
pub const row_observe_dwarf = 2;
pub const row_record = 4;
pub const row_send_traces = 8;
pub const row_signals = 16;
pub const row_threads = 32;

pub const Row = extern struct {
    scenario: u32,
    split_kind: abi.SplitKind,
    placement: abi.Placement,
    policy: abi.Policy,
    flags: u8,
    split_a: u64,
    split_b: u64,
};

comptime {
    std.debug.assert(@sizeOf(Header) == 32);
    std.debug.assert(@sizeOf(Program) == 64);
    std.debug.assert(@sizeOf(Scenario) == 80);
    std.debug.assert(@sizeOf(Row) == 24);
}

pub const Plan = struct {
    programs: []const Program,
    scenarios: []const Scenario,
    rows: []const Row,
    planted: u32 = 0,
    planted_second: u32 = 0,
};

pub const Error = error{ TooShort, BadMagic, BadCounts, BadProgram, BadScenario, BadRow };

/// Checks every index and enumeration, so that the rest of the worker need not.
pub fn parse(bytes: []align(8) const u8, unit_programs: u64) Error!Plan {
    if (bytes.len < @sizeOf(Header)) return error.TooShort;
    const header: *const Header = @ptrCast(bytes.ptr);
    if (header.magic != magic) return error.BadMagic;
    const programs_at = @sizeOf(Header);
    const scenarios_at = programs_at + @as(u64, header.programs) * @sizeOf(Program);
    const rows_at = scenarios_at + @as(u64, header.scenarios) * @sizeOf(Scenario);
    const end = rows_at + @as(u64, header.rows) * @sizeOf(Row);
    if (end != bytes.len) return error.BadCounts;
    const plan: Plan = .{
        .programs = many(Program, bytes, programs_at, header.programs),
        .scenarios = many(Scenario, bytes, scenarios_at, header.scenarios),
        .rows = many(Row, bytes, rows_at, header.rows),
        .planted = header.planted,
        .planted_second = header.planted_second,
    };
    for (plan.programs) |program| {
        if (program.unit_index >= unit_programs) return error.BadProgram;
        if (program.fibers == 0 or program.fibers > abi.fibers_max) return error.BadProgram;
        if (program.mutexes > abi.mutexes_max) return error.BadProgram;
    }
    for (plan.scenarios) |scenario| {
        if (scenario.program >= plan.programs.len) return error.BadScenario;
        if (@intFromEnum(scenario.fault_kind) > 5) return error.BadScenario;
        if (@intFromEnum(scenario.death) > 5) return error.BadScenario;
        if (scenario.death != .none and scenario.fault_kind != .panic) return error.BadScenario;
    }
    for (plan.rows) |row| {
        if (row.scenario >= plan.scenarios.len) return error.BadRow;
        if (@intFromEnum(row.split_kind) > 9) return error.BadRow;
        if (@intFromEnum(row.placement) > 3 or @intFromEnum(row.policy) > 2) return error.BadRow;
        if (row.split_kind == .every_nth and row.split_a == 0) return error.BadRow;
    }
    return plan;
}

fn many(comptime T: type, bytes: []align(8) const u8, offset: u64, count: u32) []const T {
    if (count == 0) return &.{};
    const first: [*]const T = @ptrCast(@alignCast(bytes.ptr + offset));
    return first[0..count];
}
