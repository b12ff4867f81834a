//! A program that only splits break: it tells how deep its stack is from the addresses of locals, and gives up when it seems too deep.
//!     scripts/harness check zig-fixtures/programs/check/measures.zig --entry main

const std = @import("std");

var top: usize = 0;

pub fn main() !usize {
    var here: u8 = 0;
    top = @intFromPtr(&here);
    std.mem.doNotOptimizeAway(&here);
    return depth(20);
}

noinline fn depth(left: usize) error{TooDeep}!usize {
    var here: u8 = 0;
    std.mem.doNotOptimizeAway(&here);
    if (top -% @intFromPtr(&here) > 32 << 10) return error.TooDeep;
    return if (left == 0) 0 else 1 + try depth(left - 1);
}
