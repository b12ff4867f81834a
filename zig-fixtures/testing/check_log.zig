//! What a run of a checked program did, as text that its parent reads when it has ended, however it did; and the stack traces in it.
//! Runs in the program's process, on whatever stack calls it, and asks for nothing.

const std = @import("std");
const linux = std.os.linux;
const runtime = @import("abi");
const host = @import("host.zig");
const reporting = @import("reporting.zig");
const dwarf = @import("check_dwarf.zig");

extern const hs_stub_begin: u8;
extern const hs_stub_end: u8;

pub const text_bytes = 1 << 20;

/// Between a run's process and its parent. What does not fit is counted only.
pub const Shared = extern struct {
    length: u64 = 0,
    dropped: u64 = 0,
    checkpoints: u64 = 0,
    allocations: u64 = 0,
    prologues: u64 = 0,
    splits: u64 = 0,
    /// An end of the program's own was written down: it returned or panicked.
    ended: u64 = 0,
    /// The harness's stacks were used up: nothing can be said of the run.
    exhausted: u64 = 0,
    text: [text_bytes]u8 = undefined,
};

pub var shared: *Shared = undefined;

pub fn open() void {
    const memory = reporting.checked(linux.mmap(null, @sizeOf(Shared), .{ .READ = true, .WRITE = true }, .{ .TYPE = .SHARED, .ANONYMOUS = true }, -1, 0));
    shared = @ptrFromInt(memory);
}

pub fn clear() void {
    inline for (.{ "length", "dropped", "checkpoints", "allocations", "prologues", "splits", "ended", "exhausted" }) |field| @field(shared, field) = 0;
}

/// A line that is not whole is none.
pub fn line(comptime format: []const u8, arguments: anytype) void {
    const free = shared.text[shared.length..];
    const text = std.fmt.bufPrint(free, "| " ++ format ++ "\n", arguments) catch {
        shared.dropped += 1;
        return;
    };
    shared.length += text.len;
}

/// The same with a text from outside as its last word.
pub fn named(comptime format: []const u8, arguments: anytype, text: []const u8) void {
    var word: [3 * 256]u8 = undefined;
    line(format ++ " {s}", arguments ++ .{reporting.escaped(&word, text)});
}

// ── Traces ──────────────────────────────────────────────────────────────────────────────────────────────────────

/// More than any line of the log holds: of a deeper stack the middle is not said.
const frames_max = 1 << 14;
const said_max = 256;
/// In place of an address: the chain of frame pointers leads nowhere; segments that no frame led out of.
const broken = 0;
const left_over = 1;

var stop: usize = 0;
/// Where that frame is; null: not in the fiber.
var base: ?*const runtime.Segment = null;
var addresses: [frames_max]u64 = undefined;

/// Frames beyond this one are not the program's.
pub fn begin(frame: usize) void {
    stop = frame;
    base = current();
}

/// From `frame`, a function's of ours that the program called, outwards.
pub fn trace(frame: usize) void {
    var count: usize = 0;
    var stubs: usize = 0;
    var whole = false;
    var segment = current();
    var at = frame;
    for (0..frames_max) |_| {
        const words: *const [2]u64 = @ptrFromInt(at);
        const boundary = isStub(words[1]) and segment != null and segment != base and segment.?.stub_frame == words[0];
        // The frame of a stub is no function of the program's where it stands between two segments that are in use; elsewhere it is wrong.
        if (boundary) {
            segment = segment.?.parent;
            stubs += 1;
        } else add(&count, words[1]);
        const next = words[0];
        if (next == stop) {
            whole = segment == base;
            if (!whole) add(&count, left_over);
            break;
        }
        if (!follows(next, at, segment, boundary)) {
            add(&count, broken);
            break;
        }
        at = next;
    }
    say("trace", &addresses, count);
    // Where the chain of frame pointers does not lead to its end, nobody knows where std.debug's is the program's.
    if (whole and count <= frames_max) dwarf.compare(addresses[0..count], stubs);
}

fn current() ?*const runtime.Segment {
    return if (host.fiberStack()) |stack| stack.segment else null;
}

fn follows(next: u64, at: u64, segment: ?*const runtime.Segment, boundary: bool) bool {
    if (next % 8 != 0 or (next <= at and !boundary)) return false;
    const s = segment orelse return next < stop;
    return next >= s.low and next + 16 <= @intFromPtr(s);
}

pub fn isStub(address: u64) bool {
    return address > @intFromPtr(&hs_stub_begin) and address <= @intFromPtr(&hs_stub_end);
}

fn add(count: *usize, address: u64) void {
    if (count.* < frames_max) addresses[count.*] = address;
    count.* += 1;
}

/// Zig's own, of how an error came here; null where the compiler keeps none.
pub fn errorTrace(errors: ?*anyopaque) void {
    const given: *const std.builtin.StackTrace = @ptrCast(@alignCast(errors orelse return));
    const count = @min(given.index, given.instruction_addresses.len);
    for (given.instruction_addresses[0..count], addresses[0..count]) |address, *into| into.* = address;
    line("errors-noted {d}", .{given.index});
    say("errors", &addresses, count);
}

/// `count`: there may have been more than there was room for.
pub fn say(comptime what: []const u8, known: []const u64, count: usize) void {
    const kept = @min(count, known.len);
    var buffer: [said_max * 17 + 64]u8 = undefined;
    var writer: std.Io.Writer = .fixed(&buffer);
    for (known[0..kept], 0..) |address, i| {
        if (kept > said_max and i == said_max / 2) writer.print(" …{d}", .{count - said_max}) catch {};
        if (kept > said_max and i >= said_max / 2 and i < kept - said_max / 2) continue;
        writer.print(" {x}", .{address}) catch {};
    }
    line(what ++ "{s}", .{writer.buffered()});
}
