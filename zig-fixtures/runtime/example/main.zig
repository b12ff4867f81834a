//! Runs parcels.zig once for every way a fiber can end, each time beside a sibling that must not notice, and prints what became of both.
//! Ends with 1 if anything was not released or a sibling was disturbed.

const std = @import("std");
const linux = std.os.linux;
const splitstack = @import("splitstack");
const rt = @import("prelude.zig");
const parcels = @import("parcels.zig");

pub const panic = splitstack.panic;

const Writer = std.Io.Writer;
const Fiber = splitstack.Fiber;
const Parcel = parcels.Parcel;

const budget_bytes = 192 << 10;
/// More than `harness reserve` computes for parcels.zig, whatever the route (harness/docs/RESERVE.md).
const reserve_bytes = 16 << 10;

const lines: splitstack.TraceLines = .{ .head = 6, .tail = 4, .indent = 12 };

/// What a parcel that meets no mishap comes to.
const undisturbed_steps = 6;

pub fn main() u8 {
    var buffer: [32 << 10]u8 = undefined;
    var out: Writer = .fixed(&buffer);
    const failures = runAll(&out) catch |err| {
        out.print("\nended early: {t}: ", .{err}) catch {};
        splitstack.Thread.writeRefusal(&out) catch {};
        out.writeByte('\n') catch {};
        flush(&out);
        return 1;
    };
    flush(&out);
    return @intFromBool(failures > 0);
}

fn runAll(out: *Writer) !u32 {
    try splitstack.Thread.enter();
    defer splitstack.Thread.leave();
    var failures: u32 = 0;
    for (std.enums.values(parcels.Mishap)) |mishap| {
        if (!try run(mishap, out)) failures += 1;
        flush(out);
    }
    try out.print("{d} mishaps, {d} acquired, {d} released, {d} not as they should be\n", .{
        std.enums.values(parcels.Mishap).len, rt.totals.acquired, rt.totals.released, failures,
    });
    return failures;
}

fn options(mishap: parcels.Mishap) splitstack.Options {
    return .{
        .budget_bytes = budget_bytes,
        .reserve_bytes = reserve_bytes,
        .guard_pages = mishap == .guard_page,
        .fail_allocation = if (mishap == .refused_segment) 3 else 0,
    };
}

/// True: everything was released, and the sibling came to what it comes to alone.
fn run(mishap: parcels.Mishap, out: *Writer) !bool {
    const before = rt.totals;
    var parcel: Parcel = .{ .mishap = mishap };
    var other: Parcel = .{ .mishap = .nothing };
    const fiber = try Fiber.init(options(mishap), parcels.handle, .{&parcel});
    defer fiber.deinit();
    const sibling = try Fiber.init(.{}, parcels.handle, .{&other});
    defer sibling.deinit();
    var queue: splitstack.RoundRobin = .{};
    queue.add(sibling);
    queue.add(fiber);
    if (mishap == .cancellation) {
        // Once it waits: its third resume finds the cancellation.
        var canceller: Canceller = .{ .fiber = fiber };
        const third = try Fiber.init(.{}, Canceller.run, .{&canceller});
        defer third.deinit();
        queue.add(third);
        try queue.run();
    } else try queue.run();

    try out.print("{t}\n  outcome   ", .{mishap});
    try writeOutcome(fiber, out);
    if (fiber.report()) |report| {
        try out.writeAll("  trace\n");
        try splitstack.writeTrace(report, lines, out);
    }
    if (parcel.caught) |err| {
        try out.print("  caught    {t}, by a deferred statement\n", .{err});
        try splitstack.writeTrace(&parcel.caught_at, lines, out);
    }
    const undisturbed = sibling.outcome() == .completed and other.steps == undisturbed_steps;
    try out.print("  released  {d} of {d}, {d} segments left, {d} second faults\n  sibling   {t}, {s}\n\n", .{
        rt.totals.released - before.released,
        rt.totals.acquired - before.acquired,
        fiber.record.stack.live_segments,
        fiber.record.second_faults,
        sibling.outcome(),
        if (undisturbed) "undisturbed" else "DISTURBED",
    });
    return rt.totals.areClean() and fiber.record.stack.live_segments == 0 and undisturbed;
}

const Canceller = struct {
    fiber: Fiber,

    fn run(canceller: *Canceller) void {
        for (0..3) |_| splitstack.yield();
        canceller.fiber.cancel();
    }
};

fn writeOutcome(fiber: Fiber, out: *Writer) !void {
    switch (fiber.outcome()) {
        .failed => |err| try out.print("failed: {t}", .{err}),
        .trapped => |signal| try out.print("trapped by signal {d}", .{signal}),
        .segfaulted => |address| try out.print("segmentation fault at 0x{x}", .{address}),
        else => |other| try out.print("{t}", .{other}),
    }
    if (fiber.report()) |report| {
        if (report.message_length > 0) try out.print(": {s}", .{report.message[0..report.message_length]});
    }
    try out.writeByte('\n');
}

fn flush(out: *Writer) void {
    const text = out.buffered();
    var done: usize = 0;
    while (done < text.len) {
        const wrote = linux.write(1, text.ptr + done, text.len - done);
        if (linux.errno(wrote) != .SUCCESS) break;
        done += wrote;
    }
    out.end = 0;
}
