//! @branchHint, threadlocal exports, @call with modifiers, inline for over tuples
export threadlocal var hs_cell: u64 = 0;

noinline fn cold() u64 {
    @branchHint(.cold);
    return 1;
}

export fn hs_rung(a: u64) callconv(.c) u64 {
    var sum: u64 = hs_cell;
    inline for (.{ 1, 2, 3 }) |n| sum += n;
    return sum + if (a == 0) @call(.never_inline, cold, .{}) else 0;
}
