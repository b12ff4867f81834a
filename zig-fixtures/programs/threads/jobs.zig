//! What each fiber does: recurses through frames of three sizes, yields at random depths (so it is suspended several segments deep and
//! goes on wherever a thread takes it), locks, and ends in one of six ways. What must come of it is known without running it.

const std = @import("std");
const abi = @import("abi");
const fiber_records = @import("fiber");
const splitstack = @import("splitstack");
const report = @import("report");

extern fn hs_current() callconv(.c) ?*fiber_records.Fiber;

pub const Ending = enum { completes, fails, panics, faults, overflows, is_canceled };

pub const mutex_count = 4;
const levels_max = 160;
const locked_levels = 3;

pub const Job = struct {
    seed: u64,
    ending: Ending,
    levels: u32,
    // What came of it.
    sum: u64 = 0,
    yields: u32 = 0,
    migrations: u32 = 0,
    errdefers: u32 = 0,
    acquired: u32 = 0,
    released: u32 = 0,
    /// Yields so far after which it is canceled.
    cancel_after: u32 = 0,

    pub fn of(seed: u64) Job {
        const draw = mixed(seed);
        // Half of them complete.
        const ending: Ending = if (draw % 10 < 5) .completes else @enumFromInt(draw % 10 - 4);
        const least: u64 = if (ending == .overflows) 100 else 20;
        return .{
            .seed = seed,
            .ending = ending,
            .levels = @intCast(least + draw / 16 % (levels_max - least)),
            .cancel_after = @intCast(1 + draw / 4096 % 5),
        };
    }

    /// Bytes of stack that it may use: too few for those that are to overflow.
    pub fn budget(job: *const Job) u64 {
        return if (job.ending == .overflows) 12 << 10 else 0;
    }

    /// Whoever resumes it asks this, after each yield.
    pub fn wantsCancel(job: *const Job) bool {
        return job.ending == .is_canceled and job.yields == job.cancel_after;
    }

    pub fn check(job: *const Job, outcome: splitstack.Outcome) void {
        const right = switch (job.ending) {
            .completes => outcome == .completed and job.sum == job.expectedSum() and job.errdefers == 0,
            .fails => isError(outcome, error.Bottom) and job.errdefers == job.levels - locked_levels,
            .panics => outcome == .panicked and job.errdefers == 0,
            .faults => outcome == .segfaulted and job.errdefers == 0,
            .overflows => isError(outcome, error.StackOverflow) and job.errdefers > 0,
            .is_canceled => isError(outcome, error.Canceled),
        };
        if (!right) report.stop("job {x}, which {t}, came to {t}; {d} errdefers of {d} levels, sum {x}", .{
            job.seed, job.ending, outcome, job.errdefers, job.levels, job.sum,
        });
        const idle = job.acquired == 0 and job.ending != .is_canceled;
        if (idle or job.acquired != job.released) report.stop("job {x}, which {t}: {d} acquired, {d} released", .{
            job.seed, job.ending, job.acquired, job.released,
        });
    }

    fn expectedSum(job: *const Job) u64 {
        var sum: u64 = 0;
        for (0..job.levels) |level| sum +%= mixed(job.seed ^ level);
        return sum;
    }
};

fn isError(outcome: splitstack.Outcome, wanted: anyerror) bool {
    return switch (outcome) {
        .failed => |err| err == wanted,
        else => false,
    };
}

/// SplitMix64's step and finaliser.
pub fn mixed(state: u64) u64 {
    var z = state +% 0x9E3779B97F4A7C15;
    z = (z ^ z >> 30) *% 0xBF58476D1CE4E5B9;
    z = (z ^ z >> 27) *% 0x94D049BB133111EB;
    return z ^ z >> 31;
}

// ── On which thread ─────────────────────────────────────────────────────────────────────────────────────────────

/// Assembly that the compiler may not move or merge: a thread-local variable's address may be kept across a yield (see `rememberedAddress`).
pub inline fn threadPointer() usize {
    return asm volatile ("movq %%fs:0, %[value]"
        : [value] "=r" (-> usize),
        :
        : .{ .memory = true });
}

/// Yields, and checks that what belongs to a thread is the new one's.
fn yield(job: *Job) void {
    const before = threadPointer();
    job.yields += 1;
    splitstack.yield();
    if (threadPointer() != before) job.migrations += 1;
    checkPlace(job);
}

fn checkPlace(job: *const Job) void {
    const stack = &hs_current().?.stack;
    if (abi.getLimit() != stack.segment.?.limit) report.stop("job {x}: limit {x} in a segment whose limit is {x}", .{
        job.seed, abi.getLimit(), stack.segment.?.limit,
    });
    var there: OnSystemStack = .{ .thread = 0, .frame = 0 };
    splitstack.onSystemStack(OnSystemStack.note, .{&there});
    if (there.thread != threadPointer() or !systemStackOf(there.thread).holds(there.frame)) report.stop(
        "job {x}: foreign code ran at {x}, which is not its thread's stack",
        .{ job.seed, there.frame },
    );
    if (abi.getLimit() != stack.segment.?.limit) report.stop("job {x}: onSystemStack left limit {x}", .{ job.seed, abi.getLimit() });
}

const OnSystemStack = struct {
    thread: usize,
    frame: usize,

    fn note(context: ?*anyopaque) callconv(.c) void {
        const self: *OnSystemStack = @ptrCast(@alignCast(context.?));
        self.* = .{ .thread = threadPointer(), .frame = @frameAddress() };
    }
};

/// Of each OS thread: its pointer and its stack, as far as it is in use when it starts to schedule.
const Home = struct {
    thread: usize = 0,
    top: usize = 0,

    fn holds(home: Home, address: usize) bool {
        return address < home.top and home.top - address < 256 << 10;
    }
};

pub var homes: [16]Home = @splat(.{});

fn systemStackOf(thread: usize) Home {
    for (&homes) |home| if (home.thread == thread) return home;
    return .{};
}

/// What a thread-local variable's address is before and after a yield, as the compiler has it.
threadlocal var visits: u64 = 0;
pub var stale_addresses: u32 = 0;

noinline fn rememberedAddress(times: u32) void {
    var thread = threadPointer();
    var before = note(&visits);
    for (0..times) |_| {
        visits += 1;
        splitstack.yield();
        visits += 1;
        const after = note(&visits);
        if (threadPointer() != thread and before == after) _ = @atomicRmw(u32, &stale_addresses, .Add, 1, .monotonic);
        thread = threadPointer();
        before = after;
    }
}

noinline fn note(pointer: *u64) usize {
    return asm volatile ("" // identity
        : [value] "=r" (-> usize),
        : [pointer] "0" (pointer),
        : .{ .memory = true });
}

// ── Locks ───────────────────────────────────────────────────────────────────────────────────────────────────────

pub var mutexes: [mutex_count]u32 = @splat(0);

/// A lock held by a fiber; a panic releases it through the ledger.
const Guard = struct {
    held: splitstack.Held = .{},
    job: *Job,
    mutex: *u32,

    fn acquire(guard: *Guard) splitstack.Fault!void {
        while (@cmpxchgStrong(u32, guard.mutex, 0, 1, .acquire, .monotonic) != null) {
            try splitstack.checkpoint();
            yield(guard.job);
        }
        guard.job.acquired += 1;
        splitstack.hold(&guard.held, give);
    }

    fn give(held: *splitstack.Held) callconv(.c) void {
        const guard: *Guard = @fieldParentPtr("held", held);
        if (@atomicRmw(u32, guard.mutex, .Xchg, 0, .release) != 1) report.stop("job {x}: a mutex that it held was free", .{guard.job.seed});
        guard.job.released += 1;
    }

    fn release(guard: *Guard) void {
        splitstack.release(&guard.held);
    }
};

// ── The recursion ───────────────────────────────────────────────────────────────────────────────────────────────

const Error = splitstack.Fault || error{Bottom};

pub fn run(job: *Job) Error!void {
    rememberedAddress(2);
    checkPlace(job);
    const sum = try locked(job);
    job.sum = sum +% try next(job, locked_levels);
}

/// Every job holds one lock for its first levels, and some hold it while they yield.
fn locked(job: *Job) Error!u64 {
    var guard: Guard = .{ .job = job, .mutex = &mutexes[mixed(job.seed) % mutex_count] };
    try guard.acquire();
    defer guard.release();
    return under(job, 0);
}

fn under(job: *Job, level: u32) Error!u64 {
    errdefer job.errdefers += 1;
    try splitstack.checkpoint();
    if (level == 1 and job.seed % 4 == 0) yield(job);
    const own = mixed(job.seed ^ level);
    return if (level + 1 == locked_levels) own else own +% try under(job, level + 1);
}

fn next(job: *Job, level: u32) Error!u64 {
    return switch (mixed(job.seed +% level) % 8) {
        0...4 => frame(8, job, level),
        5...6 => frame(80, job, level),
        else => frame(700, job, level),
    };
}

noinline fn frame(comptime words: usize, job: *Job, level: u32) Error!u64 {
    errdefer job.errdefers += 1;
    try splitstack.checkpoint();
    var buffer: [words]u64 = undefined;
    const own = mixed(job.seed ^ level);
    fill(&buffer, own);
    if (own % 6 == 0) yield(job);
    if (level + 1 == job.levels) return bottom(job, own);
    const sum = try next(job, level + 1);
    if (own % 7 == 0) yield(job);
    if (!intact(&buffer, own)) report.stop("job {x}: the frame of level {d} was written to by somebody else", .{ job.seed, level });
    return own +% sum;
}

noinline fn fill(buffer: []u64, seed: u64) void {
    for (buffer, 0..) |*word, i| word.* = seed +% i;
}

noinline fn intact(buffer: []const u64, seed: u64) bool {
    for (buffer, 0..) |word, i| if (word != seed +% i) return false;
    return true;
}

fn bottom(job: *Job, own: u64) Error!u64 {
    var guard: Guard = .{ .job = job, .mutex = &mutexes[job.seed % mutex_count] };
    try guard.acquire();
    errdefer guard.release();
    yield(job);
    switch (job.ending) {
        .fails => return error.Bottom,
        .panics => @panic("the bottom"),
        .faults => @as(*volatile u8, @ptrFromInt(0x5e60)).* = 1,
        // It is canceled at one of its yields: there is always one more.
        .is_canceled => while (true) {
            try splitstack.checkpoint();
            yield(job);
        },
        .completes, .overflows => {},
    }
    guard.release();
    return own;
}
