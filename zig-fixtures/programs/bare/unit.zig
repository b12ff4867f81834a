//! Three fibers that recurse and yield in turns, so that their stacks grow and shrink side by side: two sum up what each level
//! keeps on its stack, the last one fails at the bottom and counts the errdefers on its way out. See host.zig.

const rt = @import("rt");

pub const panic = rt.panic;

extern fn hs_event(kind: u32, a: u32, b: u64) void;
extern fn hs_yield(site: u32) void;
extern fn hs_opaque(pointer: *const anyopaque) *const anyopaque;

const words = 40;
const event_sum = 1;
const event_cleanups = 2;

/// More arguments than registers take: those on the stack must arrive on the new segment too.
noinline fn descend(
    n: u32,
    fiber: u32,
    cleanups: *u64,
    fails: bool,
    a: u64,
    b: u64,
    c: u64,
    d: u64,
    e: u64,
    f: u64,
) error{Bottom}!u64 {
    errdefer cleanups.* += 1;
    var frame: [words]u64 = @splat(0);
    frame[n % words] = @as(u64, n) * 2654435761 + fiber;
    const seen: *const [words]u64 = @ptrCast(@alignCast(hs_opaque(&frame)));
    if (n % 50 == 0) hs_yield(0);
    if (n == 0) return if (fails) error.Bottom else a ^ b ^ c ^ d ^ e ^ f;
    const below = try descend(n - 1, fiber, cleanups, fails, b, c, d, e, f, a);
    return below +% seen[n % words];
}

fn run(fiber: u32, fails: bool) void {
    var cleanups: u64 = 0;
    if (descend(600 + 100 * fiber, fiber, &cleanups, fails, 1, 2, 4, 8, 16, 32)) |sum| {
        hs_event(event_sum, fiber, sum);
    } else |_| {
        hs_event(event_cleanups, fiber, cleanups);
    }
}

fn first() callconv(.c) void {
    run(0, false);
}

fn second() callconv(.c) void {
    run(1, false);
}

fn failing() callconv(.c) void {
    run(2, true);
}

const fibers = [_]rt.Fiber{ first, second, failing };
const programs = [_]rt.Program{rt.program(&fibers)};

export const hs_unit: rt.Unit = rt.unit(&programs);
