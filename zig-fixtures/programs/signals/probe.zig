//! The plain handler, and what both handlers look at: not split, so that it says what it sees whatever the limit is.
//!
//! Under the trap flag a SIGTRAP follows every instruction. The handler notes where, checks what must hold there, spoils every register, and
//! writes to much of its stack.

const std = @import("std");
const linux = std.os.linux;
const abi = @import("abi");
const vectors = @import("vectors");

extern threadlocal var hs_thread: abi.Thread;
extern const hs_stub_begin: u8;
extern const hs_gates_begin: u8;
extern const hs_gates_end: u8;
extern const hs_jump_begin: u8;
extern const hs_jump_end: u8;
extern fn hs_fault_landing() callconv(.c) void;
extern fn __morestack() callconv(.c) void;
extern fn signals_spoil(level: u32) callconv(.c) void;
extern const __executable_start: u8;
extern const etext: u8;

pub const panic = std.debug.no_panic;

/// Of the 64 KiB that a thread's signal stack has (runtime/faults.zig).
const scratch_bytes = 40 << 10;
/// hs_fault_landing is the last thing in morestack.S, and shorter.
const landing_bytes = 16;

/// A bit for each address of the program's code.
var visited: [1 << 18]u64 = @splat(0);
var level: u32 = 0;

export var signals_arrived: u64 = 0;
export var signals_in_stubs: u64 = 0;
/// The first thing that was wrong, and where.
export var signals_wrong: ?[*:0]const u8 = null;
export var signals_wrong_at: u64 = 0;

/// Installs the plain handler for the trap. 0: the system refused.
export fn signals_plain() callconv(.c) u32 {
    const action: linux.Sigaction = .{
        .handler = .{ .sigaction = onTrap },
        .mask = linux.sigemptyset(),
        .flags = linux.SA.SIGINFO | linux.SA.ONSTACK,
    };
    level = vectors.detect();
    return @intFromBool(linux.errno(linux.sigaction(.TRAP, &action, null)) == .SUCCESS);
}

/// The trap follows an instruction, so it never stands before the first one that a fault's handler goes back to: a signal of our own does, which
/// waits while that handler runs. 0: the system refused.
export fn signals_after_faults() callconv(.c) u32 {
    const note: linux.Sigaction = .{
        .handler = .{ .sigaction = onReturn },
        .mask = linux.sigemptyset(),
        .flags = linux.SA.SIGINFO | linux.SA.ONSTACK,
    };
    if (linux.errno(linux.sigaction(return_signal, &note, null)) != .SUCCESS) return 0;
    var faults: linux.Sigaction = undefined;
    if (linux.errno(linux.sigaction(.SEGV, null, &faults)) != .SUCCESS) return 0;
    product_handler = faults.handler.sigaction.?;
    faults.handler.sigaction = onFault;
    linux.sigaddset(&faults.mask, return_signal);
    return @intFromBool(linux.errno(linux.sigaction(.SEGV, &faults, null)) == .SUCCESS);
}

const return_signal: linux.SIG = @enumFromInt(42);
var product_handler: linux.Sigaction.sigaction_fn = undefined;

fn onFault(signal: linux.SIG, info: *const linux.siginfo_t, context: ?*anyopaque) callconv(.c) void {
    product_handler(signal, info, context);
    _ = linux.tgkill(linux.getpid(), linux.gettid(), return_signal);
}

fn onReturn(_: linux.SIG, _: *const linux.siginfo_t, context: ?*anyopaque) callconv(.c) void {
    _ = signals_note(context.?);
}

fn onTrap(_: linux.SIG, _: *const linux.siginfo_t, context: ?*anyopaque) callconv(.c) void {
    _ = signals_note(context.?);
    checkPlace(context.?);
    var scratch: [scratch_bytes]u8 = undefined;
    for (0..scratch_bytes / 64) |i| @as(*volatile u8, &scratch[i * 64]).* = 0x55;
    signals_spoil(level);
}

/// What every handler does first. Returns 1 when the interrupted instruction is one of the stubs' or gates'.
export fn signals_note(context: *const anyopaque) callconv(.c) u32 {
    const rip = registers(context)[greg_rip];
    signals_arrived += 1;
    const offset = rip -% @intFromPtr(&__executable_start);
    if (offset / 64 < visited.len) visited[offset / 64] |= @as(u64, 1) << @intCast(offset % 64);
    const inside = inStubs(rip);
    signals_in_stubs += @intFromBool(inside);
    return @intFromBool(inside);
}

fn inStubs(rip: u64) bool {
    return (rip >= @intFromPtr(&hs_stub_begin) and rip < @intFromPtr(&hs_fault_landing) + landing_bytes) or
        (rip >= @intFromPtr(&hs_gates_begin) and rip < @intFromPtr(&hs_gates_end)) or
        (rip >= @intFromPtr(&hs_jump_begin) and rip < @intFromPtr(&hs_jump_end));
}

/// Split code on a fiber's stack, at any instruction of it: it stands in the innermost segment, under that segment's limit, and knows its
/// system stack. Only the stubs and gates may find it otherwise.
fn checkPlace(context: *const anyopaque) void {
    const gregs = registers(context);
    const stack = hs_thread.stack orelse return;
    if (inStubs(gregs[greg_rip]) or planned_limit != 0) return;
    const rsp = gregs[greg_rsp];
    // A fiber that has ended has none.
    const segment = stack.segment orelse return;
    var next: ?*abi.Segment = segment;
    const own = while (next) |s| : (next = s.parent) {
        if (rsp >= s.low and rsp <= @intFromPtr(s)) break s;
    } else return;
    if (own != segment) wrong("it is not in the innermost segment", gregs[greg_rip]);
    if (abi.getLimit() != segment.limit) wrong("the limit is another segment's", gregs[greg_rip]);
    if (hs_thread.system_rsp == 0) wrong("its thread's system stack is not known", gregs[greg_rip]);
}

/// Nonzero while the workload has a limit of its own in force.
export var planned_limit: u64 = 0;

fn wrong(what: [*:0]const u8, at: u64) void {
    if (signals_wrong != null) return;
    signals_wrong = what;
    signals_wrong_at = at;
}

/// Every block of 64 addresses that was visited, as "visited BASE BITS", and where the program lies.
export fn signals_print_visited() callconv(.c) void {
    print("morestack {x}\n", .{@intFromPtr(&__morestack)});
    for (visited, 0..) |bits, i| {
        if (bits != 0) print("visited {x} {x}\n", .{ @intFromPtr(&__executable_start) + i * 64, bits });
    }
}

fn print(comptime format: []const u8, args: anytype) void {
    var buffer: [128]u8 = undefined;
    const text = std.fmt.bufPrint(&buffer, format, args) catch return;
    _ = linux.write(1, text.ptr, text.len);
}

fn registers(context: *const anyopaque) *const [23]u64 {
    const ucontext: *const extern struct { flags: u64, link: u64, stack: [3]u64, gregs: [23]u64 } = @ptrCast(@alignCast(context));
    return &ucontext.gregs;
}

const greg_rsp = 15;
const greg_rip = 16;

// ── Timers ──────────────────────────────────────────────────────────────────────────────────────────────────────

const Event = extern struct { value: u64 = 0, signal: i32, notify: i32, thread: i32, padding: [44]u8 = @splat(0) };
const notify_thread = 4;

var timer: i32 = -1;
var draw: u64 = 1;

/// A real-time signal to this thread, a first time now; each of its handlers arms it again. 0: the system refused.
export fn signals_arm(signal: i32) callconv(.c) u32 {
    if (timer < 0) {
        var event: Event = .{ .signal = signal, .notify = notify_thread, .thread = linux.gettid() };
        const made = linux.syscall3(.timer_create, @intFromEnum(linux.CLOCK.MONOTONIC), @intFromPtr(&event), @intFromPtr(&timer));
        if (linux.errno(made) != .SUCCESS) return 0;
    }
    // A few microseconds, never the same.
    draw = draw *% 6364136223846793005 +% 1442695040888963407;
    const delay: linux.itimerspec = .{
        .it_interval = .{ .sec = 0, .nsec = 0 },
        .it_value = .{ .sec = 0, .nsec = @intCast(500 + (draw >> 40) % 15_000) },
    };
    const armed = linux.syscall4(.timer_settime, @intCast(timer), 0, @intFromPtr(&delay), 0);
    return @intFromBool(linux.errno(armed) == .SUCCESS);
}
