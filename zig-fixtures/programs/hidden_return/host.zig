//! Runs the shapes of unit.zig, first without and then with an overflow, and prints one line for each: did the caller notice?
//! Ends with 1 when a run without an overflow goes wrong, as then the other lines say nothing.

const std = @import("std");
const abi = @import("abi");

extern fn printf(format: [*:0]const u8, ...) c_int;

/// unit.zig explains the fields.
const Shape = extern struct {
    name: [*:0]const u8,
    by_checkpoint: u8,
    run: *const fn (u32) callconv(.c) u32,
    argument: u32,
    overflow_at: u32,
    success: u32,
    acquired_on_success: u32,
    kept_on_success: u32,
    acquired_on_overflow: u32,
};
const ShapeTable = extern struct { count: u64, items: [*]const Shape };
extern const hidden_shapes: ShapeTable;

/// What the stub reads and writes: entries until the overflow (none comes when it begins with 0; below 0 it has been), who answers it,
/// and that it happened.
export var hidden_countdown: i64 = 0;
export var hidden_by_checkpoint: u8 = 0;
export var hidden_overflowed: u8 = 0;

var acquired: u32 = 0;
var released: u32 = 0;

pub const panic = std.debug.no_panic;

/// What every caller of unit.zig gives that received the overflow.
const noticed = 77;

const Seen = struct { result: u32, acquired: u32, released: u32 };

export fn hidden_work(_: u32) u32 {
    return 0;
}

export fn hidden_checkpoint() u32 {
    defer hidden_overflowed = 0;
    return hidden_overflowed;
}

export fn hidden_acquire() void {
    acquired += 1;
}

export fn hidden_release() void {
    released += 1;
}

export fn hs_opaque(pointer: *const anyopaque) *const anyopaque {
    return pointer;
}

export fn hs_panic(message: [*]const u8, length: u64, _: u64) noreturn {
    _ = printf("panic: %.*s\n", @as(c_int, @intCast(length)), message);
    std.process.exit(9);
}

fn observe(shape: Shape, overflow_at: u32) Seen {
    acquired = 0;
    released = 0;
    hidden_overflowed = 0;
    hidden_by_checkpoint = shape.by_checkpoint;
    hidden_countdown = overflow_at;
    abi.setLimit(std.math.maxInt(i64)); // every thunk asks the stub
    const result = shape.run(shape.argument);
    abi.setLimit(0);
    return .{ .result = result, .acquired = acquired, .released = released };
}

/// Without an overflow a shape gives its success, and keeps what it should. Gives 1 when not.
fn quietly(how: [*:0]const u8, shape: Shape) u32 {
    const seen = observe(shape, 0);
    const released_then = shape.acquired_on_success - shape.kept_on_success;
    if (std.meta.eql(seen, .{ .result = shape.success, .acquired = shape.acquired_on_success, .released = released_then })) return 0;
    _ = printf("%s %s wrong without an overflow: ", how, shape.name);
    _ = printf("expected %u, released %u of %u; ", shape.success, released_then, shape.acquired_on_success);
    _ = printf("observed %u, released %u of %u\n", seen.result, seen.released, seen.acquired);
    return 1;
}

/// Says whether the caller noticed the overflow. Gives 1 when there was none.
fn overflowing(how: [*:0]const u8, shape: Shape) u32 {
    const seen = observe(shape, shape.overflow_at);
    if (hidden_countdown > 0) {
        _ = printf("%s %s never overflowed: its function was not entered through its thunk\n", how, shape.name);
        return 1;
    }
    const held = shape.acquired_on_overflow;
    if (std.meta.eql(seen, .{ .result = noticed, .acquired = held, .released = held })) {
        _ = printf("%s %s held\n", how, shape.name);
    } else {
        _ = printf("%s %s lost: expected %u, released %u of %u; ", how, shape.name, @as(u32, noticed), held, held);
        _ = printf("observed %u, released %u of %u\n", seen.result, seen.released, seen.acquired);
    }
    return 0;
}

export fn main() c_int {
    var wrong: u32 = 0;
    for (hidden_shapes.items[0..hidden_shapes.count]) |shape| {
        const how: [*:0]const u8 = if (shape.by_checkpoint != 0) "checkpoint" else "hidden";
        wrong += quietly(how, shape) + overflowing(how, shape);
    }
    return @intFromBool(wrong != 0);
}
