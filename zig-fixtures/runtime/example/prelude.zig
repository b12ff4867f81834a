//! What the transpiler puts before every program: resources that are entered in the fiber's ledger when they are acquired, so that an
//! ordinary exit releases them by `defer` or `errdefer`, and a panic or a fault by the ledger.

const std = @import("std");
const linux = std.os.linux;
const splitstack = @import("splitstack");

pub const Error = splitstack.Fault || error{ NoSuchShelf, OutOfMemory };
pub const checkpoint = splitstack.checkpoint;

/// What is out at the moment, and what went through: of all fibers together.
pub const Totals = struct {
    acquired: u32 = 0,
    released: u32 = 0,
    locks_held: u32 = 0,
    bytes_live: u64 = 0,
    handles_open: u32 = 0,

    pub fn areClean(all: *const Totals) bool {
        return all.acquired == all.released and all.locks_held == 0 and all.bytes_live == 0 and all.handles_open == 0;
    }
};
pub var totals: Totals = .{};

pub const Kind = enum { lock, memory, handle };

/// Lives in the frame that acquired it.
pub const Resource = struct {
    held: splitstack.Held = .{},
    kind: Kind,
    memory: []u8 = &.{},
    handle: i32 = -1,
    /// Its release faults: for the scenario of a second fault.
    is_broken: bool = false,
};

const label_bytes = 96;

pub fn acquire(resource: *Resource, kind: Kind) Error!void {
    resource.* = .{ .kind = kind };
    // malloc is foreign code: it does not ask before it uses stack.
    splitstack.onSystemStack(obtain, .{resource});
    if (kind == .memory and resource.memory.len == 0) return error.OutOfMemory;
    totals.acquired += 1;
    splitstack.hold(&resource.held, giveBack);
}

pub fn release(resource: *Resource) void {
    splitstack.release(&resource.held);
}

fn obtain(context: ?*anyopaque) callconv(.c) void {
    const resource: *Resource = @ptrCast(@alignCast(context.?));
    switch (resource.kind) {
        .lock => totals.locks_held += 1,
        .memory => {
            resource.memory = std.heap.c_allocator.alloc(u8, label_bytes) catch return;
            totals.bytes_live += label_bytes;
        },
        .handle => {
            resource.handle = @intCast(linux.open("/dev/null", .{ .ACCMODE = .RDONLY, .CLOEXEC = true }, 0));
            totals.handles_open += 1;
        },
    }
}

/// By `release` on the fiber, or by the ledger on the system stack.
fn giveBack(held: *splitstack.Held) callconv(.c) void {
    const resource: *Resource = @fieldParentPtr("held", held);
    totals.released += 1;
    splitstack.onSystemStack(putBack, .{resource});
    if (resource.is_broken) writeNowhere();
}

fn putBack(context: ?*anyopaque) callconv(.c) void {
    const resource: *Resource = @ptrCast(@alignCast(context.?));
    switch (resource.kind) {
        .lock => totals.locks_held -= 1,
        .memory => {
            totals.bytes_live -= resource.memory.len;
            std.heap.c_allocator.free(resource.memory);
        },
        .handle => {
            _ = linux.close(resource.handle);
            totals.handles_open -= 1;
        },
    }
}

/// Null, which the optimiser cannot see.
var nowhere: usize = 0;

pub fn writeNowhere() void {
    @as(*allowzero volatile u32, @ptrFromInt(nowhere)).* = 1;
}

/// An array of a frame is used, whatever the optimiser thinks of it.
pub fn keep(words: []u64) void {
    std.mem.doNotOptimizeAway(words.ptr);
}
