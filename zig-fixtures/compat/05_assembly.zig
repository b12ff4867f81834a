//! inline assembly with clobbers as a struct, and callconv(.naked)
export fn hs_rung(a: u64) callconv(.c) u64 {
    return asm volatile ("mov %[a], %[result]"
        : [result] "=r" (-> u64),
        : [a] "r" (a),
        : .{ .rcx = true, .memory = true });
}

export fn hs_naked() callconv(.naked) void {
    asm volatile ("ret");
}
