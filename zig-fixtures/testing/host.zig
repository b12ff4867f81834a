//! The host of `harness test` and `harness check`: one fiber, in which one test or program is called at a time, on segments that
//! worker/forcing.zig carves. Runs on the thread's own stack and asks for nothing.

const std = @import("std");
const linux = std.os.linux;
const runtime = @import("abi");
const abi = @import("plans");
const protocol = @import("protocol.zig");

pub export threadlocal var hs_thread: abi.Thread = .{};
pub const panic = std.debug.no_panic;

extern fn hs_stack_open(stack: *abi.Stack, usable_bytes: u64) callconv(.c) u64;
extern fn hs_stack_close(stack: *runtime.Stack) callconv(.c) u64;
extern fn hs_stack_limit(stack: *const runtime.Stack) callconv(.c) u64;
extern fn hs_resume(rsp: u64, value: u64) callconv(.c) u64;
extern fn hs_to_scheduler(value: u64) callconv(.c) noreturn;
extern fn hs_fiber_start() callconv(.c) void;

var stack: abi.Stack = .{};
var abandoned = false;
var wrong_registers: u64 = 0;
var limit_at_end: u64 = 0;
/// Whoever has something to say when a stack is used up says it, and ends the process.
pub var on_exhausted: ?*const fn () noreturn = null;

/// Calls `entry` in a fiber and returns when it has returned. From one thread at a time, never from a fiber.
pub export fn hs_test_run(entry: protocol.Entry, argument: ?*anyopaque, request: *const protocol.Request, result: *protocol.Result) callconv(.c) void {
    if (stack.arena == 0) stack.arena = reserved(abi.arena_bytes) orelse stop("no address space for the arena; raise the limit on it (ulimit -v)");
    hs_thread.plan = .{
        .kind = @enumFromInt(request.kind),
        .placement = @enumFromInt(request.placement),
        .policy = @enumFromInt(request.policy),
        .caching = request.caching,
        .a = request.a,
        .b = request.b,
        .random_state = if (request.kind == @intFromEnum(abi.SplitKind.prologue_set)) 0 else request.a,
        .headroom_bytes = request.headroom_bytes,
        .unmaps = if (request.policy == @intFromEnum(abi.Policy.unmap)) .{ 2, 7 } else @splat(0),
    };
    hs_thread.core.warm_splits = 0;
    stack.core.canceled = 0;
    stack.core.budget_bytes = 0;
    wrong_registers = 0;
    abandoned = false;
    const top = hs_stack_open(&stack, request.first_bytes);
    const rsp = runtime.prepareContext(top, entry, @intFromPtr(argument), &hs_fiber_start);
    hs_thread.core.stack = &stack.core;
    abi.setLimit(hs_stack_limit(&stack.core));
    _ = hs_resume(rsp, 0);
    // What the test runner does between tests runs on the thread's stack.
    abi.setLimit(0);
    // After a split that took a kept segment the limit is the first segment's own, though the plan would force the next prologue.
    const right = abandoned or limit_at_end == hs_stack_limit(&stack.core) or limit_at_end == stack.core.segment.?.limit;
    const leaked = hs_stack_close(&stack.core);
    hs_thread.core.stack = null;
    const plan = &hs_thread.plan;
    result.* = .{
        .prologues = plan.prologues,
        .splits = plan.splits + hs_thread.core.warm_splits,
        .failures = plan.failures,
        .fail_address = plan.fail_address,
        .leaked_segments = leaked,
        .wrong_registers = wrong_registers,
        .wrong_limit = @intFromBool(!right),
    };
}

fn reserved(bytes: u64) ?u64 {
    const got = linux.mmap(null, bytes, .{ .READ = true, .WRITE = true }, .{ .TYPE = .PRIVATE, .ANONYMOUS = true, .NORESERVE = true }, -1, 0);
    return if (linux.errno(got) == .SUCCESS) got else null;
}

/// Whether the running code is the fiber's: neither the runner's nor another thread's.
pub fn fiberStack() ?*runtime.Stack {
    return hs_thread.core.stack;
}

/// Leaves the fiber for good, as the product does after a panic; its segments are given back. Does nothing outside it.
pub fn abandon() void {
    if (fiberStack() == null) return;
    abandoned = true;
    hs_to_scheduler(0);
}

export fn hs_rt_fiber_returned(wrong: u32) callconv(.c) noreturn {
    wrong_registers = wrong;
    limit_at_end = abi.getLimit();
    hs_to_scheduler(0);
}

/// growth.zig: the arena is used up.
export fn hs_reserve_exhausted(_: u64, _: u64) callconv(.c) noreturn {
    if (on_exhausted) |end| end();
    stop("the arena is used up: the test recurses deeper than its 256 MiB");
}

export fn hs_rt_uncaught() callconv(.c) noreturn {
    stop("an exception that nobody catches");
}

export fn hs_rt_faulted() callconv(.c) noreturn {
    stop("no handler of ours sends anybody here");
}

/// The end of the process, in one line; the harness goes on behind this test in a new one.
fn stop(comptime why: []const u8) noreturn {
    const line = "testing: " ++ why ++ "\n";
    _ = linux.write(2, line, line.len);
    linux.exit_group(70);
}
