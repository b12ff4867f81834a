//! Which vector registers there are.

/// What of the vector registers both the CPU (CPUID) and the kernel (XCR0) give: 0 xmm, 1 ymm, 2 zmm with 64-bit masks.
pub fn detect() u32 {
    const features = cpuid(1, 0);
    const osxsave = (features[2] >> 27) & 1 == 1;
    const avx = (features[2] >> 28) & 1 == 1;
    if (!osxsave or !avx) return 0;
    const enabled = xgetbv();
    if (enabled & 6 != 6) return 0;
    const more = cpuid(7, 0);
    const avx512 = (more[1] >> 16) & 1 == 1 and (more[1] >> 30) & 1 == 1; // F and BW
    return if (avx512 and enabled & 0xe0 == 0xe0) 2 else 1;
}

fn cpuid(leaf: u32, subleaf: u32) [4]u32 {
    var a: u32 = undefined;
    var b: u32 = undefined;
    var c: u32 = undefined;
    var d: u32 = undefined;
    asm volatile ("cpuid"
        : [a] "={eax}" (a),
          [b] "={ebx}" (b),
          [c] "={ecx}" (c),
          [d] "={edx}" (d),
        : [leaf] "{eax}" (leaf),
          [subleaf] "{ecx}" (subleaf),
    );
    return .{ a, b, c, d };
}

fn xgetbv() u32 {
    return asm volatile ("xgetbv"
        : [low] "={eax}" (-> u32),
        : [which] "{ecx}" (@as(u32, 0)),
        : .{ .edx = true });
}
