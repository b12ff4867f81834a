//! Fibers on the split-stack runtime with no libc at all: a static program of raw system calls, whose thread-local storage Zig's
//! start code sets up. Runs the fibers of unit.zig in turn, checks stacks and limits as it goes, and prints what they report.

const std = @import("std");
const linux = std.os.linux;
const runtime = @import("abi");
const abi = @import("worker_abi");

extern fn hs_stack_open(stack: *abi.Stack, usable_bytes: u64) callconv(.c) u64;
extern fn hs_stack_close(stack: *runtime.Stack) callconv(.c) u64;
extern fn hs_stack_limit(stack: *const runtime.Stack) callconv(.c) u64;
extern fn hs_resume(rsp: u64, value: u64) callconv(.c) u64;
extern fn hs_to_scheduler(value: u64) callconv(.c) noreturn;
extern fn hs_fiber_start() callconv(.c) void;

const Program = extern struct { fiber_count: u64, fibers: [*]const *const fn () callconv(.c) void };
const Unit = extern struct { program_count: u64, programs: [*]const Program };
extern const hs_unit: Unit;

pub export threadlocal var hs_thread: abi.Thread = .{};
pub const panic = std.debug.no_panic;

const initial_bytes = 2048;
const back_yielded = 0;
const back_ended = 1;

const Fiber = struct { stack: abi.Stack = .{}, rsp: u64 = 0, ended: bool = false };

var fibers: [abi.fibers_max]Fiber = @splat(.{});
var current: usize = 0;
var wrong_limits: u64 = 0;
var wrong_registers: u64 = 0;

pub fn main() void {
    const entries = hs_unit.programs[0].fibers[0..hs_unit.programs[0].fiber_count];
    hs_thread.plan = .{ .kind = .natural };
    for (entries, fibers[0..entries.len]) |entry, *fiber| {
        fiber.stack.arena = reserve();
        fiber.rsp = runtime.prepareContext(hs_stack_open(&fiber.stack, initial_bytes), entry, 0, &hs_fiber_start);
    }
    var live = entries.len;
    while (live > 0) for (fibers[0..entries.len], 0..) |*fiber, index| {
        if (fiber.ended) continue;
        current = index;
        hs_thread.core.stack = &fiber.stack.core;
        abi.setLimit(hs_stack_limit(&fiber.stack.core));
        fiber.ended = hs_resume(fiber.rsp, 0) == back_ended;
        if (fiber.ended) live -= 1;
    };
    var segments: u64 = 0;
    for (fibers[0..entries.len]) |*fiber| {
        if (fiber.stack.core.segment.?.ordinal != 1) segments += 1;
        segments += hs_stack_close(&fiber.stack.core);
    }
    print("splits {d} segments left {d} wrong limits {d} wrong registers {d} failures {d}\n", .{
        hs_thread.plan.splits + hs_thread.core.warm_splits, segments, wrong_limits, wrong_registers, hs_thread.plan.failures,
    });
}

fn reserve() u64 {
    const address = linux.mmap(null, abi.arena_bytes, .{ .READ = true, .WRITE = true }, .{ .TYPE = .PRIVATE, .ANONYMOUS = true, .NORESERVE = true }, -1, 0);
    if (linux.errno(address) == .SUCCESS) return address;
    print("no address space for a fiber\n", .{});
    linux.exit(3);
}

fn print(comptime format: []const u8, args: anytype) void {
    var buffer: [256]u8 = undefined;
    const text = std.fmt.bufPrint(&buffer, format, args) catch unreachable;
    _ = linux.write(1, text.ptr, text.len);
}

fn checkLimit() void {
    if (abi.getLimit() != hs_stack_limit(&fibers[current].stack.core)) wrong_limits += 1;
}

export fn hs_rt_event(kind: u32, a: u32, b: u64) callconv(.c) void {
    checkLimit();
    print("fiber {d} event {d} {d}\n", .{ a, kind, b });
}

export fn hs_rt_yield(_: u32) callconv(.c) noreturn {
    checkLimit();
    fibers[current].rsp = hs_thread.core.fiber_rsp;
    hs_to_scheduler(back_yielded);
}

export fn hs_rt_fiber_returned(wrong: u32) callconv(.c) noreturn {
    checkLimit();
    if (wrong != 0) wrong_registers += 1;
    hs_to_scheduler(back_ended);
}

export fn hs_reserve_exhausted(_: u64, _: u64) callconv(.c) noreturn {
    print("a fiber's stack budget is exhausted\n", .{});
    linux.exit(3);
}

/// Services behind gates that unit.zig does not call.
fn unused() callconv(.c) noreturn {
    @trap();
}

comptime {
    for (.{ "fuel", "acquire", "release", "spawn", "cancel", "fill", "sum", "checkpoint", "lock", "join", "probe", "error", "panic", "faulted" }) |name| {
        @export(&unused, .{ .name = "hs_rt_" ++ name });
    }
}
