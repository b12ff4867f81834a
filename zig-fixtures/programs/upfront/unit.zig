//! Fibers that get their stack up front: entries of known need and some of unknown need, each run once on a painted first segment. What
//! the painting shows is how deep it went; the bound that the harness wrote into this program must not be less. A line each:
//!
//!     NAME KIND bound B measured M splits S
//!
//! KIND: `straight` (one way through, everything written, nothing realigned or probed: the bound is what is used, but for a little), `any`, or
//! `unbounded`.

const std = @import("std");
const linux = std.os.linux;
const splitstack = @import("splitstack");

pub const panic = splitstack.panic;

/// Marks the unit: its functions must have checks, and go through them.
export var hs_unit: u64 = 0;

const paint: u64 = 0x7061_696e_7465_6421;

/// From where a fiber that has not begun stands to its entry's return address (runtime/morestack.S, hs_fiber_start; abi.zig, prepareContext).
const start_offset = 40;

pub export fn main() callconv(.c) c_int {
    splitstack.Thread.enter() catch return 3;
    inline for (.{ "leaf", "chain" }) |name| run(name, "straight", @field(entries, name));
    inline for (.{ "large", "aligned", "cases", "arguments", "division", "copies", "fails", "yields", "tails" }) |name| run(name, "any", @field(entries, name));
    inline for (.{ "recursion", "byPointer" }) |name| run(name, "unbounded", @field(entries, name));
    return 0;
}

fn run(name: []const u8, kind: []const u8, comptime entry: anytype) void {
    const fiber = splitstack.Fiber.init(.{ .upfront = true, .guard_pages = true }, entry, .{}) catch stop("no memory for a fiber");
    defer fiber.deinit();
    const record = fiber.record;
    // The guard page below stays untouched.
    const low = record.slot_low + std.heap.page_size_min;
    const words = @as([*]u64, @ptrFromInt(low))[0 .. (record.stack.rsp - low) / @sizeOf(u64)];
    @memset(words, paint);
    const top = record.stack.rsp + start_offset;
    while ((fiber.@"resume"() catch stop("a fiber cannot be resumed")) == .yielded) {}
    if (fiber.outcome() != .completed and std.meta.activeTag(fiber.outcome()) != .failed) stop("a fiber ended in another way");
    const lowest = for (words) |*word| {
        if (word.* != paint) break @intFromPtr(word) + @ctz(word.* ^ paint) / 8;
    } else record.stack.rsp;
    var buffer: [256]u8 = undefined;
    const line = std.fmt.bufPrint(&buffer, "{s} {s} bound {d} measured {d} splits {d}\n", .{
        name, kind, fiber.upfrontBytes(), top - lowest, record.stack.allocations,
    }) catch unreachable;
    _ = linux.write(1, line.ptr, line.len);
}

fn stop(text: []const u8) noreturn {
    _ = linux.write(2, text.ptr, text.len);
    @trap();
}

const entries = struct {
    fn leaf() void {
        room(256);
    }

    fn chain() void {
        first();
    }

    /// More than a page: probed on the way down.
    fn large() void {
        room(20_000);
    }

    fn aligned() void {
        alignedRoom();
    }

    /// A jump table; the fifth case is the deepest.
    fn cases() void {
        // An index that is checked has no bound: its panic formats a message.
        const at: [*]const volatile u64 = &numbers;
        for (0..8) |number| choose(at[number]);
    }

    fn arguments() void {
        sink = many(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, .{ .words = @splat(11) }, 12);
    }

    /// Of compiler_rt.
    fn division() void {
        const numbers_wide: *volatile [2]u128 = &wide;
        sink = @truncate(numbers_wide[0] / numbers_wide[1]);
    }

    fn copies() void {
        var from: [4096]u8 = undefined;
        write(&from);
        var to: [4096]u8 = undefined;
        copy(&to, &from);
        sink = to[17];
    }

    /// Caught here: of a fiber that fails the runtime keeps a report in its dead stack.
    fn fails() void {
        passing() catch return;
    }

    fn yields() void {
        var here: [64]u8 = undefined;
        write(&here);
        splitstack.yield();
        room(512);
        splitstack.yield();
    }

    fn tails() void {
        sink = @call(.auto, tailed, .{numbers[2]});
    }

    fn recursion() void {
        sink = down(@as(*volatile u64, &numbers[7]).* * 40);
    }

    fn byPointer() void {
        const pointer: *const volatile *const fn () void = &function;
        pointer.*();
        room(6000);
        room(6001);
    }
};

var sink: u64 = 0;
var numbers: [8]u64 = .{ 0, 1, 2, 3, 4, 5, 6, 7 };
var wide: [2]u128 = .{ 1 << 100, 12345678901234567890123 };
var function: *const fn () void = &entries.leaf;

/// No checked arithmetic, no call: only what is written counts.
inline fn write(bytes: []u8) void {
    asm volatile ("rep stosb"
        :
        : [to] "{rdi}" (bytes.ptr),
          [count] "{rcx}" (bytes.len),
          [value] "{al}" (@as(u8, 0x5a)),
        : .{ .rdi = true, .rcx = true, .memory = true });
}

noinline fn room(comptime bytes: usize) void {
    @setRuntimeSafety(false);
    var own: [bytes]u8 = undefined;
    write(&own);
}

noinline fn first() void {
    @setRuntimeSafety(false);
    var own: [100]u8 = undefined;
    write(&own);
    second();
    write(&own);
}

noinline fn second() void {
    @setRuntimeSafety(false);
    var own: [300]u8 = undefined;
    write(&own);
    room(500);
    write(&own);
}

noinline fn alignedRoom() void {
    @setRuntimeSafety(false);
    var own: [256]u8 align(256) = undefined;
    write(&own);
}

noinline fn choose(number: u64) void {
    switch (number) {
        0 => room(64),
        1 => {
            sink +%= 1;
            room(128);
        },
        2 => {
            sink *%= 3;
            room(192);
        },
        3 => {
            sink ^= 5;
            room(320);
        },
        4 => {
            var own: [700]u8 = undefined;
            write(&own);
            room(801);
            sink +%= own[3];
        },
        5 => {
            sink |= 7;
            room(400);
        },
        6 => {
            sink -%= 9;
            room(440);
        },
        else => sink = number,
    }
}

const Wide = extern struct { words: [12]u64 };

noinline fn many(a: u64, b: u64, c: u64, d: u64, e: u64, f: u64, g: u64, h: u64, i: u64, j: u64, k: Wide, l: u64) u64 {
    room(96);
    return a +% b +% c +% d +% e +% f +% g +% h +% i +% j +% k.words[3] +% l;
}

noinline fn copy(to: *[4096]u8, from: *const [4096]u8) void {
    to.* = from.*;
}

noinline fn passing() error{ Deep, Never }!void {
    errdefer room(900);
    try failing(numbers[3]);
}

noinline fn failing(number: u64) error{ Deep, Never }!void {
    errdefer room(1200);
    if (number == 3) return error.Deep;
    if (number == 99) return error.Never;
}

noinline fn tailed(number: u64) u64 {
    var own: [200]u8 = undefined;
    write(&own);
    sink +%= own[5];
    return further(number +% 1);
}

noinline fn further(number: u64) u64 {
    var own: [333]u8 = undefined;
    write(&own);
    return own[9] +% number;
}

noinline fn down(levels: u64) u64 {
    var own: [128]u8 = undefined;
    write(&own);
    return if (levels == 0) own[1] else own[2] +% down(levels - 1);
}
