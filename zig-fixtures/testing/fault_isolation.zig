//! What a program may import to tell `harness check` more than its output: `@import("fault_isolation")`. See harness/docs/CHECK.md.
//!
//!     try fault_isolation.checkpoint();                 where a fault may arrive: first statement of a fallible function
//!     const file = fault_isolation.acquired("file");    a resource is held …
//!     defer fault_isolation.released(file);             … until here
//!     fault_isolation.event("parsed", line);            what happened, in order
//!     fault_isolation.probe("deep inside");             a stack trace is taken and compared
//!
//! In any other build all of this does nothing.

const std = @import("std");

/// What a checkpoint may return.
pub const Fault = error{ Injected, Canceled, StackOverflow, OutOfStackSegments };

/// A resource that is held.
pub const Resource = struct { serial: u64 };

/// The harness's side; set by check_unit.zig before the program begins.
pub const Hooks = extern struct {
    checkpoint: *const fn (errors: ?*anyopaque) callconv(.c) u32,
    event: *const fn (name: [*]const u8, length: usize, value: u64) callconv(.c) void,
    acquired: *const fn (name: [*]const u8, length: usize) callconv(.c) u64,
    released: *const fn (serial: u64) callconv(.c) void,
    probe: *const fn (name: [*]const u8, length: usize, errors: ?*anyopaque) callconv(.c) void,
};
pub var hooks: ?*const Hooks = null;

pub inline fn checkpoint() Fault!void {
    const h = hooks orelse return;
    const code = h.checkpoint(@errorReturnTrace());
    if (code == 0) return;
    if (code == 1) @panic("injected panic");
    return faultOf(code);
}

fn faultOf(code: u32) Fault {
    return switch (code) {
        101 => error.Canceled,
        102 => error.StackOverflow,
        103 => error.OutOfStackSegments,
        else => error.Injected,
    };
}

pub inline fn event(name: []const u8, value: u64) void {
    if (hooks) |h| h.event(name.ptr, name.len, value);
}

pub inline fn acquired(name: []const u8) Resource {
    return .{ .serial = if (hooks) |h| h.acquired(name.ptr, name.len) else 0 };
}

pub inline fn released(resource: Resource) void {
    if (hooks) |h| h.released(resource.serial);
}

pub inline fn probe(name: []const u8) void {
    if (hooks) |h| h.probe(name.ptr, name.len, @errorReturnTrace());
}
