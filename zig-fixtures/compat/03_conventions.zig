//! callconv(.c), callconv(.auto) and function pointers
fn plain(a: u64) callconv(.auto) u64 {
    return a;
}

export fn hs_rung(a: u64) callconv(.c) u64 {
    const pointer: *const fn (u64) u64 = &plain;
    return pointer(a);
}
