//! What the frame trial (frames.zig) runs, compiled and split as any unit of generated programs is: a function for every frame size from 0 to
//! 5,000 in steps of 8, and callers and callees with stack arguments of many sizes and alignments.

const rt = @import("rt");

pub const panic = rt.panic;

const frame_step = 8;
const frame_max = 5000;

extern fn hs_trial_write(bytes: [*]u8, count: usize) void;
extern fn hs_trial_sum(bytes: [*]const u8, count: usize) u64;
extern fn hs_trial_overwrite(bytes: [*]u8, count: usize) void;

const Frame = extern struct { bytes: u64, alignment: u64, function: *const fn () callconv(.c) void };

fn Filling(comptime bytes: usize, comptime alignment: usize) type {
    return struct {
        fn fill() callconv(.c) void {
            var buffer: [bytes]u8 align(alignment) = undefined;
            hs_trial_write(&buffer, bytes);
        }
    };
}

const frames = blk: {
    @setEvalBranchQuota(10_000);
    var table: [frame_max / frame_step + 1]Frame = undefined;
    for (&table, 0..) |*entry, i| entry.* = .{ .bytes = i * frame_step, .alignment = 1, .function = &Filling(i * frame_step, 1).fill };
    break :blk table;
};

/// Frames that are realigned. Every residue of stack is tried with them too, so a few sizes on both sides of what checks ask for do.
const aligned_sizes = [_]usize{ 8, 248, 256, 1000, 4096 };
const frame_alignments = [_]usize{ 32, 64, 128, 256, 512, 1024, 2048, 4096 };

const aligned = blk: {
    var table: [aligned_sizes.len * frame_alignments.len]Frame = undefined;
    for (&table, 0..) |*entry, i| {
        const bytes = aligned_sizes[i / frame_alignments.len];
        const alignment = frame_alignments[i % frame_alignments.len];
        entry.* = .{ .bytes = bytes, .alignment = alignment, .function = &Filling(bytes, alignment).fill };
    }
    break :blk table;
};

/// `function(seed)`: 0, or 1 when the callee saw something else than what was passed.
const Passing = extern struct { bytes: u64, alignment: u64, function: *const fn (u64) callconv(.c) u64 };

fn Passed(comptime bytes: usize, comptime alignment: usize) type {
    return struct {
        const Value = extern struct { content: [bytes]u8 align(alignment) };

        // Six integers fill the registers, so that the words after the value lie on the stack as well.
        noinline fn take(a: u64, b: u64, c: u64, d: u64, e: u64, f: u64, value: Value, after: u64, last: u64) callconv(.c) u64 {
            const sum = hs_trial_sum(&value.content, bytes);
            // As C's functions may do with what is passed to them: it is the callee's own. Zig takes a copy where an address is asked for, so this
            // is the place above the saved rbp and the return address itself, if what was passed lies there.
            @setRuntimeSafety(false); // the trial has nobody to panic to
            const passed: [*]u8 = @ptrFromInt((@frameAddress() + 16 + alignment - 1) & ~@as(usize, alignment - 1));
            if (hs_trial_sum(passed, bytes) == sum) hs_trial_overwrite(passed, bytes);
            return sum +% a +% b *% 3 +% c *% 5 +% d *% 7 +% e *% 11 +% f *% 13 +% after *% 17 +% last *% 19;
        }

        fn give(seed: u64) callconv(.c) u64 {
            var value: Value = undefined;
            for (&value.content, 0..) |*byte, i| byte.* = @truncate(seed +% i *% 0x9d);
            const sum = hs_trial_sum(&value.content, bytes);
            const s = seed;
            const got = take(s, s +% 1, s +% 2, s +% 3, s +% 4, s +% 5, value, s +% 6, s +% 7);
            const want = sum +% s +% (s +% 1) *% 3 +% (s +% 2) *% 5 +% (s +% 3) *% 7 +% (s +% 4) *% 11 +% (s +% 5) *% 13 +%
                (s +% 6) *% 17 +% (s +% 7) *% 19;
            // The caller's own value is as it was.
            return @intFromBool(got != want or hs_trial_sum(&value.content, bytes) != sum);
        }
    };
}

const sizes = [_]usize{ 24, 64, 72, 192, 512, 1000, 2048, 4096 };
const alignments = [_]usize{ 8, 16, 32, 64 };

const passings = blk: {
    var table: [sizes.len * alignments.len]Passing = undefined;
    for (&table, 0..) |*entry, i| {
        const bytes = sizes[i / alignments.len];
        const alignment = alignments[i % alignments.len];
        entry.* = .{ .bytes = bytes, .alignment = alignment, .function = &Passed(bytes, alignment).give };
    }
    break :blk table;
};

pub const Unit = extern struct {
    frame_count: u64 = frames.len,
    frames: [*]const Frame = &frames,
    aligned_count: u64 = aligned.len,
    aligned: [*]const Frame = &aligned,
    passing_count: u64 = passings.len,
    passings: [*]const Passing = &passings,
};

export const hs_unit: Unit = .{};
