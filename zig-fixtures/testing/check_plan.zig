//! How one run of a checked program is disturbed. A line of the file that check_host.zig is given:
//!     NUMBER FAULT SPLITS MEMORY
//! FAULT: none, deliver@K:CODE,… (the K-th checkpoint returns what CODE stands for; 1: panics), cancel@K and overflow@K (by the runtime,
//! from checkpoint K on), alloc@K (the K-th allocation fails). SPLITS: plain (on the thread's own stack), fiber (none), nth@N (every N-th
//! prologue), at@P,… (these prologues, ascending). MEMORY: see `Memory`. Its twin is Harness.Verification/Checks/CheckPlan.cs.

const std = @import("std");
const abi = @import("plans");
const protocol = @import("protocol.zig");

const list_max = 4096;

/// Where segments lie, and what happens to released ones. `kept`: descending, and a released segment stays its parent's next child.
pub const Memory = enum { descending, ascending, interleaved, pool, kept };

pub const Delivery = struct { checkpoint: u64, code: u32 };

pub const Fault = union(enum) {
    none,
    deliver: []const Delivery,
    cancel: u64,
    overflow: u64,
    alloc: u64,
};

pub const Plan = struct {
    number: u64 = 0,
    fault: Fault = .none,
    /// Null: plain.
    request: ?protocol.Request = null,
};

var deliveries: [list_max]Delivery = undefined;
var prologues: [list_max]u64 = undefined;

const never = 1 << 62;
/// Where nothing is to split by itself: as much as a program's first thread has.
const roomy_bytes = 8 << 20;
/// Where each prologue splits.
const tight_bytes = 512;
/// As in runner.zig.
const headroom_bytes = 64 << 10;

/// The lists are this file's own: valid until the next call.
pub fn parse(line: []const u8) error{Malformed}!Plan {
    var words = std.mem.tokenizeScalar(u8, line, ' ');
    var plan: Plan = .{ .number = try number(words.next()) };
    plan.fault = try faultOf(words.next() orelse return error.Malformed);
    const splits = words.next() orelse return error.Malformed;
    const memory = std.meta.stringToEnum(Memory, words.next() orelse return error.Malformed) orelse return error.Malformed;
    if (words.next() != null) return error.Malformed;
    if (!std.mem.eql(u8, splits, "plain")) plan.request = try requestOf(splits, memory);
    return plan;
}

fn faultOf(word: []const u8) error{Malformed}!Fault {
    if (std.mem.eql(u8, word, "none")) return .none;
    const at = std.mem.findScalar(u8, word, '@') orelse return error.Malformed;
    const rest = word[at + 1 ..];
    const kind = word[0..at];
    if (std.mem.eql(u8, kind, "cancel")) return .{ .cancel = try number(rest) };
    if (std.mem.eql(u8, kind, "overflow")) return .{ .overflow = try number(rest) };
    if (std.mem.eql(u8, kind, "alloc")) return .{ .alloc = try number(rest) };
    if (!std.mem.eql(u8, kind, "deliver")) return error.Malformed;
    var count: usize = 0;
    var parts = std.mem.splitScalar(u8, rest, ',');
    while (parts.next()) |part| : (count += 1) {
        const colon = std.mem.findScalar(u8, part, ':') orelse return error.Malformed;
        if (count == list_max) return error.Malformed;
        deliveries[count] = .{
            .checkpoint = try number(part[0..colon]),
            .code = std.fmt.parseInt(u32, part[colon + 1 ..], 10) catch return error.Malformed,
        };
    }
    return .{ .deliver = deliveries[0..count] };
}

fn requestOf(splits: []const u8, memory: Memory) error{Malformed}!protocol.Request {
    var request: protocol.Request = .{
        .kind = @intFromEnum(abi.SplitKind.every_nth),
        .placement = switch (memory) {
            .descending, .kept => 0,
            .ascending => 1,
            .interleaved => 2,
            .pool => 3,
        },
        // Released segments are reused at once; poisoned; some of them fault when they are touched.
        .policy = switch (memory) {
            .ascending => 1,
            .interleaved => 2,
            else => 0,
        },
        .caching = @intFromBool(memory == .kept),
        .a = never,
        .first_bytes = roomy_bytes,
        .headroom_bytes = headroom_bytes,
    };
    if (std.mem.eql(u8, splits, "fiber")) return request;
    const at = std.mem.findScalar(u8, splits, '@') orelse return error.Malformed;
    const kind = splits[0..at];
    if (std.mem.eql(u8, kind, "nth")) {
        request.a = try number(splits[at + 1 ..]);
        request.first_bytes = tight_bytes;
        return request;
    }
    if (!std.mem.eql(u8, kind, "at")) return error.Malformed;
    var count: usize = 0;
    var parts = std.mem.splitScalar(u8, splits[at + 1 ..], ',');
    while (parts.next()) |part| : (count += 1) {
        if (count == list_max) return error.Malformed;
        prologues[count] = try number(part);
        if (count > 0 and prologues[count] <= prologues[count - 1]) return error.Malformed;
    }
    request.kind = @intFromEnum(abi.SplitKind.prologue_set);
    request.a = @intFromPtr(&prologues);
    request.b = count;
    return request;
}

/// From 1.
fn number(word: ?[]const u8) error{Malformed}!u64 {
    const value = std.fmt.parseInt(u64, word orelse return error.Malformed, 10) catch return error.Malformed;
    return if (value == 0) error.Malformed else value;
}
