//! The argument trial: stack arguments of every size at every alignment reach the body exactly, wherever the caller's frame lies in its
//! segment; what the body does to them is not the caller's business; and nothing beyond the caller's segment is read, although the thunk
//! entry is not told the size. The first segment's header ends where a no-access page begins.

const std = @import("std");
const kit = @import("kit.zig");
const abi = kit.abi;

pub const panic = kit.panic;
pub const std_options = kit.std_options;

const frame_bytes = 512; // arguments.S, FRAME
const bound_unit = 64; // morestack.S: the word's bits 20–30
const bound_max = 0x7ff * bound_unit;

extern var hs_trial_seen: [0x20000]u8;
extern var hs_trial_size: u64;
extern var hs_trial_word: u64;
extern var hs_trial_rbp: u64;
extern var hs_trial_base: u64;
extern fn hs_trial_pass_llvm(rsp: u64) callconv(.c) void;
extern fn hs_trial_pass_thunk(rsp: u64) callconv(.c) void;

/// How the stub learns how much to copy.
const How = enum {
    /// LLVM's prologue says it.
    told,
    /// The caller's frame pointer says where its frame ends.
    frame_pointer,
    /// The word's bound, rounded up.
    bound,
    /// The largest bound, more than the segment holds.
    bound_beyond_segment,
    /// A frame pointer far above, as another value in rbp may look like one: cut to the segment.
    false_frame_pointer,
};

/// Where the arguments end below the segment's header.
const gaps = [_]u64{ 0, 16, 48, 64, 1024 };
const sizes_dense = 4096;
const sizes_more = [_]u64{ 4104, 6000, 8192, 16 << 10, 64 << 10, 100_000 };

var random: kit.Random = .{ .state = 2 };
var pattern: [0x20000]u8 = undefined;
var copies: u64 = 0;

pub export fn main() callconv(.c) c_int {
    kit.start();
    random.fill(&pattern);
    for (std.enums.values(How)) |how| {
        const before = copies;
        var size: u64 = 0;
        while (size <= sizes_dense) : (size += 8) all(how, size);
        for (sizes_more) |more| all(how, more);
        kit.say("checked  {t}: {d} copies, 0 to {d} bytes", .{ how, copies - before, sizes_more[sizes_more.len - 1] });
    }
    return 0;
}

fn all(how: How, size: u64) void {
    for (gaps) |gap| {
        // The ABI aligns the arguments' start to 16; types of 32 and 64 bytes get there by padding, so all residues occur.
        for ([_]u64{ 0, 16, 32, 48 }) |residue| one(how, size, gap, residue);
    }
}

fn one(how: How, size: u64, gap: u64, residue: u64) void {
    const top = kit.open(.{ .kind = .every_entry, .caching = 1 }, 256 << 10);
    const start = ((top - gap - size) & ~@as(u64, 63)) - 64 + residue;
    const room = top - start;
    const memory: [*]u8 = @ptrFromInt(start);
    const offset = random.next() % (pattern.len - size);
    @memcpy(memory[0..size], pattern[offset..][0..size]);

    hs_trial_size = size;
    const bound = std.mem.alignForward(u64, size, bound_unit);
    hs_trial_rbp = 1;
    hs_trial_word = frame_bytes / 16;
    const claimed: u64 = switch (how) {
        .told => size,
        .frame_pointer => blk: {
            hs_trial_rbp = start + size;
            break :blk size;
        },
        .bound => blk: {
            hs_trial_word |= bound / bound_unit << 20;
            break :blk bound;
        },
        .bound_beyond_segment => blk: {
            hs_trial_word |= bound_max / bound_unit << 20;
            break :blk bound_max;
        },
        .false_frame_pointer => blk: {
            hs_trial_rbp = start + (8 << 20);
            break :blk 8 << 20;
        },
    };
    kit.abi.setLimit(abi.limit_force);
    switch (how) {
        .told => hs_trial_pass_llvm(start),
        else => hs_trial_pass_thunk(start),
    }
    copies += 1;

    const seen = hs_trial_seen[0..size];
    if (!std.mem.eql(u8, seen, pattern[offset..][0..size])) wrong("the body sees other arguments", how, size, gap, residue);
    if (!std.mem.eql(u8, memory[0..size], pattern[offset..][0..size])) wrong("the body's writes reached the caller", how, size, gap, residue);
    if (hs_trial_base % 64 != start % 64) wrong("the copy is aligned otherwise", how, size, gap, residue);
    // What was copied fills the new segment up to its header, but for what alignment takes: it tells how much was read.
    const child = @intFromPtr(kit.stack.core.segment.?.cached.?);
    const copied = @min(claimed, room);
    if (hs_trial_base + copied > child or child - hs_trial_base - copied > 63 + 8) wrong("more or less was read than there is", how, size, gap, residue);
    kit.close();
}

fn wrong(what: []const u8, how: How, size: u64, gap: u64, residue: u64) noreturn {
    kit.stop("{s}: {d} bytes of arguments, {t}, starting at {d} mod 64, ending {d} below the header", .{ what, size, how, residue, gap });
}
