//! The handler of a signal that a tracer sends at an instruction of its choice: it takes the interrupted thread's trace in two ways, for the
//! tracer to read (Harness.Verification/Stepping). Not split: it runs whatever the limit is.

const std = @import("std");
const linux = std.os.linux;
const abi = @import("abi");
const dwarf = @import("dwarf.zig");

const signal: std.c.SIG = @enumFromInt(43);
const frames_max = 1024;

/// What a handler found; the tracer reads it when the handler has returned.
const Trace = extern struct {
    count: u64 = 0,
    end: u64 = 0,
    addresses: [frames_max]u64 = undefined,
};
export var hs_interrupted_frame_pointers: Trace = .{};
export var hs_interrupted_dwarf: Trace = .{};

/// std.debug wants room.
var signal_stack: [512 << 10]u8 align(16) = undefined;

/// Through the C library: what its handlers return to has rows, Zig's own has none.
/// 0: the system refuses.
export fn hs_interrupted_install() callconv(.c) u32 {
    var stack: std.c.stack_t = .{ .sp = &signal_stack, .flags = 0, .size = signal_stack.len };
    const action: std.c.Sigaction = .{
        .handler = .{ .sigaction = onSignal },
        .mask = std.mem.zeroes(std.c.sigset_t),
        .flags = std.c.SA.SIGINFO | std.c.SA.ONSTACK,
    };
    return @intFromBool(std.c.sigaltstack(&stack, null) == 0 and std.c.sigaction(signal, &action, null) == 0);
}

fn onSignal(_: std.c.SIG, _: *const std.c.siginfo_t, context: ?*anyopaque) callconv(.c) void {
    const ucontext: *const abi.Ucontext = @ptrCast(@alignCast(context.?));
    walk(&ucontext.gregs);
    var end: u32 = 0;
    hs_interrupted_dwarf.count = dwarf.captureInterrupted(&ucontext.gregs, &hs_interrupted_dwarf.addresses, frames_max, &end);
    hs_interrupted_dwarf.end = end;
}

/// The chain of saved frame pointers, whatever it is here: the kernel says whether a word can be read.
fn walk(gregs: *const [23]u64) void {
    const into = &hs_interrupted_frame_pointers;
    into.addresses[0] = gregs[abi.greg.rip];
    into.count = 1;
    var frame = gregs[abi.greg.rbp];
    while (frame != 0 and into.count < frames_max) : (into.count += 1) {
        var words: [2]u64 = undefined;
        if (!read(frame, &words)) break;
        into.addresses[into.count] = words[1];
        frame = words[0];
    }
    into.end = @intFromBool(frame != 0);
}

fn read(address: u64, words: *[2]u64) bool {
    const own = [_]std.posix.iovec{.{ .base = @ptrCast(words), .len = 16 }};
    const other = [_]std.posix.iovec_const{.{ .base = @ptrFromInt(address), .len = 16 }};
    return linux.process_vm_readv(linux.getpid(), &own, &other, 0) == 16;
}
