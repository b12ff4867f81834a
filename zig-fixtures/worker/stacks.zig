//! What recorded rows tell of a stack, for people to see: the segments in use, from the one in use outwards, and the frames in them with the place
//! of each (harness/docs/PROTOCOL.md, `stack`). Followed by saved frame pointers, within the segments alone: safe where the stack is broken. With them go the
//! registers and the bytes of the stack in use, for the harness to unwind by call frame information (Harness.Verification/Pictures/StackWalk.cs).

const std = @import("std");
const abi = @import("abi.zig");
const plan = @import("plan.zig");
const state = @import("state.zig");
const output = @import("output.zig");
const services = @import("services.zig");
const growing = @import("growing");

pub const Why = enum { probe, fault, entry, crash };

/// Of a row, stacks of checkpoints where nothing happens: those on more segments than any before, so that there is one to show when no probe comes.
const entries_max = 32;
var entries_sent: u32 = 0;
var segments_seen: u64 = 0;

pub fn reset() void {
    entries_sent = 0;
    segments_seen = 0;
    memory_sent = 0;
}

/// In rows that record and send traces: all others pass every checkpoint without a look at the stack.
pub inline fn areWanted() bool {
    return state.row.flags & wanted == wanted;
}

/// Where stacks are wanted. `struck`: the planned fault strikes at this checkpoint.
pub fn atCheckpoint(index: u32, struck: bool, registers: *const abi.Registers) void {
    const segments = state.fibers[index].stack.core.segment.?.ordinal;
    if (struck) return send(index, .fault, -1, 0, .checkpoint, registers);
    if (segments <= segments_seen or entries_sent == entries_max) return;
    segments_seen = segments;
    entries_sent += 1;
    send(index, .entry, -1, 0, .checkpoint, registers);
}

/// What is known where a stack is taken: all that an unwinder follows, or what a checkpoint's gate keeps (rbp, rsp and rip).
pub const Known = enum { all, checkpoint };

const wanted = plan.row_record | plan.row_send_traces;

/// Frames sent of one stack: the innermost, and the outermost behind what is left out.
const inner_max = 192;
const outer_max = 64;
/// Beyond it a chain goes round in circles.
const walk_max = 1 << 17;
/// What services use of the thread's own stack, at most: a crash there leads through their frames to the fiber's.
const system_bytes_max = 256 << 10;
/// What a frame pointer points at: the saved one and the return address.
const frame_words_bytes = 16;

/// Bytes of the stack in use that go with one stack, and with those of one row; then stacks go without, and say so.
const memory_max = 1 << 20;
const ranges_max = 256;
const row_memory_max = 8 << 20;
var memory_sent: u64 = 0;
/// Below the stub's frame pointer, in the segment that it left: what it has saved.
const stub_bytes = 128;
/// Functions without a checkpoint of their own go so much deeper than those that have one.
const beyond_checkpoint_bytes = 16 << 10;

/// In rows that record and send traces.
pub fn send(index: u32, why: Why, site: i64, ordinal: u32, known: Known, registers: *const abi.Registers) void {
    if (index == state.no_index or !areWanted()) return;
    const fiber = &state.fibers[index];
    growing.look(&fiber.stack.core, .whole);
    const depth, const clean = walk(fiber, registers, 0, .nothing);
    output.part("#hs stack row={d} fiber={d} site={d} ordinal={d} why={s} entry={d} depth={d} rsp={x} frames=", .{
        state.row_index, index, site, ordinal, @tagName(why), services.hs_thread.plan.entries -| 1, depth, registers.rsp,
    });
    _ = walk(fiber, registers, depth, .frames);
    output.part(" segments=", .{});
    if (clean) _ = walk(fiber, registers, depth, .segments) else allSegments(fiber);
    output.part(" registers=6:{x},7:{x},16:{x}", .{ registers.rbp, registers.rsp, registers.rip });
    if (known == .all) output.part(",3:{x},12:{x},13:{x},14:{x},15:{x}", .{ registers.rbx, registers.r12, registers.r13, registers.r14, registers.r15 });
    sendMemory(fiber, registers);
    output.part("\n", .{});
}

/// ` memory=LOW:BYTES,…`: what is in use of the system stack if the fiber is on it, then of each segment, outwards; ` left=N`: bytes that were not sent.
fn sendMemory(fiber: *const state.Fiber, registers: *const abi.Registers) void {
    const system_rsp = services.hs_thread.core.system_rsp;
    var ranges: Ranges = .{ .room = @min(memory_max, row_memory_max - memory_sent) };
    output.part(" memory=", .{});
    const on_system_stack = registers.rsp < system_rsp and system_rsp - registers.rsp <= system_bytes_max;
    if (on_system_stack) ranges.send(registers.rsp, system_rsp);
    var segment = fiber.stack.core.segment;
    var from: u64 = if (on_system_stack) fiber.rsp_lowest -| beyond_checkpoint_bytes else registers.rsp;
    while (segment) |s| : (segment = s.parent) {
        const high = s.top();
        ranges.send(if (from >= s.low and from < high) from else s.low, high);
        from = s.stub_frame -| stub_bytes;
    }
    output.part(" left={d}", .{ranges.left});
    memory_sent += ranges.sent;
}

const Ranges = struct {
    room: u64,
    sent: u64 = 0,
    left: u64 = 0,
    count: u32 = 0,

    fn send(ranges: *Ranges, low: u64, high: u64) void {
        const count = if (ranges.count == ranges_max) 0 else @min(high - low, ranges.room - ranges.sent);
        ranges.left += high - low - count;
        if (count == 0) return;
        ranges.count += 1;
        output.part("{s}{x}:", .{ if (ranges.sent == 0) "" else ",", low });
        ranges.sent += count;
        var rest = @as([*]const u8, @ptrFromInt(low))[0..count];
        while (rest.len > 0) {
            const piece = rest[0..@min(rest.len, piece_bytes)];
            output.part("{x}", .{piece});
            rest = rest[piece.len..];
        }
    }
};

/// Two characters each, of a part of a line.
const piece_bytes = 256;

/// Where saved frame pointers lead nowhere, as in a crash, the segments in use are told nevertheless.
fn allSegments(fiber: *const state.Fiber) void {
    var segment = fiber.stack.core.segment;
    for (0..outer_max) |i| {
        const s = segment orelse return;
        output.part("{s}{d}:{x}:{x}", .{ if (i == 0) "" else ",", s.ordinal, s.low, s.top() });
        segment = s.parent;
    }
}

const Written = enum { nothing, frames, segments };

/// How many frames there are, and whether they end in one that has saved no frame pointer; of those that are sent, written down: frame SEGMENT:PC:CFA (CFA 0: the outermost, which has saved no frame pointer), or
/// of each segment that has one of them NUMBER:LOW:HIGH.
fn walk(fiber: *const state.Fiber, registers: *const abi.Registers, depth: usize, written: Written) struct { usize, bool } {
    const system_rsp = services.hs_thread.core.system_rsp;
    var count: usize = 0;
    var pc = registers.rip;
    var frame = registers.rbp;
    var segment = fiber.stack.core.segment;
    var last_sent: u64 = 0;
    while (count < walk_max) {
        const on_system_stack = frame >= system_rsp -| system_bytes_max and frame < system_rsp;
        while (frame != 0 and !on_system_stack) {
            const s = segment orelse break;
            if (frame >= s.low and frame <= s.top() - frame_words_bytes) break;
            segment = s.parent;
        }
        const number = if (on_system_stack) 0 else if (segment) |s| s.ordinal else 0;
        if (count < inner_max or count + outer_max >= depth) switch (written) {
            .nothing => {},
            .frames => output.part("{s}{d}:{x}:{x}", .{ if (count == 0) "" else ",", number, pc, if (frame == 0) 0 else frame + frame_words_bytes }),
            .segments => if (segment) |s| if (number != 0 and number != last_sent) {
                output.part("{s}{d}:{x}:{x}", .{ if (last_sent == 0) "" else ",", number, s.low, s.top() });
                last_sent = number;
            },
        };
        count += 1;
        if (frame == 0 or frame % 8 != 0 or (segment == null and !on_system_stack)) break;
        const words: *const [2]u64 = @ptrFromInt(frame);
        frame = words[0];
        pc = words[1];
    }
    return .{ count, frame == 0 };
}
