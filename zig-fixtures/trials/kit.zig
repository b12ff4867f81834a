//! What the trials share: one thread, one stack, any plan, and the real stubs and segment allocator below. A trial calls a function on a
//! stack pointer of its choice; there are no fibers and no scheduler.

const std = @import("std");
const runtime = @import("abi");
pub const abi = @import("worker_abi");

pub extern fn hs_stack_open(stack: *abi.Stack, usable_bytes: u64) callconv(.c) u64;
pub extern fn hs_stack_close(stack: *runtime.Stack) callconv(.c) u64;
pub extern fn hs_trial_call(target: *const anyopaque, rsp: u64, argument: u64) callconv(.c) u64;

pub const page_bytes = 4096;

/// Begins with the layout that morestack.S reads.
pub export threadlocal var hs_thread: abi.Thread = .{};

pub var stack: abi.Stack = .{ .core = .{ .reserve_bytes = abi.reserve_bytes } };
var system_stack: [64 << 10]u8 align(64) = undefined;

/// The runtime asks for this when the reserve beyond a budget or the arena is used up.
export fn hs_reserve_exhausted(_: u64, _: u64) callconv(.c) noreturn {
    stop("the runtime has used up its reserve or the arena", .{});
}

// Where morestack.S's fibers end: trials have none.
comptime {
    for (.{ "faulted", "fiber_returned" }) |name| @export(&noFiber, .{ .name = "hs_rt_" ++ name });
}

fn noFiber() callconv(.c) noreturn {
    stop("a fiber ended, and trials have none", .{});
}

pub fn stop(comptime format: []const u8, args: anytype) noreturn {
    @branchHint(.cold);
    say("FAILED: " ++ format, args);
    std.c._exit(1);
}

/// One line on standard output.
pub fn say(comptime format: []const u8, args: anytype) void {
    var text: [1024]u8 = undefined;
    const message = std.fmt.bufPrint(&text, format ++ "\n", args) catch "(a line too long)\n";
    var done: usize = 0;
    while (done < message.len) {
        const count = std.c.write(1, message[done..].ptr, message.len - done);
        if (count <= 0) std.c._exit(3);
        done += @intCast(count);
    }
}

/// For the root file: `pub const panic = kit.panic`.
pub const panic = std.debug.FullPanic(struct {
    fn panicked(message: []const u8, _: ?usize) noreturn {
        stop("panic: {s}", .{message});
    }
}.panicked);

pub const std_options: std.Options = .{ .enable_segfault_handler = false, .allow_stack_tracing = false };

/// Reserves the arena, once, between two no-access pages.
pub fn start() void {
    const bytes = abi.arena_bytes + 2 * page_bytes;
    const memory = std.c.mmap(null, bytes, .{ .READ = true, .WRITE = true }, .{ .TYPE = .PRIVATE, .ANONYMOUS = true, .NORESERVE = true }, -1, 0);
    if (memory == std.c.MAP_FAILED) stop("cannot reserve {d} bytes of address space; raise the memory limit", .{bytes});
    const base = @intFromPtr(memory);
    protect(base, page_bytes, false);
    protect(base + page_bytes + abi.arena_bytes, page_bytes, false);
    stack.arena = base + page_bytes;
    hs_thread.core.stack = &stack.core;
    hs_thread.core.system_rsp = @intFromPtr(&system_stack) + system_stack.len;
}

pub fn protect(address: u64, bytes: u64, accessible: bool) void {
    const result = std.c.mprotect(@ptrFromInt(address), bytes, .{ .READ = accessible, .WRITE = accessible });
    if (result != 0) stop("mprotect of {d} bytes at {x} fails", .{ bytes, address });
}

/// A fresh stack under a plan, its first segment in force. Returns where the stack starts: the segment's header.
pub fn open(plan: abi.Plan, usable_bytes: u64) u64 {
    hs_thread.plan = plan;
    hs_thread.core.warm_splits = 0;
    const top = hs_stack_open(&stack, usable_bytes);
    abi.setLimit(stack.core.segment.?.limit);
    return top;
}

/// Ends it: no segment may be left, and the runtime may not have complained.
pub fn close() void {
    const leaked = hs_stack_close(&stack.core);
    const plan = &hs_thread.plan;
    if (leaked != 0) stop("{d} segments were leaked", .{leaked});
    if (plan.failures != 0) stop("the runtime reports failure bits {x} at {x} (abi.zig, fail_…)", .{ plan.failures, plan.fail_address });
}

/// Moves the limit of the segment in use, as if it were larger or smaller.
pub fn setLimit(limit: u64) void {
    stack.core.segment.?.limit = limit;
    abi.setLimit(limit);
}

/// SplitMix64, as everywhere in the harness: trials repeat exactly.
pub const Random = struct {
    state: u64,

    pub fn next(self: *Random) u64 {
        self.state +%= 0x9E3779B97F4A7C15;
        var z = self.state;
        z = (z ^ z >> 30) *% 0xBF58476D1CE4E5B9;
        z = (z ^ z >> 27) *% 0x94D049BB133111EB;
        return z ^ z >> 31;
    }

    pub fn fill(self: *Random, bytes: []u8) void {
        for (bytes) |*byte| byte.* = @truncate(self.next());
    }
};
