//! What an allocator that notes its callers says in split code: `std.heap.DebugAllocator`, whose functions ask for their return address
//! and capture a trace that begins there. See README.md. Every address goes to standard output as `NAME HEX`, the innermost first.

const std = @import("std");
const splitstack = @import("splitstack");
const abi = @import("abi");

pub const std_options: std.Options = .{ .enable_segfault_handler = false, .signal_stack_size = null, .logFn = logged };
pub const panic = std.debug.FullPanic(panicked);

extern fn printf(format: [*:0]const u8, ...) c_int;
extern fn fflush(stream: ?*anyopaque) c_int;
extern fn _exit(code: c_int) noreturn;

extern threadlocal var hs_thread: abi.Thread;

const stack_bytes = 8 << 20;
const frames = 10;

fn panicked(message: []const u8, _: ?usize) noreturn {
    _ = printf("panic %.*s\n", @as(c_int, @intCast(message.len)), message.ptr);
    _ = fflush(null);
    _exit(6);
}

/// The allocator reports a leak with the trace that it captured.
fn logged(comptime _: std.log.Level, comptime _: @EnumLiteral(), comptime _: []const u8, args: anytype) void {
    inline for (args) |arg| {
        if (@TypeOf(arg) == std.debug.FormatStackTrace) splitstack.onSystemStack(listed, .{ "leaked", arg.stack_trace.return_addresses });
    }
}

fn listed(name: [*:0]const u8, addresses: []const usize) void {
    for (addresses) |address| _ = printf("%s %zx\n", name, address);
}

/// From here on every call of a function with a check splits: this segment's limit is where the stack is now. (The room below is still there.)
inline fn force() void {
    const segment = hs_thread.stack.?.segment.?;
    segment.limit = asm volatile ("movq %%rsp, %[rsp]"
        : [rsp] "=r" (-> u64),
    );
    abi.setLimit(segment.limit);
}

noinline fn inner(allocator: std.mem.Allocator) ?*u64 {
    force();
    const block = allocator.create(u64) catch return null; // leaked
    block.* = 7;
    return block;
}

noinline fn outer(allocator: std.mem.Allocator) ?*u64 {
    force();
    const block = inner(allocator); // leaked
    std.mem.doNotOptimizeAway(block);
    return block;
}

fn run() void {
    var debugged: std.heap.DebugAllocator(.{ .stack_trace_frames = frames }) = .init;
    force();
    const block = outer(debugged.allocator()); // leaked
    std.mem.doNotOptimizeAway(block);
    _ = debugged.detectLeaks();

    // Directly: begins with who called this function, however deep its own frame is.
    var addresses: [frames]usize = undefined;
    force();
    captured(&addresses); // captured
}

noinline fn captured(addresses: *[frames]usize) void {
    force();
    const trace = std.debug.captureCurrentStackTrace(.{ .first_address = @returnAddress() }, addresses);
    splitstack.onSystemStack(listed, .{ "captured", trace.return_addresses });
}

pub export fn main() callconv(.c) c_int {
    splitstack.Thread.enter() catch return 3;
    const fiber = splitstack.Fiber.init(.{ .budget_bytes = stack_bytes }, run, .{}) catch return 3;
    _ = fiber.@"resume"() catch return 4;
    _ = fflush(null);
    return 0;
}

/// By which the audit of the linked program (harness/docs/RESERVE.md) knows the functions of this unit.
export const hs_unit: u64 = 0;
