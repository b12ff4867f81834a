//! The system calls of the segment code, raw: libc's wrappers would touch errno and may be interposed, and std's may use vector
//! registers.

pub const ENOMEM = 12;

/// What a refusal is told apart by; the number is kept for the message.
pub const Error = error{ ENOMEM, EINVAL, EAGAIN, Other };

pub fn number(err: Error) u32 {
    return switch (err) {
        error.ENOMEM => ENOMEM,
        error.EINVAL => 22,
        error.EAGAIN => 11,
        error.Other => 0,
    };
}

pub const Protection = enum(u64) { none = 0, read_write = 3 };

const sys_mmap = 9;
const sys_mprotect = 10;
const sys_munmap = 11;
const sys_sched_yield = 24;
const sys_madvise = 28;

const map_private_anonymous_noreserve = 0x2 | 0x20 | 0x4000;
const madv_dontneed = 4;
const madv_hugepage = 14;
const madv_nohugepage = 15;
const madv_guard_install = 102;
const madv_guard_remove = 103;

/// Address space without access.
pub fn reserve(bytes: u64) Error!u64 {
    return check(call(sys_mmap, .{ 0, bytes, 0, map_private_anonymous_noreserve, ~@as(u64, 0), 0 }));
}

pub fn map(bytes: u64) Error!u64 {
    return check(call(sys_mmap, .{ 0, bytes, @intFromEnum(Protection.read_write), map_private_anonymous_noreserve, ~@as(u64, 0), 0 }));
}

pub fn unmap(low: u64, bytes: u64) u64 {
    return call(sys_munmap, .{ low, bytes, 0, 0, 0, 0 });
}

pub fn protect(low: u64, bytes: u64, protection: Protection) Error!void {
    _ = try check(call(sys_mprotect, .{ low, bytes, @intFromEnum(protection), 0, 0, 0 }));
}

/// The pages go back to the system; the next touch finds zeros.
pub fn forget(low: u64, bytes: u64) void {
    _ = call(sys_madvise, .{ low, bytes, madv_dontneed, 0, 0, 0 });
}

/// A wish: systems without them, or set to `never`, go on with small pages.
pub fn withHugePages(low: u64, bytes: u64) void {
    _ = call(sys_madvise, .{ low, bytes, madv_hugepage, 0, 0, 0 });
}

pub fn withoutHugePages(low: u64, bytes: u64) void {
    _ = call(sys_madvise, .{ low, bytes, madv_nohugepage, 0, 0, 0 });
}

pub fn installGuard(low: u64, bytes: u64) Error!void {
    _ = try check(call(sys_madvise, .{ low, bytes, madv_guard_install, 0, 0, 0 }));
}

pub fn removeGuard(low: u64, bytes: u64) Error!void {
    _ = try check(call(sys_madvise, .{ low, bytes, madv_guard_remove, 0, 0, 0 }));
}

pub fn yield() void {
    _ = call(sys_sched_yield, .{ 0, 0, 0, 0, 0, 0 });
}

fn check(result: u64) Error!u64 {
    if (result < ~@as(u64, 4095)) return result;
    return switch (~result + 1) {
        ENOMEM => error.ENOMEM,
        11 => error.EAGAIN,
        22 => error.EINVAL,
        else => error.Other,
    };
}

fn call(which: u64, arguments: [6]u64) u64 {
    return asm volatile ("syscall"
        : [result] "={rax}" (-> u64),
        : [number] "{rax}" (which),
          [a] "{rdi}" (arguments[0]),
          [b] "{rsi}" (arguments[1]),
          [c] "{rdx}" (arguments[2]),
          [d] "{r10}" (arguments[3]),
          [e] "{r8}" (arguments[4]),
          [f] "{r9}" (arguments[5]),
        : .{ .rcx = true, .r11 = true, .memory = true });
}
