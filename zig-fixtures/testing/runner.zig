//! The test runner of `harness test`: every test of the file that it is compiled with, first plainly, as Zig's own runner calls it, then in
//! a fiber on split stacks, plan after plan, and compared. Itself split code, as part of the file's object; it runs where no limit is in force.
//!
//! One line per event on what was standard output when the process began; the tests' own output goes to a file in memory, whose content is
//! part of what is compared:
//!     @count N                            the tests there are
//!     @test I NAME
//!     @start I V                          attempt V of test I begins (Attempt; from `single_first` on: one split each)
//!     @end I V STATE ERROR LENGTH HASH LEAKS SPLITS PROLOGUES NANOSECONDS FAULTS
//!     @differs I V WHAT EXPECTED OBSERVED what an attempt did otherwise; the texts have blanks and other bytes as %XX
//!     @once I                             the test passes, but not a second time: each attempt needs a process of its own
//!     @next I                             the last test wrote where it must not: the process ends, and test I wants a fresh one
//!     @done
//! `unit [from TEST ATTEMPT | only TEST ATTEMPT | alone TEST ATTEMPT PROLOGUES | list]`: whoever started it goes on behind a test that
//! ended the process. `only` makes the attempts that the wanted one is compared with, `alone` nothing before it.

const std = @import("std");
const builtin = @import("builtin");
const testing = std.testing;
const protocol = @import("protocol.zig");
const reporting = @import("reporting.zig");
const say = reporting.say;
const nanoseconds = reporting.nanoseconds;

extern fn hs_test_run(entry: protocol.Entry, argument: ?*anyopaque, request: *const protocol.Request, result: *protocol.Result) callconv(.c) void;

pub const std_options: std.Options = .{ .logFn = log };

/// As Zig's own runner counts them.
var errors_logged: usize = 0;

/// What a test may call as `@import("root").fuzz`, by way of std.testing.fuzz: the given inputs, as without -ffuzz.
pub fn fuzz(
    context: anytype,
    comptime testOne: fn (context: @TypeOf(context), *testing.Smith) anyerror!void,
    options: testing.FuzzInputOptions,
) anyerror!void {
    for (options.corpus) |input| {
        var smith: testing.Smith = .{ .in = input };
        try testOne(context, &smith);
    }
    var smith: testing.Smith = .{ .in = "" };
    try testOne(context, &smith);
}

fn log(comptime level: std.log.Level, comptime scope: @EnumLiteral(), comptime format: []const u8, args: anytype) void {
    if (quiet) return;
    if (@intFromEnum(level) <= @intFromEnum(std.log.Level.err)) errors_logged +|= 1;
    if (@intFromEnum(level) > @intFromEnum(testing.log_level)) return;
    std.debug.print("[" ++ @tagName(scope) ++ "] (" ++ @tagName(level) ++ "): " ++ format ++ "\n", args);
}

/// In this order; 0 and 1 are compared with each other, so that what a test does differently each time is not blamed on the splits.
const Attempt = enum(u32) { plain = 0, again = 1, counted = 2, descending = 3, ascending = 4, interleaved = 5, pool = 6, single_first = 7, _ };
const single_count = 6;
const attempt_count = @intFromEnum(Attempt.single_first) + single_count;

/// A test that takes longer plainly gets one plan that splits often and one single split.
const long_nanoseconds = 300 * std.time.ns_per_ms;
/// Prologues beyond which not each splits but every n-th, so many in all.
const splits_max = 500_000;
/// The same where each release fills the segment, headroom and all.
const poisoned_max = 20_000;
/// Where nothing is to split by itself: as much as a program's first thread has.
const roomy_bytes = 8 << 20;
/// Where each prologue splits.
const tight_bytes = 512;
/// For libc, compiler-rt and whatever else a test calls that does not ask. A context with AVX-512 and a signal's frame fit as well.
const headroom_bytes = 64 << 10;

const State = enum { ok, skipped, failed };

const Outcome = struct {
    state: State = .ok,
    error_name: []const u8 = "-",
    output_bytes: usize = 0,
    hash: u64 = 0,
    leaks: usize = 0,
    logged: usize = 0,
    nanoseconds: u64 = 0,
    result: protocol.Result = .{},
};

var output_file: i32 = undefined;
/// What the last attempt wrote, as far as it is looked at, and what the plain one did.
var output: [1 << 20]u8 = undefined;
var plain_output: [1 << 16]u8 = undefined;
var current: usize = 0;
/// While leaks are counted: each would be told with a stack trace, which takes seconds.
var quiet = false;
/// A canary or poisoned memory was overwritten: what lies beside it may be, too.
var tainted = false;
var outcome: Outcome = .{};
/// Of each attempt; whoever starts this says otherwise in the environment.
var attempt_milliseconds: u64 = 60_000;
const attempt_milliseconds_name = "HS_ATTEMPT_MILLISECONDS";

pub fn main(init: std.process.Init.Minimal) void {
    const arguments = init.args.vector;
    const mode = if (arguments.len > 1) std.mem.span(arguments[1]) else "from";
    const test_first = number(arguments, 2);
    const attempt_first = number(arguments, 3);
    reporting.begin();
    say("@count {d}\n", .{builtin.test_functions.len});
    if (std.mem.eql(u8, mode, "list")) {
        for (builtin.test_functions, 0..) |t, i| say("@test {d} {s}\n", .{ i, t.name });
        return;
    }
    output_file = reporting.memoryFile("output");
    reporting.redirect(output_file, 1);
    reporting.redirect(output_file, 2);
    if (std.c.getenv(attempt_milliseconds_name)) |text| {
        attempt_milliseconds = std.fmt.parseInt(u64, std.mem.span(text), 10) catch attempt_milliseconds;
    }
    const only = std.mem.eql(u8, mode, "only");
    if (std.mem.eql(u8, mode, "alone")) {
        alone(init, @min(test_first, builtin.test_functions.len - 1), attempt_first, number(arguments, 4));
        return say("@done\n", .{});
    }
    for (builtin.test_functions[@min(test_first, builtin.test_functions.len)..], test_first..) |_, i| {
        tainted = false;
        verify(init, i, if (i == test_first) attempt_first else 0, only);
        if (only) break;
        if (tainted) return say("@next {d}\n", .{i + 1});
    }
    say("@done\n", .{});
}

fn number(arguments: []const [*:0]const u8, at: usize) usize {
    if (at >= arguments.len) return 0;
    return std.fmt.parseInt(usize, std.mem.span(arguments[at]), 10) catch 0;
}

/// All attempts of one test from `first` on; those that the others are compared with are made in any case.
fn verify(init: std.process.Init.Minimal, index: usize, first: usize, only: bool) void {
    say("@test {d} {s}\n", .{ index, builtin.test_functions[index].name });
    const plain = attempt(init, index, .plain, null);
    @memcpy(plain_output[0..@min(plain.output_bytes, plain_output.len)], output[0..@min(plain.output_bytes, plain_output.len)]);
    if (plain.state != .ok or plain.leaks != 0 or (only and first == 0)) return;
    const again = attempt(init, index, .again, null);
    if (again.state != .ok) return say("@once {d}\n", .{index});
    const steady = again.hash == plain.hash and again.output_bytes == plain.output_bytes;
    const counted = attempt(init, index, .counted, requestOf(@intFromEnum(Attempt.counted), 0, index));
    compare(index, .counted, plain, counted, steady);
    const prologues = counted.result.prologues;
    if (prologues == 0) return;
    const long = plain.nanoseconds > long_nanoseconds;
    for (@intFromEnum(Attempt.descending)..attempt_count) |number_of| {
        if (number_of < first or (only and number_of != first)) continue;
        const kind: Attempt = @enumFromInt(number_of);
        if (long and kind != .ascending and kind != .single_first) continue;
        compare(index, kind, plain, attempt(init, index, kind, requestOf(number_of, prologues, index)), steady);
    }
}

/// In a process of its own, for a test that changes what it finds. Its output is not compared.
fn alone(init: std.process.Init.Minimal, index: usize, number_of: usize, prologues: u64) void {
    say("@test {d} {s}\n", .{ index, builtin.test_functions[index].name });
    const kind: Attempt = @enumFromInt(number_of);
    compare(index, kind, .{}, attempt(init, index, kind, requestOf(number_of, prologues, index)), false);
}

const every_nth = 5;
const nth_prologue = 10;
const never = 1 << 62;

fn requestOf(number_of: usize, prologues: u64, index: usize) protocol.Request {
    if (number_of == @intFromEnum(Attempt.counted)) return .{
        .kind = every_nth,
        .placement = 0,
        .policy = 0,
        .caching = 1,
        .a = never,
        .first_bytes = roomy_bytes,
        .headroom_bytes = headroom_bytes,
    };
    const every = 1 + prologues / @as(u64, if (number_of == @intFromEnum(Attempt.ascending)) poisoned_max else splits_max);
    if (number_of < @intFromEnum(Attempt.single_first)) return .{
        .kind = every_nth,
        .placement = @intCast(number_of - @intFromEnum(Attempt.descending)),
        // Kept segments, poisoned ones, ones that fault when touched after their release, the product's own.
        .policy = switch (@as(Attempt, @enumFromInt(number_of))) {
            .ascending => 1,
            .interleaved => 2,
            else => 0,
        },
        // Where segments are kept, a split that takes one leaves the limit alone, so that fewer prologues are forced; the stub's short way.
        .caching = @intFromBool(number_of == @intFromEnum(Attempt.descending)),
        .a = every,
        // Otherwise what lies between two that split would split as well, for want of room.
        .first_bytes = if (every == 1) tight_bytes else roomy_bytes,
        .headroom_bytes = headroom_bytes,
    };
    // Strata of equal length, one place in each.
    const which = number_of - @intFromEnum(Attempt.single_first);
    const draw = std.hash.int(@as(u64, index) << 8 | which);
    const low = prologues * which / single_count;
    const width = @max(1, prologues * (which + 1) / single_count - low);
    return .{
        .kind = nth_prologue,
        .placement = @intCast(which % 3),
        .policy = @intCast(which % 2),
        .caching = 0,
        .a = 1 + low + draw % width,
        .first_bytes = roomy_bytes,
        .headroom_bytes = headroom_bytes,
    };
}

const itimer_prof = 2;

/// The processor time of this attempt is limited: beyond it SIGPROF ends the process, which whoever started it takes for a test without end. Waiting does not count.
fn limitTime(milliseconds: u64) void {
    const limit: std.os.linux.itimerspec = .{
        .it_interval = .{ .sec = 0, .nsec = 0 },
        // Of the system call the second word is in microseconds (struct timeval).
        .it_value = .{ .sec = @intCast(milliseconds / 1000), .nsec = @intCast(milliseconds % 1000 * 1000) },
    };
    _ = reporting.checked(std.os.linux.setitimer(itimer_prof, &limit, null));
}

/// One call of one test. `request`: in a fiber, split like this; null: as Zig's own runner calls it.
fn attempt(init: std.process.Init.Minimal, index: usize, kind: Attempt, request: ?protocol.Request) Outcome {
    say("@start {d} {d}\n", .{ index, @intFromEnum(kind) });
    testing.allocator_instance = .{};
    testing.io_instance = .init(testing.allocator, .{ .argv0 = .init(init.args), .environ = init.environ });
    testing.log_level = .warn;
    testing.environ = init.environ;
    testing.random_seed = 0x5eed;
    errors_logged = 0;
    reporting.empty(output_file);
    outcome = .{};
    current = index;
    const began = nanoseconds();
    limitTime(attempt_milliseconds);
    if (request) |r| hs_test_run(&inFiber, null, &r, &outcome.result) else call();
    limitTime(0);
    outcome.nanoseconds = nanoseconds() - began;
    outcome.output_bytes = reporting.readOutput(output_file, &output).len;
    outcome.hash = std.hash.Wyhash.hash(0, output[0..outcome.output_bytes]);
    outcome.logged = errors_logged;
    testing.io_instance.deinit();
    quiet = true;
    outcome.leaks = testing.allocator_instance.detectLeaks();
    quiet = false;
    testing.allocator_instance.deinitWithoutLeakChecks();
    const r = &outcome.result;
    say("@end {d} {d} {t} {s} {d} {x} {d} {d} {d} {d} {d}\n", .{
        index,         @intFromEnum(kind), outcome.state, outcome.error_name,  outcome.output_bytes,                                                                outcome.hash,
        outcome.leaks, r.splits,           r.prologues,   outcome.nanoseconds, r.failures | r.wrong_registers << 8 | r.wrong_limit << 16 | r.leaked_segments << 20,
    });
    return outcome;
}

fn inFiber(_: ?*anyopaque) callconv(.c) void {
    call();
}

fn call() void {
    builtin.test_functions[current].func() catch |err| {
        outcome.state = if (err == error.SkipZigTest) .skipped else .failed;
        outcome.error_name = @errorName(err);
    };
}

/// What a split attempt did otherwise than the plain one, a line each.
fn compare(index: usize, kind: Attempt, plain: Outcome, split: Outcome, steady: bool) void {
    const r = &split.result;
    if (split.state != .ok) differs(index, kind, "result", "ok", split.error_name);
    if (split.leaks != plain.leaks) differsIn(index, kind, "leaks", plain.leaks, split.leaks);
    if (split.logged != plain.logged) differsIn(index, kind, "errors-logged", plain.logged, split.logged);
    if (r.failures != 0) {
        differsIn(index, kind, "memory", 0, r.failures);
        tainted = true;
    }
    if (r.leaked_segments != 0) differsIn(index, kind, "segments", 0, r.leaked_segments);
    if (r.wrong_registers != 0) differsIn(index, kind, "registers", 0, r.wrong_registers);
    if (r.wrong_limit != 0) differsIn(index, kind, "limit", 0, r.wrong_limit);
    if (!steady or (split.hash == plain.hash and split.output_bytes == plain.output_bytes)) return;
    const bytes_plain = plain_output[0..@min(plain.output_bytes, plain_output.len)];
    const bytes_split = output[0..@min(split.output_bytes, plain_output.len)];
    var at: usize = 0;
    while (at < @min(bytes_plain.len, bytes_split.len) and bytes_plain[at] == bytes_split[at]) at += 1;
    at = if (std.mem.lastIndexOfScalar(u8, bytes_plain[0..at], '\n')) |line| line + 1 else 0;
    differs(index, kind, "output", bytes_plain[at..@min(at + 300, bytes_plain.len)], bytes_split[at..@min(at + 300, bytes_split.len)]);
}

fn differsIn(index: usize, kind: Attempt, what: []const u8, expected: u64, observed: u64) void {
    say("@differs {d} {d} {s} {d} {d}\n", .{ index, @intFromEnum(kind), what, expected, observed });
}

fn differs(index: usize, kind: Attempt, what: []const u8, expected: []const u8, observed: []const u8) void {
    var left: [1024]u8 = undefined;
    var right: [1024]u8 = undefined;
    say("@differs {d} {d} {s} {s} {s}\n", .{ index, @intFromEnum(kind), what, reporting.escaped(&left, expected), reporting.escaped(&right, observed) });
}
