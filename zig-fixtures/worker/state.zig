//! Everything one execution knows: fibers, ready list, mutexes, resources, what was counted and what failed. One execution at a
//! time, on one thread; reset between rows without touching more memory than was used.

const std = @import("std");
const abi = @import("abi.zig");
const plan = @import("plan.zig");

pub const entry_depth_max = 40_960;
pub const resources_max = 65_536;
pub const no_index: u32 = std.math.maxInt(u32);

pub const FiberState = enum(u8) { unborn, ready, running, waiting, ended };

pub const Fiber = struct {
    stack: abi.Stack = .{},
    state: FiberState = .unborn,
    outcome: abi.Outcome = .not_started,
    entry: *const fn () callconv(.c) void = undefined,
    rsp: u64 = 0,
    /// What its blocking gate will return.
    resume_value: u64 = 0,
    digest: u64 = 0,
    serial: u32 = 0,
    fuel: u32 = 0,
    probes: u32 = 0,
    /// How often its error return trace was looked at.
    sightings: u32 = 0,
    /// Injected or Canceled, for the next fallible checkpoint; 0: none. What the stack itself has to report is `stack.core.overflow`.
    pending: u32 = 0,
    persistent: bool = false,
    /// How often its stack's own error was delivered.
    overflows: u32 = 0,
    /// Waiting for: a mutex, or a fiber's end.
    waits_for: union(enum) { nothing, mutex: u8, fiber: u8 } = .nothing,
    wait_site: u32 = 0,
    wait_order: u64 = 0,
    ledger_last: u32 = no_index,
    /// Where its stack starts, and the usable size of its initial segment.
    top: u64 = 0,
    initial_bytes: u64 = 0,
    /// The lowest rsp that a checkpoint of this execution saw; how deep the fiber went where nothing split.
    rsp_lowest: u64 = 0,
    /// The most that one execution of the current program used beyond its initial segment.
    child_bytes_max: u64 = 0,
};

pub const Mutex = struct {
    owner: u32 = no_index,
};

/// A ledger entry: an intrusive doubly linked list per fiber, last acquired last.
pub const Resource = struct {
    kind: u8,
    fiber: u8,
    serial: u32,
    previous: u32,
    next: u32,
    /// Address, table slot, descriptor or mutex number.
    value: u64,
};

pub const Counts = struct {
    executions: u64 = 0,
    splits: u64 = 0,
    faults: u64 = 0,
    probes: u64 = 0,
    frames: u64 = 0,
    acquired: u64 = 0,
    released: u64 = 0,
};

pub var fibers: [abi.fibers_max]Fiber = @splat(.{});
pub var fiber_count: u32 = 0;
pub var current: u32 = no_index;
pub var mutexes: [abi.mutexes_max]Mutex = @splat(.{});
pub var ready: [abi.fibers_max]u8 = undefined;
pub var ready_count: u32 = 0;
pub var schedule_state: u64 = 0;
pub var schedule_seed: u64 = 0;
pub var wait_counter: u64 = 0;

pub var resources: []Resource = &.{};
pub var resources_used: u32 = 0;
pub var resources_free: u32 = no_index;
pub var table: [resources_max / 64]u64 = @splat(0);

pub var scenario: *const plan.Scenario = undefined;
pub var program: *const plan.Program = undefined;
pub var row: *const plan.Row = undefined;
pub var row_index: u32 = 0;

pub var events: u64 = 0;
pub var acquired: u64 = 0;
pub var released: u64 = 0;
pub var faults: u64 = 0;
pub var probes: u64 = 0;
pub var heap_live: u64 = 0;
pub var table_live: u64 = 0;
pub var register_faults: u64 = 0;
pub var limit_faults: u64 = 0;
/// Checkpoints that passed on a fiber beyond its budget, or on the segment that was lent for an allocation that failed.
pub var unreported: u64 = 0;
/// Errors of a stack that say another cause than the plan's.
pub var misnamed: u64 = 0;
pub var runaway: bool = false;
pub var fault_ready: bool = false;
pub var ledger_broken: u64 = 0;
pub var expecting_segfault: bool = false;
pub var fault_registers: abi.Registers = undefined;

pub const Delivery = extern struct { entry: u32, code: u32 };
pub var deliveries: [256]Delivery = undefined;
pub var delivery_count: u32 = 0;

pub fn running() *Fiber {
    return &fibers[current];
}

pub fn recording() bool {
    return row.flags & plan.row_record != 0;
}
