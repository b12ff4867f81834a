//! What the driver asks of the kernel, without std or libc, and what it writes: lines to standard output, by a buffer.

extern fn hs_abi_syscall(number: u64, a: u64, b: u64, c: u64, d: u64) callconv(.c) i64;
extern fn hs_abi_signal() callconv(.c) void;
extern fn hs_abi_restorer() callconv(.c) void;

var signal_stack: [8192]u64 align(64) = undefined;

const sys_write = 1;
const sys_read = 0;
const sys_rt_sigaction = 13;
const sys_pipe = 22;
const sys_setitimer = 38;
const sys_sigaltstack = 131;
const itimer_prof = 2;
const sigprof = 27;

/// SIGPROF after so many microseconds of this process's own time, for probes that never return.
pub fn timer(microseconds: u64) void {
    const value = [4]u64{ 0, 0, 0, microseconds };
    _ = hs_abi_syscall(sys_setitimer, itimer_prof, @intFromPtr(&value), 0, 0);
}

var pipe: [2]i32 = .{ -1, -1 };

pub fn catchSignals() void {
    const Action = extern struct { handler: usize, flags: u64, restorer: usize, mask: u64 };
    const siginfo = 4;
    const restorer = 0x04000000;
    const on_stack = 0x08000000;
    const no_defer = 0x40000000;
    const action: Action = .{
        .handler = @intFromPtr(&hs_abi_signal),
        .flags = siginfo | restorer | on_stack | no_defer,
        .restorer = @intFromPtr(&hs_abi_restorer),
        .mask = 0,
    };
    const alternate = [3]u64{ @intFromPtr(&signal_stack), 0, @sizeOf(@TypeOf(signal_stack)) };
    _ = hs_abi_syscall(sys_sigaltstack, @intFromPtr(&alternate), 0, 0, 0);
    // Illegal instruction, trap, abort, bus error, arithmetic, segmentation fault, and the timer.
    for ([_]u64{ 4, 5, 6, 7, 8, 11, sigprof }) |signal| {
        _ = hs_abi_syscall(sys_rt_sigaction, signal, @intFromPtr(&action), 0, 8);
    }
    _ = hs_abi_syscall(sys_pipe, @intFromPtr(&pipe), 0, 0, 0);
}

/// Memory that may not be there, by way of the kernel, which says so instead of sending a signal; zeroes then.
pub fn peek(address: u64, copy: []u8) void {
    for (copy) |*byte| byte.* = 0;
    const written = hs_abi_syscall(sys_write, @intCast(pipe[1]), address, copy.len, 0);
    if (written > 0) _ = hs_abi_syscall(sys_read, @intCast(pipe[0]), @intFromPtr(copy.ptr), @intCast(written), 0);
}

// Printing.

var buffer: [1 << 16]u8 = undefined;
var used: u64 = 0;

pub fn flush() void {
    var done: u64 = 0;
    while (done < used) {
        const count = hs_abi_syscall(sys_write, 1, @intFromPtr(&buffer) + done, used - done, 0);
        if (count <= 0) break;
        done += @intCast(count);
    }
    used = 0;
}

pub fn character(byte: u8) void {
    if (used == buffer.len) flush();
    buffer[used] = byte;
    used += 1;
}

pub fn text(words: []const u8) void {
    for (words) |byte| character(byte);
}

pub fn hex(bytes: []const u8) void {
    for (bytes) |byte| {
        character("0123456789abcdef"[byte >> 4]);
        character("0123456789abcdef"[byte & 15]);
    }
}

/// In hexadecimal.
pub fn number(value: u64) void {
    var shift: u6 = 60;
    while (shift > 0 and value >> shift == 0) shift -= 4;
    while (true) : (shift -= 4) {
        character("0123456789abcdef"[value >> shift & 15]);
        if (shift == 0) return;
    }
}
