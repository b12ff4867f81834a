//! The host of `harness check`: runs a program's entry once for each line of a file of plans (check_plan.zig), each time in a process of
//! its own that begins where this one stands, so that nothing a run leaves behind is another's. Not split code.
//!
//! usage: worker PLANS SECONDS OUTPUT_BYTES
//! A run may use so many seconds of a processor, three times as many by the clock, and write so many bytes to each file. Per run:
//!     @start NUMBER
//!     | …                       what it did, a line each; left out when an earlier run of this process did the same
//!     @end NUMBER HASH PROLOGUES SPLITS CHECKPOINTS ALLOCATIONS DROPPED EXHAUSTED
//! and at the end @done. An address stands for code of this program: comparing with another one's is the harness's business.

const std = @import("std");
const linux = std.os.linux;
const runtime = @import("abi");
const host = @import("host.zig");
const protocol = @import("protocol.zig");
const reporting = @import("reporting.zig");
const plans = @import("check_plan.zig");
const log = @import("check_log.zig");
const ledger = @import("check_ledger.zig");
const dwarf = @import("check_dwarf.zig");

pub const panic = std.debug.no_panic;

comptime {
    _ = host;
}

const file_max = 16 << 20;
const hashes_max = 1 << 12;
/// Of a stream that many lines are said, and the rest by its hash.
const lines_said_max = 400;
const exit_done = 0;

var entry: protocol.Entry = undefined;
var plan: plans.Plan = .{};
var plan_text: [file_max]u8 = undefined;
var streams: [2]i32 = undefined;
var output: [4 << 20]u8 = undefined;
var hashes: [hashes_max]u64 = undefined;
var hash_count: usize = 0;
var seconds: u64 = 10;
var output_bytes: u64 = 1 << 20;

export fn hs_check_main(run: protocol.Entry, argc: c_int, argv: [*][*:0]const u8) callconv(.c) c_int {
    entry = run;
    reporting.begin();
    if (argc < 4) return usage();
    seconds = std.fmt.parseInt(u64, std.mem.span(argv[2]), 10) catch return usage();
    output_bytes = std.fmt.parseInt(u64, std.mem.span(argv[3]), 10) catch return usage();
    if (output_bytes > output.len) return usage();
    const file: i32 = @intCast(reporting.checked(linux.open(argv[1], .{ .ACCMODE = .RDONLY, .CLOEXEC = true }, 0)));
    const text = plan_text[0..reporting.checked(linux.read(file, &plan_text, plan_text.len))];
    _ = linux.close(file);
    for (&streams, [_][*:0]const u8{ "output", "errors" }) |*stream, name| stream.* = reporting.memoryFile(name);
    log.open();
    dwarf.warm();
    host.on_exhausted = exhausted;
    var lines = std.mem.tokenizeScalar(u8, text, '\n');
    while (lines.next()) |one| {
        plan = plans.parse(one) catch return usage();
        perform();
    }
    reporting.say("@done\n", .{});
    return 0;
}

fn usage() c_int {
    reporting.say("@broken usage: worker PLANS SECONDS OUTPUT_BYTES\n", .{});
    return 2;
}

// ── In the parent ───────────────────────────────────────────────────────────────────────────────────────────────

fn perform() void {
    reporting.say("@start {d}\n", .{plan.number});
    for (streams) |stream| reporting.empty(stream);
    log.clear();
    const child = std.c.fork();
    if (child == 0) inChild();
    if (child < 0) {
        reporting.say("@broken no process\n", .{});
        linux.exit_group(71);
    }
    noteEnd(waitFor(child));
    for (streams, [_][]const u8{ "out", "err" }) |stream, name| noteOutput(stream, name);
    const shared = log.shared;
    const text = shared.text[0..shared.length];
    const hash = std.hash.Wyhash.hash(0, text);
    if (remember(hash)) reporting.write(text);
    reporting.say("@end {d} {x} {d} {d} {d} {d} {d} {d}\n", .{
        plan.number, hash, shared.prologues, shared.splits, shared.checkpoints, shared.allocations, shared.dropped, shared.exhausted,
    });
}

/// Its wait status; null: it hung, and has been killed.
fn waitFor(child: linux.pid_t) ?u32 {
    const descriptor: i32 = @intCast(reporting.checked(linux.pidfd_open(child, 0)));
    defer _ = linux.close(descriptor);
    var watched = [_]linux.pollfd{.{ .fd = descriptor, .events = linux.POLL.IN, .revents = 0 }};
    const patience: i32 = @intCast(@min(3 * seconds * std.time.ms_per_s, std.math.maxInt(i32)));
    const ready = linux.poll(&watched, 1, patience);
    const hung = ready == 0;
    if (hung) _ = linux.kill(child, .KILL);
    var status: u32 = 0;
    _ = reporting.checked(linux.wait4(child, &status, 0, null));
    return if (hung) null else status;
}

/// How a run ended that did not write that down itself.
fn noteEnd(status: ?u32) void {
    const s = status orelse return log.line("end hung", .{});
    if (linux.W.IFSIGNALED(s)) {
        const signal: linux.SIG = linux.W.TERMSIG(s);
        switch (signal) {
            .XCPU => log.line("end hung", .{}),
            .XFSZ => log.line("end output-cap {d}", .{output_bytes}),
            else => log.line("end signal {d}", .{@intFromEnum(signal)}),
        }
    } else if (log.shared.ended == 0) {
        log.line("end exit {d}", .{linux.W.EXITSTATUS(s)});
    }
}

fn noteOutput(file: i32, name: []const u8) void {
    const text = reporting.readOutput(file, output[0..output_bytes]);
    var lines = std.mem.splitScalar(u8, text, '\n');
    var count: usize = 0;
    while (lines.next()) |one| : (count += 1) {
        if (count == lines_said_max or (one.len == 0 and lines.peek() == null)) break;
        log.named("{s}", .{name}, one);
    }
    if (text.len > 0) log.line("{s}-all {d} {x}", .{ name, text.len, std.hash.Wyhash.hash(0, text) });
}

/// False: it is known.
fn remember(hash: u64) bool {
    if (std.mem.findScalar(u64, hashes[0..hash_count], hash) != null) return false;
    if (hash_count < hashes.len) {
        hashes[hash_count] = hash;
        hash_count += 1;
    }
    return true;
}

// ── In the child ────────────────────────────────────────────────────────────────────────────────────────────────

fn inChild() noreturn {
    _ = linux.prctl(@intFromEnum(linux.PR.SET_PDEATHSIG), @intFromEnum(linux.SIG.KILL), 0, 0, 0);
    limit(.FSIZE, output_bytes);
    limit(.CPU, seconds);
    limit(.CORE, 0);
    reporting.close();
    for (streams, 1..) |stream, number| reporting.redirect(stream, @intCast(number));
    if (plan.request) |request| {
        var result: protocol.Result = .{};
        host.hs_test_run(entry, null, &request, &result);
        log.shared.prologues = result.prologues;
        log.shared.splits = result.splits;
        if (log.shared.ended != 0) noteStack(&result);
    } else entry(null);
    leave();
}

fn noteStack(result: *const protocol.Result) void {
    if (result.failures != 0) log.line("stack memory {d}", .{result.failures});
    if (result.leaked_segments != 0) log.line("stack segments {d}", .{result.leaked_segments});
    if (result.wrong_registers != 0) log.line("stack registers {d}", .{result.wrong_registers});
    if (result.wrong_limit != 0) log.line("stack limit {d}", .{result.wrong_limit});
}

fn leave() noreturn {
    ledger.close();
    linux.exit_group(exit_done);
}

fn exhausted() noreturn {
    log.shared.exhausted = 1;
    linux.exit_group(exit_done);
}

fn limit(which: linux.rlimit_resource, most: u64) void {
    _ = linux.setrlimit(which, &.{ .cur = most, .max = most +| 1 });
}

export fn hs_check_enter(frame: usize) callconv(.c) void {
    log.begin(frame);
}

/// Kinds: check_unit.zig.
export fn hs_check_ended(kind: u32, text: [*]const u8, length: usize, errors: ?*anyopaque) callconv(.c) void {
    log.shared.ended = 1;
    switch (kind) {
        0 => log.line("end returned", .{}),
        1 => log.named("end value", .{}, text[0..length]),
        else => {
            log.named("end error", .{}, text[0..length]);
            log.errorTrace(errors);
        },
    }
}

export fn hs_check_panic(text: [*]const u8, length: usize, address: usize, errors: ?*anyopaque) callconv(.c) noreturn {
    // One inside another, or one while a thread's is on its way.
    if (@atomicRmw(u64, &log.shared.ended, .Xchg, 2, .acq_rel) == 2) linux.exit_group(exit_done);
    log.named("end panic", .{}, text[0..length]);
    log.errorTrace(errors);
    // Not from `address` on: what the compiler says of where it was called may be a split's stub.
    _ = address;
    log.trace(@frameAddress());
    host.abandon();
    leave();
}

export fn hs_check_allocate(length: usize, alignment: u8) callconv(.c) ?[*]u8 {
    log.shared.allocations += 1;
    const fails = switch (plan.fault) {
        .alloc => |number| number == log.shared.allocations,
        else => false,
    };
    return ledger.allocate(length, alignment, fails);
}

export fn hs_check_resize(memory: [*]u8, length: usize, wanted: usize) callconv(.c) bool {
    return ledger.resize(memory, length, wanted);
}

export fn hs_check_free(memory: [*]u8, length: usize) callconv(.c) void {
    ledger.free(memory, length);
}

const Hooks = extern struct {
    checkpoint: *const fn (?*anyopaque) callconv(.c) u32,
    event: *const fn ([*]const u8, usize, u64) callconv(.c) void,
    acquired: *const fn ([*]const u8, usize) callconv(.c) u64,
    released: *const fn (u64) callconv(.c) void,
    probe: *const fn ([*]const u8, usize, ?*anyopaque) callconv(.c) void,
};
/// fault_isolation.zig, Hooks.
export const hs_check_hooks: Hooks = .{ .checkpoint = checkpoint, .event = event, .acquired = acquired, .released = released, .probe = probe };

noinline fn checkpoint(errors: ?*anyopaque) callconv(.c) u32 {
    log.shared.checkpoints += 1;
    const code = due(log.shared.checkpoints);
    if (code == 0) return 0;
    log.line("delivered {d} {d}", .{ log.shared.checkpoints, code });
    log.trace(@frameAddress());
    log.errorTrace(errors);
    return code;
}

/// What the plan has for this checkpoint, then what the runtime has, as its own checkpoints ask for it (runtime/host.zig).
fn due(number: u64) u32 {
    const stack = host.fiberStack();
    switch (plan.fault) {
        .deliver => |list| for (list) |delivery| {
            if (delivery.checkpoint == number) return delivery.code;
        },
        .cancel => |at| if (at == number) {
            if (stack) |s| s.canceled = 1 else return runtime.error_canceled;
        },
        // From here on there is no more than what is in use.
        .overflow => |at| if (at == number) {
            if (stack) |s| {
                s.budget_bytes = s.segment.?.used_bytes;
                s.reserve_bytes = 1 << 40;
            } else return runtime.error_stack_overflow;
        },
        else => {},
    }
    const s = stack orelse return 0;
    const report = s.takeReport();
    if (report != 0) return report;
    defer s.canceled = 0;
    return if (s.canceled != 0) runtime.error_canceled else 0;
}

fn event(name: [*]const u8, length: usize, value: u64) callconv(.c) void {
    log.named("event {d}", .{value}, name[0..length]);
}

fn acquired(name: [*]const u8, length: usize) callconv(.c) u64 {
    return ledger.acquire(name[0..length]);
}

fn released(serial: u64) callconv(.c) void {
    ledger.release(serial);
}

fn probe(name: [*]const u8, length: usize, errors: ?*anyopaque) callconv(.c) void {
    log.named("probe", .{}, name[0..length]);
    log.trace(@frameAddress());
    log.errorTrace(errors);
}
