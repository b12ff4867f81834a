//! Signals of the CPU inside a fiber end that fiber; every other one goes to whoever had it before. Handlers for other signals that are
//! split code are called through hs_signal_entry (fiber.S).

const std = @import("std");
const linux = std.os.linux;
const abi = @import("abi");
const records = @import("fiber");
const trace = @import("trace.zig");
const host = @import("host.zig");

extern fn hs_fault_landing() callconv(.c) void;
extern fn hs_attempt_failed() callconv(.c) noreturn;
extern fn hs_signal_entry(c_int, ?*anyopaque, ?*anyopaque) callconv(.c) void;

const stack_bytes = 64 << 10;
/// Above what our own code uses of the system stack while a fiber runs.
const host_bytes = 64 << 10;
const page_bytes = 4096;
const signals = [_]linux.SIG{ .SEGV, .BUS, .ILL, .FPE, .TRAP };

var previous: [64]linux.Sigaction = undefined;
var installed: u32 = 0;
threadlocal var own_stack: usize = 0;
threadlocal var stack_before: linux.stack_t = undefined;

pub fn enter() bool {
    if (own_stack != 0) return true;
    const memory = linux.mmap(null, stack_bytes, .{ .READ = true, .WRITE = true }, .{ .TYPE = .PRIVATE, .ANONYMOUS = true }, -1, 0);
    if (linux.errno(memory) != .SUCCESS) return false;
    own_stack = memory;
    var alternate: linux.stack_t = .{ .sp = @ptrFromInt(memory), .flags = 0, .size = stack_bytes };
    if (linux.errno(linux.sigaltstack(&alternate, &stack_before)) != .SUCCESS) return false;
    if (@cmpxchgStrong(u32, &installed, 0, 1, .acq_rel, .monotonic) != null) return true;
    const action: linux.Sigaction = .{
        .handler = .{ .sigaction = onFault },
        .mask = linux.sigemptyset(),
        .flags = linux.SA.SIGINFO | linux.SA.ONSTACK,
    };
    for (signals) |signal| {
        if (linux.errno(linux.sigaction(signal, &action, &previous[@intFromEnum(signal)])) != .SUCCESS) return false;
    }
    return true;
}

pub fn leave() void {
    if (own_stack == 0) return;
    _ = linux.sigaltstack(&stack_before, null);
    _ = linux.munmap(@ptrFromInt(own_stack), stack_bytes);
    own_stack = 0;
}

pub fn ending(fiber: *const records.Fiber) records.Ending {
    const signal: linux.SIG = @enumFromInt(fiber.signal);
    if (signal != .SEGV and signal != .BUS) return .trapped;
    return if (onGuard(fiber)) .overflowed else .segfaulted;
}

fn onGuard(fiber: *const records.Fiber) bool {
    if (fiber.stack.guard == 0) return false;
    var next = fiber.stack.segment;
    while (next) |segment| : (next = segment.parent) {
        if (fiber.fault_address >= segment.low and fiber.fault_address < segment.low + page_bytes) return true;
    }
    return false;
}

pub fn name(signal: u32) []const u8 {
    return switch (@as(linux.SIG, @enumFromInt(signal))) {
        .SEGV => "segmentation fault",
        .BUS => "bus error",
        .ILL => "illegal instruction or trap",
        .FPE => "arithmetic fault",
        .TRAP => "breakpoint",
        else => "signal",
    };
}

fn onFault(signal: linux.SIG, info: *const linux.siginfo_t, context: ?*anyopaque) callconv(.c) void {
    const ucontext: *abi.Ucontext = @ptrCast(@alignCast(context.?));
    const gregs = &ucontext.gregs;
    const thread = &host.hs_thread;
    if (thread.attempt_rsp != 0) {
        gregs[abi.greg.rip] = @intFromPtr(&hs_attempt_failed);
        gregs[abi.greg.rsp] = thread.attempt_rsp;
        return;
    }
    const fiber = host.running() orelse return passOn(signal, info, context);
    const rsp = gregs[abi.greg.rsp];
    // A handler of the program's, or our own code that ends the fiber already: what they were at cannot be taken back.
    if (rsp -% ucontext.stack_low < ucontext.stack_bytes or fiber.ending != .none) return passOn(signal, info, context);
    // A gate's service: our own code, on the system stack.
    if (thread.system_rsp != 0 and rsp <= thread.system_rsp and thread.system_rsp - rsp < host_bytes) return passOn(signal, info, context);
    // Nowhere to go back to: the fiber was not started by hs_fiber_resume.
    if (thread.scheduler_rsp == 0) return passOn(signal, info, context);
    fiber.signal = @intFromEnum(signal);
    fiber.fault_address = @intFromPtr(info.fields.sigfault.addr);
    trace.capture(fiber, gregs[abi.greg.rip] + 1, gregs[abi.greg.rbp], rsp, host.pendingReport());
    gregs[abi.greg.rsp] = thread.scheduler_rsp & ~@as(u64, 63);
    gregs[abi.greg.rip] = @intFromPtr(&hs_fault_landing);
}

fn passOn(signal: linux.SIG, info: *const linux.siginfo_t, context: ?*anyopaque) void {
    const before = &previous[@intFromEnum(signal)];
    const default = before.handler.handler == linux.SIG.DFL or before.handler.handler == linux.SIG.IGN;
    if (!default) {
        const limit = abi.getLimit();
        abi.setLimit(0);
        defer abi.setLimit(limit);
        if (before.flags & linux.SA.SIGINFO != 0) before.handler.sigaction.?(signal, info, context) else before.handler.handler.?(signal);
        return;
    }
    // Back to the instruction, which faults again and ends the process as it would have.
    const action: linux.Sigaction = .{ .handler = .{ .handler = linux.SIG.DFL }, .mask = linux.sigemptyset(), .flags = 0 };
    _ = linux.sigaction(signal, &action, null);
}

// ── Handlers that are split code ────────────────────────────────────────────────────────────────────────────────

pub const Handler = *const fn (u32, *const anyopaque, ?*anyopaque) callconv(.c) void;
var handlers: [65]?Handler = @splat(null);

/// 0: installed.
export fn hs_signal_set(signal: u32, handler: Handler) callconv(.c) u32 {
    if (signal == 0 or signal > 64) return 22;
    handlers[signal] = handler;
    const action: linux.Sigaction = .{
        .handler = .{ .sigaction = @ptrCast(&hs_signal_entry) },
        .mask = linux.sigemptyset(),
        .flags = linux.SA.SIGINFO | linux.SA.ONSTACK | linux.SA.RESTART,
    };
    return @intFromEnum(linux.errno(linux.sigaction(@enumFromInt(signal), &action, null)));
}

/// The most that is kept of a signal stack for a handler that has overflowed, until its next checkpoint.
const handler_reserve_bytes = 8 << 10;

/// The handler is no part of what it interrupted: it has a fiber's record of its own, so that its checkpoints, and what it holds, are
/// its own, and its stack is what the kernel put it on. It cannot grow (growth.zig, stay).
export fn hs_rt_signal(signal: u32, info: *const anyopaque, context: *abi.Ucontext) callconv(.c) void {
    const handler = handlers[signal] orelse return;
    const thread = &host.hs_thread;
    const low = context.stack_low;
    const here = @frameAddress();
    // Without a signal stack (a thread that never entered) it is on the thread's own stack: no limit.
    const bounded = here -% low < context.stack_bytes;
    const reserve = @min(handler_reserve_bytes, context.stack_bytes / 8);
    var segment: abi.Segment = .{
        .parent = null,
        .cached = null,
        .limit = if (bounded) low + abi.slack_bytes + reserve else 0,
        .room = 0,
        .stub_frame = 0,
        .warm = 0,
        .low = if (bounded) low else 0,
        .high = here,
        .origin = 0,
        .origin_kind = 0,
        .usable_bytes = 0,
        .used_bytes = 0,
        .ordinal = 1,
    };
    var record: records.Fiber = .{ .stack = .{ .segment = &segment, .fixed = 1 } };
    const interrupted = thread.stack;
    const attempt_before = thread.attempt_rsp;
    thread.stack = &record.stack;
    thread.attempt_rsp = 0;
    abi.setLimit(segment.limit);
    handler(signal, info, context);
    abi.setLimit(0);
    thread.attempt_rsp = attempt_before;
    thread.stack = interrupted;
}
