//! What a row says of the checks that failed in it (harness/docs/PROTOCOL.md, `fail`): the first few.

const std = @import("std");
const state = @import("state.zig");
const output = @import("output.zig");
const defects = @import("defects");

/// Of one row; those beyond say nothing new.
const lines_max = 16;
var lines: u32 = 0;

/// A row begins.
pub fn begin() void {
    lines = 0;
}

/// Whether a check of this row failed.
pub fn any() bool {
    return lines > 0;
}

/// A planted defect of the checks themselves: what this one finds is not told.
fn isBlind(comptime name: []const u8) bool {
    const Blindness = struct { []const u8, @EnumLiteral() };
    inline for ([_]Blindness{
        .{ "digest", .blind_digest },       .{ "limit", .blind_limit },         .{ "segments", .blind_segments },
        .{ "canary", .blind_canary },       .{ "budget", .blind_budget },       .{ "allocation", .blind_allocation },
        .{ "registers", .blind_registers }, .{ "opinion", .blind_opinion },     .{ "stub-frames", .blind_stubs },
        .{ "trace-dwarf", .blind_traces },  .{ "trace-errors", .blind_errors }, .{ "released", .blind_resources },
        .{ "ledger", .blind_resources },    .{ "heap", .blind_resources },
    }) |blindness| {
        if (comptime std.mem.eql(u8, name, blindness[0])) return asks(blindness[1]);
    }
    return false;
}

/// Not inlined: the places that tell failures stay as they are in workers without defects.
noinline fn asks(comptime blindness: @EnumLiteral()) bool {
    return defects.planted(blindness);
}

pub fn fail(comptime name: []const u8, fiber: u64, expected: u64, observed: u64, comptime detail: []const u8, args: anytype) void {
    if (isBlind(name)) return;
    if (!failRoom()) return;
    output.line("fail row={d} check={s} fiber={d} expected={d} observed={d} detail=" ++ detail, .{ state.row_index, name, fiber, expected, observed } ++ args);
}

/// The values in hexadecimal.
pub fn failLine(comptime name: []const u8, fiber: u64, expected: u64, observed: u64, comptime detail: []const u8, args: anytype) void {
    if (isBlind(name)) return;
    if (!failRoom()) return;
    output.line("fail row={d} check={s} fiber={d} expected={x} observed={x} detail=" ++ detail, .{ state.row_index, name, fiber, expected, observed } ++ args);
}

fn failRoom() bool {
    lines += 1;
    return lines <= lines_max;
}
