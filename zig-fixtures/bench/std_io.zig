//! Zig's own fibers, std.Io's evented implementation on Linux: each waits for an event that never comes. The process ends with them.

const std = @import("std");
const linux = std.os.linux;
const kit = @import("kit.zig");

const workloads = @import("unit").Code(false);

fn idler(io: std.Io, never: *std.Io.Event) void {
    std.mem.doNotOptimizeAway(workloads.shallow(40));
    never.waitUncancelable(io);
}

fn passer(io: std.Io, started: *std.Io.Event) void {
    started.set(io);
}

pub export fn main(argc: c_int, argv: [*]const [*:0]const u8) callconv(.c) c_int {
    const request: kit.Request = .of(argc, argv);
    if (!request.is("idle")) request.unknown();
    var evented: std.Io.Evented = undefined;
    evented.init(std.heap.page_allocator, .{ .thread_limit = 0 }) catch |err| kit.fail("std.Io.Evented does not start: {t}", .{err});
    const io = evented.io();
    var never: std.Io.Event = .unset;
    const before: kit.Memory = .read();
    const began = kit.now();
    for (0..request.count) |_| {
        _ = io.concurrent(idler, .{ io, &never }) catch |err| kit.fail("std.Io has no fiber left: {t}", .{err});
    }
    // The last one to be started lets the main fiber go on: all have run by then.
    var started: std.Io.Event = .unset;
    _ = io.concurrent(passer, .{ io, &started }) catch |err| kit.fail("std.Io has no fiber left: {t}", .{err});
    started.waitUncancelable(io);
    const took = kit.now() - began;
    const after: kit.Memory = .read();
    const n: f64 = @floatFromInt(request.count);
    kit.report("idle.bytes", @as(f64, @floatFromInt(after.resident - before.resident)) / n);
    kit.report("idle.table_bytes", @as(f64, @floatFromInt(after.tables - before.tables)) / n);
    kit.report("idle.ns", @as(f64, @floatFromInt(took)) / n);
    linux.exit_group(0);
}
