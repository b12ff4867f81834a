//! Boost.Context's switch, as its library ships it: a context that jumps back as soon as it is jumped to.

const std = @import("std");
const kit = @import("kit.zig");

const Transfer = extern struct { context: ?*anyopaque, data: ?*anyopaque };

extern fn make_fcontext(top: *anyopaque, bytes: usize, f: *const fn (Transfer) callconv(.c) void) callconv(.c) ?*anyopaque;
extern fn jump_fcontext(to: ?*anyopaque, data: ?*anyopaque) callconv(.c) Transfer;

var stack: [64 << 10]u8 align(64) = undefined;

fn back(first: Transfer) callconv(.c) void {
    var from = first;
    while (true) from = jump_fcontext(from.context, null);
}

pub export fn main(argc: c_int, argv: [*]const [*:0]const u8) callconv(.c) c_int {
    const request: kit.Request = .of(argc, argv);
    if (!request.is("switch")) request.unknown();
    var there = jump_fcontext(make_fcontext(stack[stack.len..].ptr, stack.len, back), null);
    var best = std.math.inf(f64);
    for (0..kit.turns) |_| {
        const began = kit.now();
        for (0..request.count) |_| there = jump_fcontext(there.context, null);
        const took: f64 = @floatFromInt(kit.now() - began);
        best = @min(best, took / @as(f64, @floatFromInt(2 * request.count)));
    }
    kit.report("switch", best);
    return 0;
}
