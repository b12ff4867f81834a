//! What foreign code does to a fiber besides calling and returning: jumps out of frames (longjmp), exceptions that nobody catches, and
//! the exceptions that it is handling while the fiber waits. Runs on the system stack, like host.zig.

const std = @import("std");
const abi = @import("abi");
const records = @import("fiber");
const host = @import("host.zig");

extern fn hs_stack_realign(rsp: u64) callconv(.c) u64;

/// Further than any stack reaches.
const stack_bytes_max = 1 << 30;

/// A jump to a frame with this rsp comes next (jump.S): segments that it leaves are given up, and limit and system stack are the target's.
export fn hs_rt_jump(rsp: u64) callconv(.c) void {
    if (moveTo(rsp)) return;
    // Within the system or signal stack it already runs on, nothing changes.
    const here = @frameAddress();
    const thread = &host.hs_thread;
    const outwards = rsp >= here and rsp - here < stack_bytes_max;
    const leaves = here < thread.scheduler_rsp and rsp >= thread.scheduler_rsp;
    if (thread.system_rsp == 0 and outwards and !leaves) return;
    host.misuse("longjmp out of the fiber");
}

/// After a jump that hs_rt_jump did not see. 0: not on a segment, nothing was done.
export fn hs_rt_realign(rsp: u64) callconv(.c) u64 {
    return @intFromBool(moveTo(rsp));
}

fn moveTo(rsp: u64) bool {
    if (hs_stack_realign(rsp) == 0) return false;
    const thread = &host.hs_thread;
    thread.system_rsp = thread.scheduler_rsp & ~@as(u64, 63);
    return true;
}

// ── Exceptions ──────────────────────────────────────────────────────────────────────────────────────────────────

const Exception = opaque {};
/// What the program has of C++ and its unwinder (fiber.S). Null without them.
extern const hs_exception_entries: extern struct {
    begin_catch: ?*const fn (*Exception) callconv(.c) ?*anyopaque,
    end_catch: ?*const fn () callconv(.c) void,
    delete: ?*const fn (*Exception) callconv(.c) void,
    state: ?*const fn () callconv(.c) *records.ExceptionState,
};

/// No frame of the fiber catches it; the frames' destructors have run (unwind.h).
export fn hs_rt_uncaught(exception: *Exception) callconv(.c) noreturn {
    hs_rt_drop_exception(exception);
    host.uncaught();
}

/// As a catch-all handler would, so that C++ also counts it as caught.
export fn hs_rt_drop_exception(exception: *Exception) callconv(.c) void {
    const entries = &hs_exception_entries;
    if (entries.begin_catch) |begin| {
        _ = begin(exception);
        entries.end_catch.?();
    } else if (entries.delete) |delete| delete(exception);
}

/// C++ keeps a list, per thread, of the exceptions being handled. A fiber that yields inside a handler takes its own along.
pub fn exchangeExceptions(fiber: *records.Fiber) void {
    const state = hs_exception_entries.state orelse return;
    std.mem.swap(records.ExceptionState, state(), &fiber.exceptions);
}
