//! Second opinions: how other unwinders of this machine, in this process, see the stack of a probe. They know nothing of segments, read
//! nothing but call frame information, and have to come to the same frames as std.debug does: all of them, the stub's included, and an end
//! that is an end. Installed ones only; a program without a dynamic loader has none.

const std = @import("std");
const builtin = @import("builtin");
const abi = @import("abi.zig");
const defects = @import("defects");
const state = @import("state.zig");
const plan = @import("plan.zig");
const output = @import("output.zig");
const mixing = @import("mixing.zig");
const observe = @import("observe.zig");

/// Deeper stacks are not asked about: three more walks of thousands of frames would cost more than the execution.
pub const frames_max = 256;
/// From the observer's own frame, on the system stack, to the probe's.
const own_frames_max = 64;

/// Of the C++ ABI's unwind interface (Itanium C++ ABI, exception handling, level I; _Unwind_Backtrace is GCC's addition to it).
const Context = opaque {};
const go_on = 0;
const end_of_stack = 5;
const Callback = *const fn (*Context, *Walk) callconv(.c) c_int;
const Backtrace = *const fn (Callback, *Walk) callconv(.c) c_int;
const GetIp = *const fn (*Context) callconv(.c) u64;

const Tool = struct {
    file: [*:0]const u8,
    backtrace: Backtrace = undefined,
    ip: GetIp = undefined,
    is_there: bool = false,
    /// Makes some three system calls for each frame (signals are blocked around its cache): asked about a sample of the stacks, see `dueOf`.
    is_dear: bool = false,
    /// Since the last time it was told.
    asked: u64 = 0,
};

pub const Which = enum { libgcc, llvm, nongnu };
pub const count = @typeInfo(Which).@"enum".fields.len;

pub var tools: [count]Tool = .{
    .{ .file = "libgcc_s.so.1" },
    // LLVM's and nongnu.org's libunwind have one name and different versions.
    .{ .file = "libunwind.so.1" },
    .{ .file = "libunwind.so.8", .is_dear = true },
};
var opened = false;

/// One in so many of the stacks that differ is shown to dear tools, the first included. Measured: asked about every stack, one such tool took nine
/// tenths of what all traces cost, asked once about each that differs it still took half.
const dear_every = 8;
/// Of stacks that have been seen before, one in so many is shown to the other tools again: the code and the rows are the same, only where the words lie is not.
const again_every = 4;

/// Keys of stacks that have been seen: the same addresses, the stub's among them, on segments of the same placement.
var seen_stacks: [1 << 16]u64 = @splat(0);
var seen_count: u64 = 0;
var again_count: u64 = 0;

/// Who is to be asked about a stack.
const Due = enum { nobody, cheap, all };

fn dueOf(expected: []const u64) Due {
    if (isNew(expected)) {
        seen_count += 1;
        return if (seen_count % dear_every == 1) .all else .cheap;
    }
    again_count += 1;
    return if (again_count % again_every == 1) .cheap else .nobody;
}

/// Whether it has not been seen in this process. One that finds no room is taken for seen.
fn isNew(expected: []const u64) bool {
    var key = mixing.digestWord(mixing.digest_start, @intFromEnum(state.row.placement));
    for (expected) |address| key = mixing.digestWord(key, address);
    for (0..16) |i| {
        const slot = &seen_stacks[(key + i) % seen_stacks.len];
        if (slot.* == key) return false;
        if (slot.* != 0) continue;
        slot.* = key;
        return true;
    }
    return false;
}

/// The first of an execution: frame `index` was expected to be one address and was said to be another; 0: there was none.
pub const Disagreement = struct { tool: Which, fiber: u64, index: usize, expected: u64, observed: u64 };
pub var disagreement: ?Disagreement = null;

const Walk = struct {
    ip: GetIp,
    /// The address that the probe's own frame has.
    from: u64,
    passed: usize = 0,
    addresses: [frames_max + 1]u64 = undefined,
    len: usize = 0,
};

/// `expected`: with the stub's frames. In a row that records each answer is sent, for people to see (`opinion` lines).
pub fn ask(site: i64, ordinal: u32, expected: []const u64) void {
    const sends = state.row.flags & shown == shown;
    if (expected.len > frames_max or (disagreement != null and !sends)) return;
    if (!opened) open();
    const due: Due = if (sends) .all else dueOf(expected);
    if (due == .nobody) return;
    for (&tools, 0..) |*tool, i| {
        if (!tool.is_there or (tool.is_dear and due != .all)) continue;
        tool.asked += 1;
        var walk: Walk = .{ .ip = tool.ip, .from = expected[0] };
        const end = tool.backtrace(step, &walk);
        if (walk.len > 2 and defects.planted(.second_opinion)) walk.addresses[2] += 1;
        const seen = walk.addresses[0..walk.len];
        const same = std.mem.findDiff(u64, expected, seen) orelse if (end == end_of_stack) null else expected.len;
        if (same) |index| if (disagreement == null) {
            disagreement = .{
                .tool = @enumFromInt(i),
                .fiber = state.current,
                .index = index,
                .expected = if (index < expected.len) expected[index] else 0,
                .observed = if (index < seen.len) seen[index] else 0,
            };
        };
        if (sends) send(@enumFromInt(i), site, ordinal, seen, if (end == end_of_stack) .clean else .cut) else if (same != null) return;
    }
}

const shown = plan.row_record | plan.row_send_traces;

/// Moves `seen` together.
fn send(tool: Which, site: i64, ordinal: u32, seen: []u64, end: observe.End) void {
    const kept = observe.withoutStubs(seen);
    const chain = observe.send(observe.digestOf(seen[0..kept], end), seen[0..kept], end);
    output.line("opinion row={d} fiber={d} site={d} ordinal={d} tool={s} chain={d} stubs={d}", .{
        state.row_index, state.current, site, ordinal, @tagName(tool), chain, seen.len - kept,
    });
}

fn step(context: *Context, walk: *Walk) callconv(.c) c_int {
    const address = walk.ip(context);
    if (walk.len == 0 and address != walk.from) {
        walk.passed += 1;
        return if (walk.passed > own_frames_max) 1 else go_on;
    }
    // libgcc calls for what lies beyond the last frame too: nothing, at 0.
    if (address == 0) return go_on;
    if (walk.len == walk.addresses.len) return 1;
    walk.addresses[walk.len] = address;
    walk.len += 1;
    return go_on;
}

fn open() void {
    opened = true;
    // musl's programs are static here: nothing can be loaded, and its dlsym is assembly without unwind rows.
    if (comptime !builtin.target.isGnuLibC()) return;
    for (&tools) |*tool| {
        const library = std.c.dlopen(tool.file, .{ .LAZY = true }) orelse continue;
        tool.backtrace = @ptrCast(std.c.dlsym(library, "_Unwind_Backtrace") orelse continue);
        tool.ip = @ptrCast(std.c.dlsym(library, "_Unwind_GetIP") orelse continue);
        tool.is_there = true;
    }
}
