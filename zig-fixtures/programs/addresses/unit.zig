//! What `@returnAddress()` says in split code. See README.md. Every address goes to standard output as `NAME HEX`.

const std = @import("std");
const builtin = @import("builtin");
const splitstack = @import("splitstack");
const abi = @import("abi");

pub const std_options: std.Options = .{ .enable_segfault_handler = false, .allow_stack_tracing = false, .signal_stack_size = null };
pub const panic = std.debug.FullPanic(panicked);

extern fn printf(format: [*:0]const u8, ...) c_int;
extern fn fflush(stream: ?*anyopaque) c_int;
extern fn _exit(code: c_int) noreturn;

extern threadlocal var hs_thread: abi.Thread;

const stack_bytes = 8 << 20;
const errors_shown = 2;

fn printed(name: [*:0]const u8, address: usize) void {
    _ = printf("%s %zx\n", name, address);
}

fn say(name: [*:0]const u8, address: usize) void {
    splitstack.onSystemStack(printed, .{ name, address });
}

/// From here on every call of a function with a check splits: this segment's limit is where the stack is now. (The room below is still there.)
inline fn force() void {
    const segment = hs_thread.stack.?.segment.?;
    segment.limit = asm volatile ("movq %%rsp, %[rsp]"
        : [rsp] "=r" (-> u64),
    );
    abi.setLimit(segment.limit);
}

noinline fn asks() usize {
    return @returnAddress();
}

noinline fn fails() error{Wrong}!void {
    force();
    return error.Wrong; // at returned
}

noinline fn passes() error{Wrong}!void {
    force();
    try fails(); // at passed
}

fn panicked(_: []const u8, return_address: ?usize) noreturn {
    printed("panicked", return_address orelse @returnAddress());
    _ = fflush(null);
    _exit(0);
}

noinline fn fault(index: usize) u8 {
    const values = [_]u8{ 1, 2, 3 };
    force();
    if (!std.debug.runtime_safety) @panic("as a safety check would"); // at panicked unsafe
    return values[index]; // at panicked safe
}

fn run() void {
    force();
    const direct = asks(); // at direct
    say("direct", direct);
    passes() catch {
        if (@errorReturnTrace()) |trace| {
            const names = [errors_shown][*:0]const u8{ "returned", "passed" };
            for (names, trace.instruction_addresses[0..errors_shown]) |name, address| say(name, address);
        }
    };
    std.mem.doNotOptimizeAway(fault(@intCast(3 + (direct & 0))));
}

pub export fn main() callconv(.c) c_int {
    splitstack.Thread.enter() catch return 3;
    const fiber = splitstack.Fiber.init(.{ .budget_bytes = stack_bytes }, run, .{}) catch return 3;
    _ = fiber.@"resume"() catch return 4;
    return 5; // the fiber ends the process
}

/// By which the audit of the linked program (harness/docs/RESERVE.md) knows the functions of this unit.
export const hs_unit: u64 = 0;
