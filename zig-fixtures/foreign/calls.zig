//! Calls of C, variadic and library functions, and split code that these call back.

const std = @import("std");
const splitstack = @import("splitstack");
const kit = @import("kit.zig");

extern fn snprintf(into: [*]u8, bytes: usize, format: [*:0]const u8, ...) c_int;
extern fn strtod(text: [*:0]const u8, end: ?*[*:0]const u8) f64;
extern fn malloc(bytes: usize) ?[*]u8;
extern fn free(memory: ?[*]u8) void;
const Comparator = *const fn (*const anyopaque, *const anyopaque) callconv(.c) c_int;
extern fn qsort(base: *anyopaque, count: usize, size: usize, compare: Comparator) void;
extern fn bsearch(key: *const anyopaque, base: *const anyopaque, count: usize, size: usize, compare: Comparator) ?*const u32;
extern fn foreign_mixed(kinds: [*:0]const u8, ...) f64;
extern fn foreign_fill(bytes: u32) u64;
extern fn foreign_apply(f: kit.Callback, context: ?*anyopaque) void;
/// Floating-point arguments come before those on the stack, here and below: after one there, Zig 0.16's own backend passes them wrongly,
/// split or not.
const Many = *const fn (f64, f32, u64, u64, u64, u64, u64, u64, u64, u64, u64) callconv(.c) u64;
extern fn foreign_many(f: Many, x: u64) u64;

/// For what C functions here, and the C library's, need.
const headroom = 12 << 10;

pub const scenarios = [_]kit.Scenario{
    .{ .name = "variadic functions and the C library", .run = variadic, .expected = 2 },
    .{ .name = "qsort and bsearch with a Zig comparator", .run = sorting, .expected = 2 },
    .{ .name = "C and Zig in turns", .run = nesting, .expected = 7 },
    .{ .name = "stack arguments from C", .run = manyArguments, .expected = 2 },
    .{ .name = "headroom that foreign code uses up", .run = headrooms, .expected = 4 },
    .{ .name = "yield in a callback", .run = waiting, .expected = 13 },
};

const text = "-12|17179869184|split|3.1416|2.5e+300|c|0xbeef|7|0.25";
const format = "%d|%lld|%s|%.4f|%.1e|%c|%#x|%zu|%.2Lf";

fn printsRight(system: bool) bool {
    var buffer: [96]u8 = @splat(0);
    const arguments = .{
        @as([*]u8, &buffer),      @as(usize, buffer.len),      @as([*:0]const u8, format), @as(c_int, -12),
        @as(c_longlong, 1 << 34), @as([*:0]const u8, "split"), @as(f64, 3.14159265),       @as(f64, 2.5e300),
        @as(c_int, 'c'),          @as(c_uint, 0xbeef),         @as(usize, 7),              @as(c_longdouble, 0.25),
    };
    const length = if (system) splitstack.onSystemStack(snprintf, arguments) else splitstack.withHeadroom(headroom, snprintf, arguments);
    kit.check();
    return length == text.len and std.mem.eql(u8, buffer[0..text.len], text);
}

fn sumsRight(system: bool) bool {
    const arguments = .{
        @as([*:0]const u8, "idlsididD"), @as(c_int, 1), @as(f64, 2.5), @as(c_longlong, 1 << 40), @as([*:0]const u8, "four"),
        @as(c_int, -3),                  @as(f64, 100), @as(c_int, 9), @as(f64, 0.25),           @as(c_longdouble, 0.5),
    };
    const sum = if (system) splitstack.onSystemStack(foreign_mixed, arguments) else splitstack.withHeadroom(headroom, foreign_mixed, arguments);
    return sum == @as(f64, 1 << 40) + 114.25;
}

fn allocates() bool {
    const memory = splitstack.onSystemStack(malloc, .{@as(usize, 100_000)}) orelse return false;
    defer splitstack.onSystemStack(free, .{memory});
    memory[99_999] = 1;
    return splitstack.withHeadroom(headroom, strtod, .{ @as([*:0]const u8, "6.25e2"), @as(?*[*:0]const u8, null) }) == 625;
}

fn variadic() u64 {
    var right: u64 = 0;
    for ([_]bool{ false, true }) |system| right += @intFromBool(printsRight(system) and sumsRight(system) and allocates());
    return right;
}

// ── Callbacks ───────────────────────────────────────────────────────────────────────────────────────────────────

fn compare(a: *const anyopaque, b: *const anyopaque) callconv(.c) c_int {
    const left: *const u32 = @ptrCast(@alignCast(a));
    const right: *const u32 = @ptrCast(@alignCast(b));
    const levels = left.* % 7;
    if (kit.descend(levels, kit.nothing, null) != levels + 1) return 0;
    return if (left.* < right.*) -1 else @intFromBool(left.* > right.*);
}

fn sortsRight(system: bool) bool {
    var numbers: [24]u32 = undefined;
    for (&numbers, 0..) |*number, i| number.* = @as(u32, @intCast(i)) * 37 % 101;
    const all: *anyopaque = &numbers;
    const key: u32 = 37 * 5 % 101;
    if (system) splitstack.onSystemStack(qsort, .{ all, numbers.len, @sizeOf(u32), compare }) else splitstack.withHeadroom(headroom, qsort, .{ all, numbers.len, @sizeOf(u32), compare });
    for (numbers[0 .. numbers.len - 1], numbers[1..]) |a, b| if (a >= b) return false;
    const found = if (system)
        splitstack.onSystemStack(bsearch, .{ &key, all, numbers.len, @sizeOf(u32), compare })
    else
        splitstack.withHeadroom(headroom, bsearch, .{ &key, all, numbers.len, @sizeOf(u32), compare });
    kit.check();
    return found != null and found.?.* == key;
}

fn sorting() u64 {
    return @as(u64, @intFromBool(sortsRight(false))) + @intFromBool(sortsRight(true));
}

const Nest = struct { left: u32, seen: u32 = 0 };

/// The last two go to the system stack, from which nothing comes back to the fiber's.
fn nest(context: ?*anyopaque) callconv(.c) void {
    const state: *Nest = @ptrCast(@alignCast(context.?));
    kit.check();
    state.seen += 1;
    if (state.left > 0) {
        state.left -= 1;
        if (state.left >= 2) splitstack.withHeadroom(headroom, foreign_apply, .{ nest, context }) else splitstack.onSystemStack(foreign_apply, .{ nest, context });
    }
    kit.expectDeep(3);
}

fn nesting() u64 {
    var state: Nest = .{ .left = 6 };
    nest(&state);
    return state.seen;
}

fn many(x: f64, y: f32, a: u64, b: u64, c: u64, d: u64, e: u64, f: u64, g: u64, h: u64, z: u64) callconv(.c) u64 {
    kit.expectDeep(2);
    const right = b == a + 1 and c == a + 2 and d == a + 3 and e == a + 4 and f == a + 5 and g == a + 6 and h == a + 7;
    return @intFromBool(right and x == 8.5 and y == 9.25 and z == a + 10);
}

fn manyArguments() u64 {
    const near = splitstack.withHeadroom(headroom, foreign_many, .{ many, 1000 });
    const far = splitstack.onSystemStack(foreign_many, .{ many, 2000 });
    return near + far - 2;
}

// ── Headroom ────────────────────────────────────────────────────────────────────────────────────────────────────

fn sumOf(bytes: u64) u64 {
    const words = bytes / 8;
    return 7 * (words * (words - 1) / 2);
}

fn headrooms() u64 {
    var right: u64 = 0;
    right += @intFromBool(splitstack.withHeadroom(1 << 10, foreign_fill, .{800}) == sumOf(800));
    right += @intFromBool(splitstack.withHeadroom(8 << 10, foreign_fill, .{(8 << 10) - 200}) == sumOf((8 << 10) - 200));
    right += @intFromBool(splitstack.withHeadroom(splitstack.headroom_bytes_max, foreign_fill, .{40 << 10}) == sumOf(40 << 10));
    right += @intFromBool(splitstack.onSystemStack(foreign_fill, .{200 << 10}) == sumOf(200 << 10));
    kit.expectDeep(3);
    return right;
}

fn wait(context: ?*anyopaque) callconv(.c) void {
    const count: *u64 = @ptrCast(@alignCast(context.?));
    for (0..3) |_| {
        splitstack.yield();
        kit.rearm();
        kit.expectDeep(4);
        count.* += 1;
    }
}

fn deepWait(context: ?*anyopaque) callconv(.c) void {
    const count: *u64 = @ptrCast(@alignCast(context.?));
    const whole = kit.descend(9, wait, context);
    count.* += whole;
}

fn waiting() u64 {
    var count: u64 = 0;
    splitstack.withHeadroom(headroom, foreign_apply, .{ deepWait, &count });
    return count;
}
