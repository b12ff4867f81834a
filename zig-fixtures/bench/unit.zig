//! The workloads: the same code twice in one unit, once with split checks and once without (the names `unit.Code(false).…` and
//! `bench_plain_…` are left out when the route puts checks in). Needs nothing but a stack, so any runtime can carry it: ours, libgcc's.

const std = @import("std");

pub const panic = std.debug.no_panic;

/// Bytes before all of its code: the benchmark builds it with several (BenchmarkBuilder), as code's speed depends on where it lies.
const code_after_bytes = 0;

comptime {
    if (code_after_bytes > 0) asm (std.fmt.comptimePrint(".text\n.skip {d}, 0xcc", .{code_after_bytes}));
}

/// What a hot call and a call of the deep recursion keep on the stack; main.go says the same.
const hot_bytes = 512;
const deep_bytes = 3000;
const shallow_bytes = 256;
const sorted_count = 512;

pub fn Code(comptime split: bool) type {
    return struct {
        /// No instruction, but LLVM would make one function of two that are alike.
        inline fn mark() void {
            if (split) asm volatile ("# with a check") else asm volatile ("# without");
        }

        /// Where it stands.
        noinline fn leaf(before: u64) u64 {
            mark();
            var room: [hot_bytes]u8 = undefined;
            keep(&room);
            return @intFromPtr(&room) | (before & 1);
        }

        /// Goes down by frames as small as can be and calls the leaf from there; returns how far the leaf's frame is from the caller's.
        noinline fn hot(levels: u64, count: u64) u64 {
            mark();
            if (levels > 0) return kept(hot(levels - 1, count));
            var here: u64 = undefined;
            keep(&here);
            var there: u64 = 0;
            for (0..count) |_| there = leaf(there);
            return if (there > @intFromPtr(&here)) there - @intFromPtr(&here) else @intFromPtr(&here) - there;
        }

        noinline fn deep(levels: u64) u64 {
            mark();
            var room: [deep_bytes]u8 = undefined;
            room[deep_bytes - 1] = @truncate(levels);
            keep(&room);
            if (levels == 0) return room[deep_bytes - 1];
            return deep(levels - 1) +% room[deep_bytes - 1];
        }

        pub noinline fn shallow(levels: u64) u64 {
            mark();
            var room: [shallow_bytes]u8 = undefined;
            room[shallow_bytes - 1] = @truncate(levels);
            keep(&room);
            if (levels <= 1) return room[shallow_bytes - 1];
            return shallow(levels - 1) +% room[shallow_bytes - 1];
        }

        noinline fn fib(n: u64) u64 {
            mark();
            return if (n < 2) n else fib(n - 1) +% fib(n - 2);
        }

        const Less = *const fn (*const u32, *const u32) bool;

        noinline fn less(a: *const u32, b: *const u32) bool {
            mark();
            return a.* < b.*;
        }

        noinline fn exchange(a: *u32, b: *u32) void {
            mark();
            std.mem.swap(u32, a, b);
        }

        noinline fn partition(items: []u32, before: Less) usize {
            mark();
            const last = items.len - 1;
            exchange(&items[items.len / 2], &items[last]);
            var at: usize = 0;
            for (items[0..last]) |*item| {
                if (!before(item, &items[last])) continue;
                exchange(item, &items[at]);
                at += 1;
            }
            exchange(&items[at], &items[last]);
            return at;
        }

        noinline fn sort(items: []u32, before: Less) void {
            mark();
            if (items.len < 2) return;
            const at = partition(items, before);
            sort(items[0..at], before);
            sort(items[at + 1 ..], before);
        }

        /// Quicksort with a comparison through a pointer and an exchange of its own: hardly anything but calls.
        noinline fn calls(rounds: u64) u64 {
            mark();
            var items: [sorted_count]u32 = undefined;
            var sum: u64 = 0;
            for (0..rounds) |round| {
                var state: u32 = @truncate(round *% 2 +% 1);
                for (&items) |*item| {
                    state = state *% 1664525 +% 1013904223;
                    item.* = state;
                }
                var before: Less = less;
                keep(@ptrCast(&before)); // or the optimiser knows which function it is
                sort(&items, before);
                sum +%= items[round % sorted_count];
            }
            return sum;
        }

        fn hotC(levels: u64, n: u64) callconv(.c) u64 {
            return hot(levels, n);
        }
        fn deepC(levels: u64, _: u64) callconv(.c) u64 {
            return deep(levels);
        }
        fn shallowC(levels: u64, _: u64) callconv(.c) u64 {
            return shallow(levels);
        }
        fn fibC(n: u64, _: u64) callconv(.c) u64 {
            return fib(n);
        }
        fn callsC(rounds: u64, _: u64) callconv(.c) u64 {
            return calls(rounds);
        }

        const table: Workloads = .{ .hot = hotC, .deep = deepC, .shallow = shallowC, .fib = fibC, .calls = callsC };
    };
}

/// Also in kit.zig and libgcc.c.
const Workload = *const fn (u64, u64) callconv(.c) u64;
const Workloads = extern struct { hot: Workload, deep: Workload, shallow: Workload, fib: Workload, calls: Workload };

export const bench_split: Workloads = Code(true).table;
export const bench_plain: Workloads = Code(false).table;

/// The optimiser must take the memory for read and written.
inline fn keep(memory: *anyopaque) void {
    asm volatile (""
        :
        : [memory] "r" (memory),
        : .{ .memory = true });
}

/// Not a tail call.
inline fn kept(value: u64) u64 {
    return asm volatile (""
        : [result] "=r" (-> u64),
        : [value] "0" (value),
    );
}
