//! The shipped runtime under measurement: fibers of the package `zig-fixtures/runtime` that run the workloads of unit.zig, once with the
//! checks of a route and once without. This file itself is compiled without checks; what of it runs on a fiber needs a few words.

const std = @import("std");
const linux = std.os.linux;
const splitstack = @import("splitstack");
const kit = @import("kit.zig");

extern const bench_split: kit.Workloads;
extern const bench_plain: kit.Workloads;

pub const panic = splitstack.panic;

pub export fn main(argc: c_int, argv: [*]const [*:0]const u8) callconv(.c) c_int {
    const request: kit.Request = .of(argc, argv);
    splitstack.Thread.enter() catch kit.fail("the runtime does not start", .{});
    if (request.is("hot")) {
        onFiber(hot, .{request.count});
    } else if (request.is("deep")) {
        onFiber(deep, .{request.count});
        onFiber(deepAgain, .{request.count});
    } else if (request.is("fib")) {
        onFiber(fib, .{request.count});
    } else if (request.is("calls")) {
        onFiber(calls, .{request.count});
    } else if (request.is("switch")) {
        switching(request.count);
    } else if (request.is("idle")) {
        idle(request.count);
    } else if (request.is("upfront")) {
        upfront(request.count);
    } else request.unknown();
    return 0;
}

fn fiberOf(comptime f: anytype, arguments: anytype) splitstack.Fiber {
    return splitstack.Fiber.init(.{}, f, arguments) catch kit.fail("no memory for a fiber", .{});
}

fn step(fiber: splitstack.Fiber) splitstack.Fiber.Step {
    return fiber.@"resume"() catch kit.fail("the fiber cannot be resumed", .{});
}

/// Runs a measure to its end on a fiber of its own.
fn onFiber(comptime measure: anytype, arguments: anytype) void {
    const fiber = fiberOf(measure, arguments);
    defer fiber.deinit();
    while (step(fiber) == .yielded) {}
    if (fiber.outcome() != .completed) kit.fail("the fiber ended as {s}", .{@tagName(fiber.outcome())});
}

/// What a fiber finds is reported by the system stack: formatting takes more of it than a first segment has.
const Figure = struct {
    name: []const u8,
    value: f64,

    fn tell(context: ?*anyopaque) callconv(.c) void {
        const figure: *const Figure = @ptrCast(@alignCast(context.?));
        kit.report(figure.name, figure.value);
    }
};

fn report(name: []const u8, value: f64) void {
    var figure: Figure = .{ .name = name, .value = value };
    splitstack.onSystemStack(Figure.tell, .{&figure});
}

/// A call in a loop across a segment's edge; the same call where it fits; the same call without a check.
fn hot(count: u64) void {
    const levels = kit.edge(&bench_split) orelse kit.fail("no call crosses a segment's edge", .{});
    report("hot.split", kit.least(bench_split.hot, levels, count, count));
    report("hot.in_place", kit.least(bench_split.hot, 0, count, count));
    report("hot.plain", kit.least(bench_plain.hot, 0, count, count));
    report("hot.jumps", kit.least(kit.jumps, 0, count, count));
}

/// One recursion in a process that has not touched its memory yet, and the same again on the same fiber.
fn deep(levels: u64) void {
    report("deep.first", kit.timed(bench_split.deep, levels, 0, levels));
    report("deep.warm", kit.least(bench_split.deep, levels, 0, levels));
}

/// On another fiber, where the process has been so deep before.
fn deepAgain(levels: u64) void {
    report("deep.again", kit.timed(bench_split.deep, levels, 0, levels));
}

/// What a fiber costs that is given its stack up front, beside one that splits: both do the same, in turns.
const upfront_levels = 40;
/// More than that many levels of `shallow` use by any route.
const upfront_bytes = upfront_levels * 400;
const waiting_count = 2000;

fn upfront(count: u64) void {
    const splits = spawnAndRun(.{}, count);
    const given = spawnAndRun(.{ .upfront_bytes = upfront_bytes }, count);
    kit.report("upfront.split.spawn_ns", splits.spawn_ns);
    kit.report("upfront.given.spawn_ns", given.spawn_ns);
    kit.report("upfront.split.call_ns", splits.call_ns);
    kit.report("upfront.given.call_ns", given.call_ns);
    kit.report("upfront.split.bytes", waiting(.{}));
    kit.report("upfront.given.bytes", waiting(.{ .upfront_bytes = upfront_bytes }));
}

const Costs = struct { spawn_ns: f64, call_ns: f64 };

var levels_ns: f64 = 0;

/// A fiber made, run `upfront_levels` deep, and given back; and, within one, what a level costs when it goes down and up again and again.
fn spawnAndRun(options: splitstack.Options, count: u64) Costs {
    var costs: Costs = .{ .spawn_ns = std.math.inf(f64), .call_ns = std.math.inf(f64) };
    for (0..kit.turns) |_| {
        const began = kit.now();
        for (0..count) |_| end(options, once, .{});
        costs.spawn_ns = @min(costs.spawn_ns, @as(f64, @floatFromInt(kit.now() - began)) / @as(f64, @floatFromInt(count)));
        end(options, again, .{count});
        costs.call_ns = @min(costs.call_ns, levels_ns);
    }
    return costs;
}

fn end(options: splitstack.Options, comptime f: anytype, arguments: anytype) void {
    const fiber = splitstack.Fiber.init(options, f, arguments) catch kit.fail("no memory for a fiber", .{});
    defer fiber.deinit();
    if (step(fiber) != .ended or fiber.outcome() != .completed) kit.fail("a fiber does not end", .{});
    if (options.upfront_bytes > 0 and fiber.record.stack.allocations > 0) kit.fail("a fiber splits although it has its stack up front", .{});
    if (options.upfront_bytes == 0 and fiber.record.stack.allocations == 0) kit.fail("a fiber that should split does not", .{});
}

fn once() void {
    std.mem.doNotOptimizeAway(bench_split.shallow(upfront_levels, 0));
}

fn again(count: u64) void {
    const began = kit.now();
    for (0..count) |_| std.mem.doNotOptimizeAway(bench_split.shallow(upfront_levels, 0));
    levels_ns = @as(f64, @floatFromInt(kit.now() - began)) / @as(f64, @floatFromInt(count * upfront_levels));
}

/// Resident bytes of a fiber that was so deep and waits now.
fn waiting(options: splitstack.Options) f64 {
    var fibers: [waiting_count]splitstack.Fiber = undefined;
    const before: kit.Memory = .read();
    for (&fibers) |*fiber| {
        fiber.* = splitstack.Fiber.init(options, idler, .{}) catch kit.fail("no memory for a fiber", .{});
        if (step(fiber.*) != .yielded) kit.fail("a fiber ended instead of waiting", .{});
    }
    const after: kit.Memory = .read();
    for (fibers) |fiber| {
        if (step(fiber) != .ended) kit.fail("a fiber does not end", .{});
        fiber.deinit();
    }
    return @as(f64, @floatFromInt(after.resident -| before.resident)) / waiting_count;
}

fn fib(n: u64) void {
    compare("fib", bench_split.fib, bench_plain.fib, n);
}

fn calls(rounds: u64) void {
    compare("calls", bench_split.calls, bench_plain.calls, rounds);
}

/// Milliseconds of both, in turns: whatever else the machine does falls on both.
fn compare(comptime name: []const u8, split: kit.Workload, plain: kit.Workload, n: u64) void {
    var split_least = std.math.inf(f64);
    var plain_least = std.math.inf(f64);
    const places: kit.Places = .read();
    defer places.restore();
    for (0..2 * kit.turns) |turn| {
        places.go(turn);
        split_least = @min(split_least, kit.timed(split, n, 0, std.time.ns_per_ms));
        plain_least = @min(plain_least, kit.timed(plain, n, 0, std.time.ns_per_ms));
    }
    report(name ++ ".split", split_least);
    report(name ++ ".plain", plain_least);
}

/// Into a fiber and out of it: half of it is a switch.
fn switching(count: u64) void {
    switchBackAndForth("switch", count);
    // With a second thread that might resume the same fiber, it has to be claimed.
    var pipe: [2]i32 = undefined;
    if (linux.errno(linux.pipe2(&pipe, .{})) != .SUCCESS) kit.fail("no pipe", .{});
    const other = std.Thread.spawn(.{}, waitInside, .{pipe[0]}) catch kit.fail("no second thread", .{});
    while (@atomicLoad(bool, &inside, .acquire) == false) _ = linux.sched_yield();
    switchBackAndForth("switch.shared", count);
    _ = linux.close(pipe[1]);
    other.join();
}

var inside = false;

/// A thread of the runtime that does nothing, until the pipe's other end is closed.
fn waitInside(descriptor: i32) void {
    splitstack.Thread.enter() catch kit.fail("the runtime does not start on a second thread", .{});
    defer splitstack.Thread.leave();
    @atomicStore(bool, &inside, true, .release);
    var byte: [1]u8 = undefined;
    _ = linux.read(descriptor, &byte, 1);
}

fn switchBackAndForth(name: []const u8, count: u64) void {
    const fiber = fiberOf(yields, .{kit.turns * count + 1});
    defer fiber.deinit();
    _ = step(fiber);
    var best = std.math.inf(f64);
    for (0..kit.turns) |_| {
        const began = kit.now();
        for (0..count) |_| _ = step(fiber);
        const took: f64 = @floatFromInt(kit.now() - began);
        best = @min(best, took / @as(f64, @floatFromInt(2 * count)));
    }
    kit.report(name, best);
    if (step(fiber) != .ended) kit.fail("the fiber does not end", .{});
}

fn yields(count: u64) void {
    for (0..count) |_| splitstack.yield();
}

fn idler() void {
    std.mem.doNotOptimizeAway(bench_split.shallow(40, 0));
    splitstack.yield();
}

/// Bytes per fiber that was 40 calls deep and waits now.
fn idle(count: u64) void {
    const fibers = std.heap.page_allocator.alloc(splitstack.Fiber, count) catch kit.fail("no memory for {d} pointers", .{count});
    @memset(std.mem.sliceAsBytes(fibers), 1);
    const before: kit.Memory = .read();
    const began = kit.now();
    for (fibers) |*fiber| {
        fiber.* = fiberOf(idler, .{});
        if (step(fiber.*) != .yielded) kit.fail("a fiber ended instead of waiting", .{});
    }
    const took = kit.now() - began;
    const after: kit.Memory = .read();
    const n: f64 = @floatFromInt(count);
    kit.report("idle.bytes", @as(f64, @floatFromInt(after.resident - before.resident)) / n);
    kit.report("idle.table_bytes", @as(f64, @floatFromInt(after.tables - before.tables)) / n);
    kit.report("idle.ns", @as(f64, @floatFromInt(took)) / n);
    for (fibers) |fiber| {
        if (step(fiber) != .ended) kit.fail("a fiber does not end", .{});
        fiber.deinit();
    }
}
