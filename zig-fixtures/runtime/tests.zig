//! The product's tests: fibers on real segments. Calls go through split_call.S, which has a split-stack prologue; `zig test` adds none.

const std = @import("std");
const linux = std.os.linux;
const splitstack = @import("splitstack");
const abi = @import("abi");
const expect = std.testing.expect;
const expectEqual = std.testing.expectEqual;

pub extern fn split_call(f: *const fn (?*anyopaque) callconv(.c) void, context: ?*anyopaque) callconv(.c) void;
pub extern fn split_call_small(f: *const fn (?*anyopaque) callconv(.c) void, context: ?*anyopaque) callconv(.c) void;

const Fiber = splitstack.Fiber;

test {
    _ = @import("cleanup_tests.zig");
    _ = @import("limits_tests.zig");
}

/// One level of recursion is one split_call; it stops at `depth`, or with the error a checkpoint returns.
pub const Deep = struct {
    depth: u32,
    reached: u32 = 0,
    fault: ?splitstack.Fault = null,
    at_bottom: enum { nothing, panic, segfault, trap, overrun, yield } = .nothing,

    pub fn level(context: ?*anyopaque) callconv(.c) void {
        const deep: *Deep = @ptrCast(@alignCast(context.?));
        splitstack.checkpoint() catch |err| {
            deep.fault = err;
            return;
        };
        deep.reached += 1;
        if (deep.reached < deep.depth) return split_call(level, deep);
        switch (deep.at_bottom) {
            .nothing => {},
            .panic => splitstack.panic.call("the bottom", null),
            .segfault => @as(*volatile u8, @ptrFromInt(0x5e60)).* = 1,
            .trap => asm volatile ("ud2"),
            .overrun => overrun(),
            .yield => splitstack.yield(),
        }
    }

    pub fn run(deep: *Deep) splitstack.Fault!void {
        split_call(level, deep);
        if (deep.fault) |fault| return fault;
    }
};

/// Unsplit code that uses more stack than any reserve: runs into the guard page.
fn overrun() void {
    asm volatile (
        \\ mov %%rsp, %%rax
        \\1: sub $4096, %%rsp
        \\ movq $0, (%%rsp)
        \\ jmp 1b
        ::: .{ .rax = true, .memory = true });
}

pub fn started(options: splitstack.Options, deep: *Deep) !Fiber {
    return Fiber.init(options, Deep.run, .{deep});
}

test "a deep recursion takes O(log n) segments, each below its parent, and gives them back" {
    try splitstack.Thread.enter();
    var deep: Deep = .{ .depth = 4000, .at_bottom = .yield };
    const fiber = try started(.{}, &deep);
    defer fiber.deinit();
    try expectEqual(.yielded, try fiber.@"resume"());
    var segment = fiber.record.stack.segment.?;
    try expect(segment.ordinal >= 8 and segment.ordinal <= 14);
    while (segment.parent) |parent| : (segment = parent) try expect(segment.high <= parent.low);
    try expectEqual(.ended, try fiber.@"resume"());
    try expectEqual(4000, deep.reached);
    try expectEqual(splitstack.Outcome.completed, fiber.outcome());
    try expectEqual(0, fiber.record.stack.live_segments -| 1);
    try std.testing.expectError(error.NotResumable, fiber.@"resume"());
}

test "beyond its budget a fiber's next checkpoint returns StackOverflow" {
    try splitstack.Thread.enter();
    var deep: Deep = .{ .depth = 100_000 };
    const fiber = try started(.{ .budget_bytes = 200 << 10 }, &deep);
    defer fiber.deinit();
    try expectEqual(.ended, try fiber.@"resume"());
    try expectEqual(@as(anyerror, error.StackOverflow), fiber.outcome().failed);
    try expect(deep.reached > 20 and deep.reached < 80);
}

test "a refused segment arrives as OutOfStackSegments, whichever it is" {
    try splitstack.Thread.enter();
    for (1..6) |nth| {
        var deep: Deep = .{ .depth = 4000 };
        const fiber = try started(.{ .fail_allocation = @intCast(nth) }, &deep);
        defer fiber.deinit();
        try expectEqual(.ended, try fiber.@"resume"());
        try expectEqual(@as(anyerror, error.OutOfStackSegments), fiber.outcome().failed);
    }
}

test "cancel arrives at the next checkpoint, also before the first" {
    try splitstack.Thread.enter();
    var deep: Deep = .{ .depth = 10 };
    const fiber = try started(.{}, &deep);
    defer fiber.deinit();
    fiber.cancel();
    try expectEqual(.ended, try fiber.@"resume"());
    try expectEqual(@as(anyerror, error.Canceled), fiber.outcome().failed);
    try expectEqual(0, deep.reached);
}

var released: [8]u32 = undefined;
var released_count: usize = 0;

const Thing = struct {
    held: splitstack.Held = .{},
    number: u32,
    fails: enum { no, panics, faults, yields } = .no,

    fn give(held: *splitstack.Held) callconv(.c) void {
        const thing: *Thing = @fieldParentPtr("held", held);
        released[released_count] = thing.number;
        released_count += 1;
        switch (thing.fails) {
            .no => {},
            .panics => splitstack.panic.call("second fault", null),
            .faults => @as(*volatile u8, @ptrFromInt(0x5e60)).* = 1,
            .yields => splitstack.yield(),
        }
    }
};

fn holding(deep: *Deep) splitstack.Fault!void {
    var first: Thing = .{ .number = 1 };
    var second: Thing = .{ .number = 2, .fails = .panics };
    var third: Thing = .{ .number = 3, .fails = .faults };
    var fourth: Thing = .{ .number = 4, .fails = .yields };
    for ([_]*Thing{ &first, &second, &third, &fourth }) |thing| splitstack.hold(&thing.held, Thing.give);
    return deep.run();
}

fn expectIsolated(options: splitstack.Options, deep_given: Deep) !Fiber {
    released_count = 0;
    var deep = deep_given;
    var sibling_deep: Deep = .{ .depth = 50, .at_bottom = .yield };
    const sibling = try started(.{}, &sibling_deep);
    defer sibling.deinit();
    try expectEqual(.yielded, try sibling.@"resume"());
    const fiber = try Fiber.init(options, holding, .{&deep});
    try expectEqual(.ended, try fiber.@"resume"());
    try std.testing.expectEqualSlices(u32, &.{ 4, 3, 2, 1 }, released[0..released_count]);
    try expectEqual(3, fiber.record.second_faults);
    try expect(fiber.report().?.count >= deep.depth);
    try expectEqual(.ended, try sibling.@"resume"());
    try expectEqual(splitstack.Outcome.completed, sibling.outcome());
    return fiber;
}

test "a panic ends its fiber, releases last first whatever the callbacks do, keeps the trace" {
    try splitstack.Thread.enter();
    const fiber = try expectIsolated(.{}, .{ .depth = 60, .at_bottom = .panic });
    defer fiber.deinit();
    try expectEqual(splitstack.Outcome.panicked, fiber.outcome());
    const report = fiber.report().?;
    try std.testing.expectEqualStrings("the bottom", report.message[0..report.message_length]);
}

test "a segfault, a trap and a guard page hit do the same" {
    try splitstack.Thread.enter();
    const segfault = try expectIsolated(.{}, .{ .depth = 30, .at_bottom = .segfault });
    defer segfault.deinit();
    try expectEqual(splitstack.Outcome{ .segfaulted = 0x5e60 }, segfault.outcome());
    const trap = try expectIsolated(.{}, .{ .depth = 30, .at_bottom = .trap });
    defer trap.deinit();
    try expectEqual(splitstack.Outcome{ .trapped = @intFromEnum(linux.SIG.ILL) }, trap.outcome());
    const overran = try expectIsolated(.{ .guard_pages = true }, .{ .depth = 30, .at_bottom = .overrun });
    defer overran.deinit();
    try expectEqual(splitstack.Outcome.overflowed, overran.outcome());
}

fn ignores(deep: *Deep) void {
    descend(deep);
}

fn descend(context: ?*anyopaque) callconv(.c) void {
    const deep: *Deep = @ptrCast(@alignCast(context.?));
    deep.reached += 1;
    split_call(descend, deep);
}

test "without checkpoints the reserve runs out and ends the fiber like a panic; the trace keeps both ends" {
    try splitstack.Thread.enter();
    var deep: Deep = .{ .depth = 0 };
    const fiber = try Fiber.init(.{ .budget_bytes = 1 << 20, .reserve_bytes = 1 << 20 }, ignores, .{&deep});
    defer fiber.deinit();
    try expectEqual(.ended, try fiber.@"resume"());
    try expectEqual(splitstack.Outcome.overflowed, fiber.outcome());
    const report = fiber.report().?;
    try expect(report.dropped > 500 and report.dropped < 2 * deep.reached);
}

test "foreign code runs on the system stack, and a panic in what it calls back ends the fiber" {
    try splitstack.Thread.enter();
    const Foreign = struct {
        fn call(context: ?*anyopaque) callconv(.c) void {
            const there: *usize = @ptrCast(@alignCast(context.?));
            there.* = @frameAddress();
            if (there.* == 0) return;
            splitstack.panic.call("inside", null);
        }
        fn run(there: *usize) void {
            splitstack.onSystemStack(call, .{there});
        }
    };
    var there: usize = 1;
    const fiber = try Fiber.init(.{}, Foreign.run, .{&there});
    defer fiber.deinit();
    try expectEqual(.ended, try fiber.@"resume"());
    try expectEqual(splitstack.Outcome.panicked, fiber.outcome());
    try expect(there < fiber.record.slot_low or there > fiber.record.slot_low + 8192);
}

test "a fiber that destroys a waiting one goes on under its own limit, with the system stack" {
    try splitstack.Thread.enter();
    const Destroyer = struct {
        other: Fiber,
        limits: [2]u64 = undefined,
        deep: Deep = .{ .depth = 200 },

        fn run(it: *@This()) splitstack.Fault!void {
            it.limits[0] = abi.getLimit();
            it.other.deinit();
            it.limits[1] = abi.getLimit();
            split_call(Deep.level, &it.deep);
            splitstack.yield();
        }
    };
    var waiting: Deep = .{ .depth = 60, .at_bottom = .yield };
    const other = try started(.{}, &waiting);
    try expectEqual(.yielded, try other.@"resume"());
    var destroyer: Destroyer = .{ .other = other };
    const fiber = try Fiber.init(.{}, Destroyer.run, .{&destroyer});
    defer fiber.deinit();
    try expectEqual(.yielded, try fiber.@"resume"());
    try expectEqual(destroyer.limits[0], destroyer.limits[1]);
    try expectEqual(200, destroyer.deep.reached);
    try expectEqual(.ended, try fiber.@"resume"());
    try expectEqual(splitstack.Outcome.completed, fiber.outcome());
}

test "a fiber goes on, on another thread than it yielded on" {
    try splitstack.Thread.enter();
    var deep: Deep = .{ .depth = 200, .at_bottom = .yield };
    const fiber = try started(.{}, &deep);
    defer fiber.deinit();
    try expectEqual(.yielded, try fiber.@"resume"());
    const Other = struct {
        fn run(moved: Fiber, step: *?Fiber.Step) void {
            splitstack.Thread.enter() catch return;
            defer splitstack.Thread.leave();
            step.* = moved.@"resume"() catch null;
        }
    };
    var step: ?Fiber.Step = null;
    const thread = try std.Thread.spawn(.{}, Other.run, .{ fiber, &step });
    thread.join();
    try expectEqual(.ended, step);
    try expectEqual(splitstack.Outcome.completed, fiber.outcome());
}

pub fn mappings() !usize {
    var buffer: [1 << 16]u8 = undefined;
    const descriptor: i32 = @intCast(linux.open("/proc/self/maps", .{ .ACCMODE = .RDONLY }, 0));
    defer _ = linux.close(descriptor);
    var lines: usize = 0;
    while (true) {
        const got = linux.read(descriptor, &buffer, buffer.len);
        if (linux.errno(got) != .SUCCESS) return error.Unreadable;
        if (got == 0) return lines;
        lines += std.mem.count(u8, buffer[0..got], "\n");
    }
}

pub fn residentPages() !usize {
    var buffer: [256]u8 = undefined;
    const descriptor: i32 = @intCast(linux.open("/proc/self/statm", .{ .ACCMODE = .RDONLY }, 0));
    defer _ = linux.close(descriptor);
    const got = linux.read(descriptor, &buffer, buffer.len);
    var words = std.mem.tokenizeScalar(u8, buffer[0..got], ' ');
    _ = words.next();
    return std.fmt.parseInt(usize, words.next().?, 10);
}

test "20,000 idle fibers that were 40 deep: at most 4.5 KiB resident each, and no mapping more" {
    try splitstack.Thread.enter();
    const Idle = struct {
        pub fn run(deep: *Deep) splitstack.Fault!void {
            try deep.run();
            splitstack.yield();
        }
    };
    const count = 20_000;
    const fibers = try std.heap.page_allocator.alloc(Fiber, count);
    defer std.heap.page_allocator.free(fibers);
    @memset(std.mem.sliceAsBytes(fibers), 0);
    const maps_before = try mappings();
    const before = try residentPages();
    for (fibers) |*fiber| {
        var deep: Deep = .{ .depth = 40 };
        fiber.* = try Fiber.init(.{}, Idle.run, .{&deep});
        try expectEqual(.yielded, try fiber.@"resume"());
        try expectEqual(40, deep.reached);
    }
    const each = ((try residentPages()) - before) * 4096 / count;
    try expect(each <= 4608);
    try expect(try mappings() <= maps_before + 8);
    for (fibers) |fiber| {
        try expectEqual(.ended, try fiber.@"resume"());
        fiber.deinit();
    }
    try expect(try residentPages() < before + 1024);
}

test "an idle fiber that was 40 calls deep has one page, whatever the size of its frames" {
    try splitstack.Thread.enter();
    const Small = struct {
        fn run(deep: *Deep) splitstack.Fault!void {
            small(deep);
            splitstack.yield();
        }
        /// A few levels on the first segment, so that a limit further down would let them touch its lower page.
        fn small(context: ?*anyopaque) callconv(.c) void {
            const deep: *Deep = @ptrCast(@alignCast(context.?));
            deep.reached += 1;
            if (deep.reached < deep.depth) split_call_small(small, deep);
        }
    };
    const count = 2000;
    const fibers = try std.heap.page_allocator.alloc(Fiber, count);
    defer std.heap.page_allocator.free(fibers);
    @memset(std.mem.sliceAsBytes(fibers), 0);
    const before = try residentPages();
    for (fibers) |*fiber| {
        var deep: Deep = .{ .depth = 40 };
        fiber.* = try Fiber.init(.{}, Small.run, .{&deep});
        try expectEqual(.yielded, try fiber.@"resume"());
        try expectEqual(40, deep.reached);
    }
    // A few pages are the cache's.
    try expect((try residentPages()) - before <= count + 100);
    for (fibers) |fiber| {
        try expectEqual(.ended, try fiber.@"resume"());
        fiber.deinit();
    }
}

test "exception flags of the vector unit are nobody's, control words are each fiber's own" {
    try splitstack.Thread.enter();
    const Rounding = struct {
        fn run() void {
            var third: f64 = 1;
            @as(*volatile f64, &third).* /= 3; // inexact
            setControl(control() | 0x6000); // towards zero
            splitstack.yield();
            if (control() & 0x6000 != 0x6000) splitstack.panic.call("the control word is another's", null);
            setControl(control() & ~@as(u32, 0x6000));
        }
        fn control() u32 {
            var word: u32 = undefined;
            asm volatile ("stmxcsr (%%rax)"
                :
                : [word] "{rax}" (&word),
                : .{ .memory = true });
            return word;
        }
        fn setControl(word: u32) void {
            asm volatile ("ldmxcsr (%%rax)"
                :
                : [word] "{rax}" (&word),
                : .{ .memory = true });
        }
    };
    const fiber = try Fiber.init(.{}, Rounding.run, .{});
    defer fiber.deinit();
    try expectEqual(.yielded, try fiber.@"resume"());
    try expectEqual(0, Rounding.control() & 0x6000);
    try expectEqual(.ended, try fiber.@"resume"());
    try expectEqual(splitstack.Outcome.completed, fiber.outcome());
    try expectEqual(0, fiber.record.second_faults);
}
