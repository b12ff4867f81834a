//! A program with a frame of more than a page, which compiler_rt's __zig_probe_stack touches.
pub const panic = @import("std").debug.no_panic;

extern fn rand() callconv(.c) c_int;

noinline fn large() u8 {
    var bytes: [16384]u8 = undefined;
    const volatile_bytes: [*]volatile u8 = &bytes;
    volatile_bytes[@intCast(rand() & 1023)] = 1;
    return volatile_bytes[7];
}

pub export fn main() callconv(.c) c_int {
    return large() & 1;
}
