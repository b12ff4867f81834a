//! Work stealing: each thread has a queue; it takes from its own, else from another's, and puts a fiber that yielded into any thread's.

const splitstack = @import("splitstack");
const jobs = @import("jobs");
const report = @import("report");
const pthread = @import("pthread");

const Thread = pthread.Thread;

pub const jobs_max = 1_000_000;
const thread_count = 4;
/// Fibers that live at the same time.
const live = 120;

const Running = struct { fiber: splitstack.Fiber, job: jobs.Job };

/// A ring with room for all that live.
const Queue = struct {
    lock: u32 = 0,
    slots: [live]u32 = undefined,
    first: u32 = 0,
    count: u32 = 0,

    fn enter(queue: *Queue) void {
        while (@cmpxchgWeak(u32, &queue.lock, 0, 1, .acquire, .monotonic) != null) pthread.rest();
    }

    fn leave(queue: *Queue) void {
        @atomicStore(u32, &queue.lock, 0, .release);
    }

    fn put(queue: *Queue, index: u32) void {
        queue.enter();
        defer queue.leave();
        queue.slots[(queue.first + queue.count) % live] = index;
        queue.count += 1;
    }

    fn take(queue: *Queue) ?u32 {
        queue.enter();
        defer queue.leave();
        if (queue.count == 0) return null;
        const index = queue.slots[queue.first];
        queue.first = (queue.first + 1) % live;
        queue.count -= 1;
        return index;
    }
};

var queues: [thread_count]Queue = @splat(.{});
var places: [live]Running = undefined;
var seed: u64 = 0;
var wanted: u32 = 0;
/// Jobs begun, and jobs ended.
var begun: u32 = 0;
var ended: u32 = 0;
var endings: [@typeInfo(jobs.Ending).@"enum".fields.len]u32 = @splat(0);
var yields: u64 = 0;
var migrations: u64 = 0;
var steals: u64 = 0;

pub fn run(run_seed: u64, count: u32) void {
    seed = run_seed;
    wanted = count;
    splitstack.Thread.enter() catch report.stop("no memory for a thread", .{});
    for (0..@min(live, wanted)) |place| {
        if (start(@intCast(place))) queues[place % thread_count].put(@intCast(place));
    }
    var threads: [thread_count]Thread = undefined;
    for (&threads, 0..) |*thread, number| thread.* = .spawn(work, number);
    for (threads) |thread| thread.join();
    splitstack.Thread.leave();
    for (&jobs.mutexes, 0..) |mutex, i| if (mutex != 0) report.stop("mutex {d} is still locked", .{i});
    report.say("steal seed {d}: {d} jobs; completed {d}, failed {d}, panicked {d}, faulted {d}, overflowed {d}, canceled {d}", .{
        seed, ended, endings[0], endings[1], endings[2], endings[3], endings[4], endings[5],
    });
    report.say("yields {d} migrations {d} steals {d} stale {d}", .{ yields, migrations, steals, jobs.stale_addresses });
}

/// The next job, in a free place. False: there is none.
fn start(place: u32) bool {
    const number = @atomicRmw(u32, &begun, .Add, 1, .monotonic);
    if (number >= wanted) return false;
    const running = &places[place];
    running.job = .of(jobs.mixed(seed ^ number));
    running.fiber = splitstack.Fiber.init(.{ .budget_bytes = running.job.budget() }, jobs.run, .{&running.job}) catch
        report.stop("no memory for a fiber", .{});
    return true;
}

fn work(number: u64) void {
    splitstack.Thread.enter() catch report.stop("no memory for a thread", .{});
    defer splitstack.Thread.leave();
    jobs.homes[number] = .{ .thread = jobs.threadPointer(), .top = @frameAddress() };
    var random = jobs.mixed(seed +% 1000 +% number);
    while (@atomicLoad(u32, &ended, .acquire) < wanted) {
        random = jobs.mixed(random);
        const place = next(number, random) orelse {
            pthread.rest();
            continue;
        };
        step(number, place, random);
    }
}

fn next(number: u64, random: u64) ?u32 {
    if (queues[number].take()) |place| return place;
    const victim = random % thread_count;
    const place = queues[victim].take() orelse return null;
    _ = @atomicRmw(u64, &steals, .Add, 1, .monotonic);
    return place;
}

/// Until its next yield, or its end and the next one's beginning.
fn step(number: u64, place: u32, random: u64) void {
    const running = &places[place];
    const result = running.fiber.@"resume"() catch report.stop("job {x} is not resumable", .{running.job.seed});
    if (result == .ended) {
        running.job.check(running.fiber.outcome());
        _ = @atomicRmw(u32, &endings[@intFromEnum(running.job.ending)], .Add, 1, .monotonic);
        _ = @atomicRmw(u64, &yields, .Add, running.job.yields, .monotonic);
        _ = @atomicRmw(u64, &migrations, .Add, running.job.migrations, .monotonic);
        running.fiber.deinit();
        _ = @atomicRmw(u32, &ended, .Add, 1, .acq_rel);
        if (!start(place)) return;
    } else if (running.job.wantsCancel()) running.fiber.cancel();
    const home = if (random >> 32 & 1 == 1) number else random >> 40;
    queues[home % thread_count].put(place);
}
