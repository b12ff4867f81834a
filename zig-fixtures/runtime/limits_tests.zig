//! The product's tests of its limits: memory that the kernel refuses, memory that is given back, edges that are crossed
//! again and again, signals.

const std = @import("std");
const linux = std.os.linux;
const abi = @import("abi");
const splitstack = @import("splitstack");
const kit = @import("tests.zig");
const notes = @import("notes.zig");
const expect = std.testing.expect;
const expectEqual = std.testing.expectEqual;

extern threadlocal var hs_thread: abi.Thread;

const Fiber = splitstack.Fiber;
const Deep = kit.Deep;
const page_bytes = 4096;

// ── Memory that the kernel refuses ──────────────────────────────────────────────────────────────────────────────

/// Runs in a child: uses up vm.max_map_count, then wants segments with guard pages made by mprotect. 0: all as it should be.
fn exhaustMappings() !void {
    try splitstack.Thread.enter();
    const span = 1 << 34;
    const base = linux.mmap(null, span, .{}, .{ .TYPE = .PRIVATE, .ANONYMOUS = true, .NORESERVE = true }, -1, 0);
    if (linux.errno(base) != .SUCCESS) return error.NoAddressSpace;
    var at = base;
    while (at < base + span) : (at += 2 * page_bytes) {
        const result = linux.mprotect(@ptrFromInt(at), page_bytes, .{ .READ = true });
        if (linux.errno(result) == .NOMEM) break;
    } else return error.NeverRefused;

    // The first slot of a class that nothing has touched yet makes two more mappings out of one.
    for (14..27) |class| {
        const fiber = Fiber.init(.{ .first_bytes = @as(u64, 1) << @intCast(class) }, Deep.run, .{&unused}) catch |err| {
            comptime std.debug.assert(@TypeOf(err) == error{OutOfStackSegments});
            return checkRefusal();
        };
        fiber.deinit();
    }
    return error.NothingRefused;
}

var unused: Deep = .{ .depth = 1 };

fn checkRefusal() !void {
    var buffer: [512]u8 = undefined;
    var writer: std.Io.Writer = .fixed(&buffer);
    try splitstack.Thread.writeRefusal(&writer);
    const text = writer.buffered();
    for ([_][]const u8{ "failed with NOMEM", "vm.max_map_count allows", "sysctl -w vm.max_map_count=" }) |part| {
        if (std.mem.find(u8, text, part) == null) {
            _ = linux.write(2, text.ptr, text.len);
            return error.UnclearText;
        }
    }
    // What needs no new mapping goes on: the classes in use, and the segments set aside.
    var deep: Deep = .{ .depth = 100_000 };
    const fiber = try Fiber.init(.{}, Deep.run, .{&deep});
    if (try fiber.@"resume"() != .ended) return error.NotEnded;
    if (fiber.outcome().failed != error.OutOfStackSegments) return error.AnotherEnd;
    fiber.deinit();
}

test "when vm.max_map_count is used up, creation and growth fail by an error, and the text says what to raise" {
    const child = linux.fork();
    try expectEqual(.SUCCESS, linux.errno(child));
    if (child == 0) {
        exhaustMappings() catch |err| {
            std.debug.print("in the child: {t}\n", .{err});
            linux.exit_group(1);
        };
        linux.exit_group(0);
    }
    var status: u32 = 0;
    try expectEqual(child, linux.wait4(@intCast(child), &status, 0, null));
    try expectEqual(0, status);
}

test "every refusal has a text" {
    try splitstack.Thread.enter();
    var deep: Deep = .{ .depth = 4000 };
    const fiber = try kit.started(.{ .fail_allocation = 1 }, &deep);
    defer fiber.deinit();
    try expectEqual(.ended, try fiber.@"resume"());
    var buffer: [512]u8 = undefined;
    var writer: std.Io.Writer = .fixed(&buffer);
    try splitstack.Thread.writeRefusal(&writer);
    try expect(std.mem.find(u8, writer.buffered(), "refused on purpose (fail_allocation)") != null);
}

// ── Memory that is given back ───────────────────────────────────────────────────────────────────────────────────

fn deepThenIdle(deep: *Deep) splitstack.Fault!void {
    try deep.run();
    splitstack.yield();
}

/// Its pages touched as far as `deep` goes. As large as a thread's cache would keep whole.
fn oneLargeSegment(deep: *Deep) !Fiber {
    const fiber = try Fiber.init(.{ .first_bytes = 512 << 10 }, deepThenIdle, .{deep});
    try expectEqual(.yielded, try fiber.@"resume"());
    try expectEqual(0, fiber.record.stack.allocations);
    return fiber;
}

test "trim gives back the pages below where a fiber stands; the fiber goes on" {
    try splitstack.Thread.enter();
    var deep: Deep = .{ .depth = 110 };
    const before = try kit.residentPages();
    const fiber = try oneLargeSegment(&deep);
    const grown = try kit.residentPages();
    try expect(grown >= before + 60);
    fiber.trim();
    try expect(try kit.residentPages() <= before + 8);
    try expectEqual(.ended, try fiber.@"resume"());
    try expectEqual(splitstack.Outcome.completed, fiber.outcome());
    fiber.deinit();
}

test "a first segment that was large keeps little once its fiber is gone" {
    try splitstack.Thread.enter();
    var deep: Deep = .{ .depth = 110 };
    const before = try kit.residentPages();
    const fiber = try oneLargeSegment(&deep);
    try expect(try kit.residentPages() >= before + 40);
    fiber.deinit();
    try expect(try kit.residentPages() <= before + 24);
}

/// At once, each with a first segment of 64 KiB that it touches most of.
fn manyFibers(deep: *Deep) !void {
    var fibers: [80]Fiber = undefined;
    for (&fibers) |*fiber| {
        fiber.* = try Fiber.init(.{ .first_bytes = 64 << 10 }, deepThenIdle, .{deep});
        deep.reached = 0;
        try expectEqual(.yielded, try fiber.@"resume"());
    }
    for (&fibers) |fiber| fiber.deinit();
}

test "what a thread keeps of released segments is bounded, and trim gives it back" {
    try splitstack.Thread.enter();
    splitstack.Thread.trim();
    const before = try kit.residentPages();
    var deep: Deep = .{ .depth = 20 };
    try manyFibers(&deep);
    const kept = try kit.residentPages();
    // 1 MiB of each size (abi.cache_room_bytes), so 16 of the 80.
    try expect(kept >= before + 16 * 8);
    try expect(kept <= before + 32 * 16);
    splitstack.Thread.trim();
    try expect(try kit.residentPages() <= before + 64);
}

fn growAndLeave() void {
    splitstack.Thread.enter() catch return;
    defer splitstack.Thread.leave();
    var deep: Deep = .{ .depth = 300 };
    const fiber = kit.started(.{}, &deep) catch return;
    defer fiber.deinit();
    _ = fiber.@"resume"() catch return;
    _ = @atomicRmw(u32, &threads_done, .Add, deep.reached / 300, .monotonic);
}

var threads_done: u32 = 0;

test "what a thread has cached is everybody's once it is gone" {
    try splitstack.Thread.enter();
    var before: usize = 0;
    for (0..60) |i| {
        if (i == 10) before = try kit.residentPages();
        (try std.Thread.spawn(.{}, growAndLeave, .{})).join();
    }
    try expectEqual(60, threads_done);
    // A thread caches some 200 pages here.
    try expect(try kit.residentPages() <= before + 300);
}

const warm_up = 100;

test "thousands of fibers with guard pages come and go, and no mapping stays" {
    try splitstack.Thread.enter();
    var maps_before: usize = 0;
    for (0..3000) |i| {
        // The first few, without guard pages, make what all of them share.
        if (i == warm_up) maps_before = try kit.mappings();
        var deep: Deep = .{ .depth = 40 + @as(u32, @intCast(i % 3)) * 100, .at_bottom = if (i % 5 == 0) .panic else .nothing };
        const fiber = try kit.started(.{ .guard_pages = i >= warm_up and i % 2 == 0 }, &deep);
        try expectEqual(.ended, try fiber.@"resume"());
        try expectEqual(0, fiber.record.stack.live_segments);
        fiber.deinit();
    }
    try expect(try kit.mappings() <= maps_before);
}

// ── Edges ───────────────────────────────────────────────────────────────────────────────────────────────────────

const Edge = struct {
    rounds: u32,
    allocations_before: u32 = 0,
    allocations: u32 = 0,
    warm: u64 = 0,

    fn nothing(_: ?*anyopaque) callconv(.c) void {}

    /// The first segment, of the smallest class, has room for a small frame and not for a large one.
    fn loop(context: ?*anyopaque) callconv(.c) void {
        const edge: *Edge = @ptrCast(@alignCast(context.?));
        const stack = hs_thread.stack.?;
        kit.split_call(nothing, null);
        edge.allocations_before = stack.allocations;
        const warm_before = hs_thread.warm_splits;
        for (0..edge.rounds) |_| kit.split_call(nothing, null);
        edge.allocations = stack.allocations;
        edge.warm = hs_thread.warm_splits - warm_before;
    }

    fn run(edge: *Edge) void {
        kit.split_call_small(loop, edge);
    }
};

test "a loop over an edge stays on the cached segment and asks for no memory" {
    try splitstack.Thread.enter();
    var edge: Edge = .{ .rounds = 1000 };
    const fiber = try Fiber.init(.{}, Edge.run, .{&edge});
    defer fiber.deinit();
    try expectEqual(.ended, try fiber.@"resume"());
    try expectEqual(1, edge.allocations_before);
    try expectEqual(1, edge.allocations);
    try expectEqual(1000, edge.warm);
}

// ── Signals, turns ──────────────────────────────────────────────────────────────────────────────────────────────

var handled: u32 = 0;

fn count(_: ?*anyopaque) callconv(.c) void {
    handled += 1;
}

/// Split code on the signal stack: its check passes there.
fn onUser(_: u32, _: *const anyopaque, _: ?*anyopaque) callconv(.c) void {
    kit.split_call(count, null);
}

const Signalled = struct {
    fn level(context: ?*anyopaque) callconv(.c) void {
        const left: *u32 = @ptrCast(@alignCast(context.?));
        _ = linux.kill(linux.getpid(), linux.SIG.USR1);
        left.* -= 1;
        if (left.* > 0) kit.split_call(level, left);
    }
    fn run(left: *u32) void {
        kit.split_call(level, left);
    }
};

test "a handler that is split code runs at every depth of a fiber, which goes on under its own limit" {
    try splitstack.Thread.enter();
    try splitstack.onSignal(@intFromEnum(linux.SIG.USR1), onUser);
    handled = 0;
    var left: u32 = 40;
    const fiber = try Fiber.init(.{}, Signalled.run, .{&left});
    defer fiber.deinit();
    try expectEqual(.ended, try fiber.@"resume"());
    try expectEqual(splitstack.Outcome.completed, fiber.outcome());
    try expectEqual(40, handled);
    try expect(fiber.record.stack.used_bytes_max > 40 * 2048);
}

extern "c" fn pthread_exit(?*anyopaque) noreturn;

fn quit() callconv(.c) void {
    pthread_exit(null);
}

fn quitOnSystemStack() void {
    splitstack.onSystemStack(quit, .{});
}

fn quitThread(fiber_ended: *bool) void {
    splitstack.Thread.enter() catch return;
    for ([_]Fiber{
        Fiber.init(.{}, quit, .{}) catch return,
        Fiber.init(.{}, quitOnSystemStack, .{}) catch return,
    }) |fiber| {
        const step = fiber.@"resume"() catch return;
        if (step != .ended or fiber.outcome() != .misused) return;
        fiber.deinit();
    }
    fiber_ended.* = true;
    quit();
    fiber_ended.* = false;
}

test "pthread_exit ends the fiber that calls it, and outside fibers the thread" {
    var fiber_ended = false;
    (try std.Thread.spawn(.{}, quitThread, .{&fiber_ended})).join();
    try expect(fiber_ended);
}

fn inTurn(letter: u8, turns: u32) void {
    for (0..turns) |_| {
        notes.note(letter);
        splitstack.yield();
    }
}

test "a round robin gives each fiber its turn until all have ended" {
    try splitstack.Thread.enter();
    notes.clear();
    var queue: splitstack.RoundRobin = .{};
    var fibers: [3]Fiber = undefined;
    for (&fibers, "abc", 1..) |*fiber, letter, turns| {
        fiber.* = try Fiber.init(.{}, inTurn, .{ letter, @as(u32, @intCast(turns)) });
        queue.add(fiber.*);
    }
    try queue.run();
    try std.testing.expectEqualStrings("abcbcc", notes.noted());
    for (fibers) |fiber| {
        try expectEqual(splitstack.Outcome.completed, fiber.outcome());
        try std.testing.expectError(error.NotResumable, fiber.@"resume"());
        fiber.deinit();
    }
}

// ── Stack given up front ────────────────────────────────────────────────────────────────────────────────────────

/// Splits of a fiber that goes `depth` calls deep, and whether it ended well.
fn splitsOf(options: splitstack.Options, depth: u32) !u32 {
    var deep: Deep = .{ .depth = depth };
    const fiber = try kit.started(options, &deep);
    defer fiber.deinit();
    try expectEqual(.ended, try fiber.@"resume"());
    try expectEqual(splitstack.Outcome.completed, fiber.outcome());
    try expectEqual(depth, deep.reached);
    return fiber.record.stack.allocations;
}

test "a fiber that is given its stack up front never splits, whatever the size; one that was given too little, or none, splits" {
    try splitstack.Thread.enter();
    for ([_]u32{ 1, 2, 3, 7, 40, 400 }) |depth| {
        const bytes = try bytesOf(depth);
        try expectEqual(0, try splitsOf(.{ .upfront_bytes = bytes }, depth));
        try expectEqual(0, try splitsOf(.{ .upfront_bytes = bytes, .guard_pages = true }, depth));
    }
    try expect(try splitsOf(.{}, 400) > 0);
    try expect(try splitsOf(.{ .upfront_bytes = try bytesOf(7) }, 400) > 0);
    // More than any segment can be is as good as no bound.
    try expect(try splitsOf(.{ .upfront_bytes = 1 << 40 }, 400) > 0);
}

/// Stack that a fiber needs to go so deep, as one with plenty of it shows: down to the lowest place that was written, and what the deepest split_call's
/// check asks for at the most.
fn bytesOf(depth: u32) !u64 {
    var deep: Deep = .{ .depth = depth };
    const fiber = try kit.started(.{ .first_bytes = 16 << 20 }, &deep);
    defer fiber.deinit();
    const words = @as([*]u64, @ptrFromInt(fiber.record.slot_low))[0 .. (fiber.record.stack.rsp - fiber.record.slot_low) / 8];
    @memset(words, 0x7061_696e_7465_6421);
    const entry_rsp = fiber.record.stack.rsp + 40;
    try expectEqual(.ended, try fiber.@"resume"());
    const lowest = for (words) |*word| {
        if (word.* != 0x7061_696e_7465_6421) break @intFromPtr(word);
    } else unreachable;
    return entry_rsp - lowest + 4096;
}
