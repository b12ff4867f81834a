//! errors, defer and errdefer
const E = error{ A, B };

fn fallible(a: u32, sum: *u32) E!u32 {
    defer sum.* += 1;
    errdefer |e| sum.* += if (e == error.A) 2 else 3;
    if (a == 0) return error.A;
    return a;
}

export fn hs_rung(a: u32) u32 {
    var sum: u32 = 0;
    return (fallible(a, &sum) catch 0) + sum;
}
