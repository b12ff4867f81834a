//! Where things are in this program's memory, for whoever reads it when it is dead: the symbol `hs_core_map`
//! (harness/Harness.Verification/Cores/CoreMap.cs). Zig chooses the layout of its own structs, so offsets are told, too.

const std = @import("std");
const runtime = @import("abi");
const abi = @import("abi.zig");
const state = @import("state.zig");
const death = @import("death.zig");

pub const CoreMap = extern struct {
    /// "HSCORE01"
    magic: u64,
    fibers: *const anyopaque,
    fiber_bytes: u64,
    /// Of a fiber: its state (u8, FiberState), the rsp it left off at (u64), its innermost segment (address of an abi.Segment), its log's digest.
    state_at: u64,
    rsp_at: u64,
    segment_at: u64,
    digest_at: u64,
    fiber_count: *const u32,
    /// The running one; no_index: none.
    current: *const u32,
    row: *const u32,
    death: *const u32,
    deliveries: *const anyopaque,
    delivery_count: *const u32,
    /// Of an abi.Segment.
    parent_at: u64,
    stub_frame_at: u64,
    low_at: u64,
    limit_at: u64,
    ordinal_at: u64,
};

export const hs_core_map: CoreMap = .{
    .magic = std.mem.readInt(u64, "HSCORE01", .little),
    .fibers = @ptrCast(&state.fibers),
    .fiber_bytes = @sizeOf(state.Fiber),
    .state_at = @offsetOf(state.Fiber, "state"),
    .rsp_at = @offsetOf(state.Fiber, "rsp"),
    .segment_at = @offsetOf(state.Fiber, "stack") + @offsetOf(abi.Stack, "core") + @offsetOf(runtime.Stack, "segment"),
    .digest_at = @offsetOf(state.Fiber, "digest"),
    .fiber_count = &state.fiber_count,
    .current = &state.current,
    .row = &state.row_index,
    .death = @ptrCast(&death.reason),
    .deliveries = @ptrCast(&state.deliveries),
    .delivery_count = &state.delivery_count,
    .parent_at = @offsetOf(runtime.Segment, "parent"),
    .stub_frame_at = @offsetOf(runtime.Segment, "stub_frame"),
    .low_at = @offsetOf(runtime.Segment, "low"),
    .limit_at = @offsetOf(runtime.Segment, "limit"),
    .ordinal_at = @offsetOf(runtime.Segment, "ordinal"),
};
