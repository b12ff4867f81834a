//! an exported function
export fn hs_rung(a: u32) u32 {
    return a +% 1;
}
