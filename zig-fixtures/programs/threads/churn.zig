//! Threads that come, run a fiber that splits, hand another one on, and go: some leave the runtime, some just end. What they had mapped
//! and cached must be gone with them.

const std = @import("std");
const splitstack = @import("splitstack");
const jobs = @import("jobs");
const report = @import("report");
const Thread = @import("pthread").Thread;

/// Before the first count: the C library's caches, the pool's first slots.
const warm_up = 200;
/// What may come and go besides, of the C library's stacks and arenas.
const spare_lines = 4;
const spare_bytes = 1 << 20;

var handed_on: ?splitstack.Fiber = null;
var handed_job: jobs.Job = undefined;

const Mappings = struct { lines: u64, bytes: u64 };

pub fn run(threads: u64) void {
    for (0..warm_up) |number| one(number);
    const before = mappings();
    for (0..threads) |number| one(number);
    const after = mappings();
    report.say("churn: {d} threads, mappings {d} before, {d} after; mapped KiB {d} before, {d} after", .{
        threads, before.lines, after.lines, before.bytes >> 10, after.bytes >> 10,
    });
    if (after.lines > before.lines + spare_lines or after.bytes > before.bytes + spare_bytes) {
        report.stop("threads that have ended left mappings behind", .{});
    }
}

fn one(number: u64) void {
    Thread.spawn(live, number).join();
}

/// A fiber of its own to the end, one begun by the thread before it to its end, and one more to its first yield.
fn live(number: u64) void {
    splitstack.Thread.enter() catch report.stop("no memory for a thread", .{});
    jobs.homes[0] = .{ .thread = jobs.threadPointer(), .top = @frameAddress() };
    var job = short(2 * number);
    finish(create(&job), &job);
    if (handed_on) |fiber| finish(fiber, &handed_job);
    handed_job = short(2 * number + 1);
    handed_on = create(&handed_job);
    if ((handed_on.?.@"resume"() catch null) != .yielded) report.stop("a fiber did not begin", .{});
    // Every other thread ends as it is.
    if (number % 2 == 0) splitstack.Thread.leave();
}

/// Not deep, unless it is to overflow: there are many.
fn short(seed: u64) jobs.Job {
    var job: jobs.Job = .of(seed);
    if (job.ending != .overflows) job.levels = @min(job.levels, 30);
    return job;
}

fn create(job: *jobs.Job) splitstack.Fiber {
    return splitstack.Fiber.init(.{ .budget_bytes = job.budget() }, jobs.run, .{job}) catch report.stop("no memory for a fiber", .{});
}

fn finish(fiber: splitstack.Fiber, job: *jobs.Job) void {
    while ((fiber.@"resume"() catch report.stop("job {x} is not resumable", .{job.seed})) == .yielded) {
        if (job.wantsCancel()) fiber.cancel();
    }
    job.check(fiber.outcome());
    fiber.deinit();
}

/// Lines of /proc/self/maps, and bytes of what is readable: the runtime's reserve of address space is not.
fn mappings() Mappings {
    const descriptor = std.c.open("/proc/self/maps", .{ .ACCMODE = .RDONLY });
    if (descriptor < 0) report.stop("/proc/self/maps cannot be opened", .{});
    defer _ = std.c.close(descriptor);
    var result: Mappings = .{ .lines = 0, .bytes = 0 };
    var line: [4096]u8 = undefined;
    var used: usize = 0;
    while (true) {
        var byte: [4096]u8 = undefined;
        const got = std.c.read(descriptor, &byte, byte.len);
        if (got <= 0) return result;
        for (byte[0..@intCast(got)]) |b| {
            if (b == '\n') {
                result.lines += 1;
                result.bytes += readable(line[0..used]);
                used = 0;
            } else if (used < line.len) {
                line[used] = b;
                used += 1;
            }
        }
    }
}

/// "low-high perms …"
fn readable(line: []const u8) u64 {
    const dash = std.mem.indexOfScalar(u8, line, '-') orelse return 0;
    const space = std.mem.indexOfScalar(u8, line, ' ') orelse return 0;
    if (line.len <= space + 1 or line[space + 1] != 'r') return 0;
    const low = std.fmt.parseInt(u64, line[0..dash], 16) catch return 0;
    const high = std.fmt.parseInt(u64, line[dash + 1 .. space], 16) catch return 0;
    return high - low;
}
