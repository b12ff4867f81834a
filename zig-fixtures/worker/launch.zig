//! launch [--as BYTES] [--cpu SECONDS] [--nofile N] [--fsize BYTES] [--core BYTES] [--tag WORD]
//!        [--confine offline|alone] -- command [argument…]
//!
//! Runs one command for the harness: with limits, in a process group of its own, and never longer
//! than the harness. Standard input is the lifeline: the harness holds the other end of the pipe,
//! so end of file there means that the harness is gone (even by SIGKILL) or wants the command gone;
//! the whole group is then killed. Should this process be killed itself, the command dies by
//! PR_SET_PDEATHSIG (which is per thread: this process has one).
//!
//! `--confine offline`: no sockets. `--confine alone`: no other process either, and no signal to one
//! (confine.zig).
//!
//! The command's standard input is empty; output and environment are inherited. Whatever is left of
//! its group when it ends is killed. The exit code is the command's, or 128 + signal; the last line
//! on standard error tells which:
//!     @launch TAG exit CODE user=US system=US rss=KIB
//!     @launch TAG signal NUMBER user=US system=US rss=KIB
//!     @launch TAG failed REASON          (the command never ran)
//!     @launch TAG killed                 (lifeline or signal)
//! The other side is harness/Harness.Execution/LaunchReport.cs.

const std = @import("std");
const linux = std.os.linux;
const confine = @import("confine.zig");

const Limit = struct { resource: linux.rlimit_resource, value: u64 };

const Options = struct {
    limits: [5]Limit = undefined,
    limit_count: usize = 0,
    tag: []const u8 = "-",
    confinement: confine.Kind = .none,
    command: [*:null]const ?[*:0]const u8 = undefined,

    fn add(options: *Options, resource: linux.rlimit_resource, text: []const u8) !void {
        if (options.limit_count == options.limits.len) return error.TooManyLimits;
        const value = try std.fmt.parseInt(u64, text, 10);
        options.limits[options.limit_count] = .{ .resource = resource, .value = value };
        options.limit_count += 1;
    }

    fn parse(arguments: []const [*:0]const u8) !Options {
        var options: Options = .{};
        var core_given = false;
        var i: usize = 1;
        while (i < arguments.len) : (i += 2) {
            const name = std.mem.span(arguments[i]);
            if (i + 1 == arguments.len) return error.MissingCommand;
            if (std.mem.eql(u8, name, "--")) {
                if (!core_given) try options.add(.CORE, "0");
                options.command = @ptrCast(arguments[i + 1 ..].ptr);
                return options;
            }
            const value = std.mem.span(arguments[i + 1]);
            if (std.mem.eql(u8, name, "--tag")) {
                options.tag = value;
            } else if (std.mem.eql(u8, name, "--confine")) {
                options.confinement = std.meta.stringToEnum(confine.Kind, value) orelse
                    return error.UnknownConfinement;
            } else if (std.mem.eql(u8, name, "--as")) {
                try options.add(.AS, value);
            } else if (std.mem.eql(u8, name, "--cpu")) {
                try options.add(.CPU, value);
            } else if (std.mem.eql(u8, name, "--nofile")) {
                try options.add(.NOFILE, value);
            } else if (std.mem.eql(u8, name, "--fsize")) {
                try options.add(.FSIZE, value);
            } else if (std.mem.eql(u8, name, "--core")) {
                core_given = true;
                try options.add(.CORE, value);
            } else return error.UnknownOption;
        }
        return error.MissingCommand;
    }
};

/// Five seconds in all.
const busy_tries = 500;
const busy_wait_ns = 10_000_000;

/// Why the command never ran, sent by the child over a pipe that a successful execve closes.
const Failure = extern struct { stage: Stage, errno: u32 };
const Stage = enum(u32) { limits, stdin, confine, execve };

pub fn main(init: std.process.Init.Minimal) u8 {
    const options = Options.parse(init.args.vector) catch |err| {
        say("launch: {t}; usage: launch [--as BYTES] [--cpu SECONDS] [--nofile N] " ++
            "[--fsize BYTES] [--core BYTES] [--tag WORD] [--confine offline|alone] " ++
            "-- command [argument...]\n", .{err});
        return 2;
    };

    var watched = linux.sigemptyset();
    for ([_]linux.SIG{ .CHLD, .INT, .TERM, .HUP, .QUIT }) |signal| {
        linux.sigaddset(&watched, signal);
    }
    var inherited: linux.sigset_t = undefined;
    _ = linux.sigprocmask(linux.SIG.BLOCK, &watched, &inherited);
    const signals = linux.signalfd(-1, &watched, linux.SFD.CLOEXEC);
    var failure_pipe: [2]i32 = undefined;
    const piped = linux.pipe2(&failure_pipe, .{ .CLOEXEC = true });
    if (linux.errno(signals) != .SUCCESS or linux.errno(piped) != .SUCCESS) {
        say("@launch {s} failed no descriptors\n", .{options.tag});
        return 127;
    }

    const forked = linux.fork();
    if (linux.errno(forked) != .SUCCESS) {
        say("@launch {s} failed fork: {t}\n", .{ options.tag, linux.errno(forked) });
        return 127;
    }
    if (forked == 0) {
        becomeCommand(&options, &inherited, init.environ.block.slice.ptr, failure_pipe[1]);
    }

    const child: linux.pid_t = @intCast(forked);
    _ = linux.setpgid(child, child); // Both sides do it: whoever comes first.
    _ = linux.close(failure_pipe[1]);
    if (failedToStart(failure_pipe[0])) |failure| {
        reap(child, null);
        const errno: linux.E = @enumFromInt(failure.errno);
        say("@launch {s} failed {t}: {t}\n", .{ options.tag, failure.stage, errno });
        return 127;
    }
    if (!outlived(child, @intCast(signals))) {
        kill(child);
        reap(child, null);
        say("\n@launch {s} killed\n", .{options.tag});
        return 128 + @as(u8, @intFromEnum(linux.SIG.KILL));
    }

    kill(child); // Not reaped yet, so the group's number cannot mean another group.
    return report(options.tag, child);
}

/// Runs in the child; never returns.
fn becomeCommand(
    options: *const Options,
    mask: *const linux.sigset_t,
    environment: [*:null]const ?[*:0]const u8,
    failures: i32,
) noreturn {
    _ = linux.setpgid(0, 0);
    _ = linux.prctl(@intFromEnum(linux.PR.SET_PDEATHSIG), @intFromEnum(linux.SIG.KILL), 0, 0, 0);
    for (options.limits[0..options.limit_count]) |limit| {
        const result = apply(limit);
        if (result != .SUCCESS) giveUp(failures, .limits, result);
    }
    const nothing = linux.open("/dev/null", .{ .ACCMODE = .RDONLY }, 0);
    if (linux.errno(nothing) != .SUCCESS) giveUp(failures, .stdin, linux.errno(nothing));
    const replaced = linux.dup2(@intCast(nothing), 0);
    if (linux.errno(replaced) != .SUCCESS) giveUp(failures, .stdin, linux.errno(replaced));
    if (nothing != 0) _ = linux.close(@intCast(nothing));
    _ = linux.sigprocmask(linux.SIG.SETMASK, mask, null);
    const confined = confine.enter(options.confinement);
    if (confined != .SUCCESS) giveUp(failures, .confine, confined);
    giveUp(failures, .execve, execute(options.command, environment));
}

/// Returns only why not. A file that was written a moment ago may still be open in a child that another thread of the writer has forked and that has
/// not come to its own execve: it will (ETXTBSY, execve(2)).
fn execute(command: [*:null]const ?[*:0]const u8, environment: [*:null]const ?[*:0]const u8) linux.E {
    var left: u32 = busy_tries;
    while (true) : (left -= 1) {
        const result = linux.errno(linux.execve(command[0].?, command, environment));
        if (result != .TXTBSY or left == 0) return result;
        _ = linux.nanosleep(&.{ .sec = 0, .nsec = busy_wait_ns }, null);
    }
}

/// An inherited hard limit that is already tighter stays as it is.
fn apply(limit: Limit) linux.E {
    var current: linux.rlimit = undefined;
    const got = linux.errno(linux.getrlimit(limit.resource, &current));
    if (got != .SUCCESS) return got;
    // SIGXCPU at the soft limit, SIGKILL a second later for those who ignore it.
    const hard = if (limit.resource == .CPU) limit.value +| 1 else limit.value;
    const wanted: linux.rlimit = .{
        .cur = @min(limit.value, current.max),
        .max = @min(hard, current.max),
    };
    return linux.errno(linux.setrlimit(limit.resource, &wanted));
}

fn giveUp(failures: i32, stage: Stage, errno: linux.E) noreturn {
    const failure: Failure = .{ .stage = stage, .errno = @intFromEnum(errno) };
    _ = linux.write(failures, @ptrCast(&failure), @sizeOf(Failure));
    linux.exit_group(127);
}

fn failedToStart(pipe: i32) ?Failure {
    var failure: Failure = undefined;
    while (true) {
        const got = linux.read(pipe, @ptrCast(&failure), @sizeOf(Failure));
        if (linux.errno(got) == .INTR) continue;
        _ = linux.close(pipe);
        return if (got == @sizeOf(Failure)) failure else null;
    }
}

/// Waits for the child's end (true), or for a reason to end it (false): lifeline closed, or a
/// signal to us.
fn outlived(child: linux.pid_t, signals: i32) bool {
    var sources = [_]linux.pollfd{
        .{ .fd = signals, .events = linux.POLL.IN, .revents = 0 },
        .{ .fd = 0, .events = linux.POLL.IN, .revents = 0 },
    };
    while (true) {
        _ = linux.poll(&sources, sources.len, -1);
        if (sources[0].revents != 0) {
            var info: linux.signalfd_siginfo = undefined;
            _ = linux.read(signals, @ptrCast(&info), @sizeOf(linux.signalfd_siginfo));
            if (info.signo != @intFromEnum(linux.SIG.CHLD)) return false;
            if (hasEnded(child)) return true;
        }
        if (sources[1].revents != 0) {
            var byte: [64]u8 = undefined;
            const got = linux.read(0, &byte, byte.len);
            if (got == 0 or linux.errno(got) != .SUCCESS) return hasEnded(child);
        }
    }
}

fn hasEnded(child: linux.pid_t) bool {
    var info: linux.siginfo_t = std.mem.zeroes(linux.siginfo_t);
    const flags = linux.W.EXITED | linux.W.NOHANG | linux.W.NOWAIT;
    const result = linux.waitid(.PID, child, &info, flags, null);
    return linux.errno(result) == .SUCCESS and info.signo == .CHLD;
}

fn kill(group: linux.pid_t) void {
    _ = linux.kill(-group, .KILL);
}

fn reap(child: linux.pid_t, usage: ?*linux.rusage) void {
    var status: u32 = 0;
    while (linux.errno(linux.wait4(child, &status, 0, usage)) == .INTR) {}
}

fn report(tag: []const u8, child: linux.pid_t) u8 {
    var status: u32 = 0;
    var usage: linux.rusage = undefined;
    while (linux.errno(linux.wait4(child, &status, 0, &usage)) == .INTR) {}
    const signaled = linux.W.IFSIGNALED(status);
    const word = if (signaled) "signal" else "exit";
    const number: u8 = if (signaled)
        @intCast(@intFromEnum(linux.W.TERMSIG(status)))
    else
        linux.W.EXITSTATUS(status);
    const user = microseconds(usage.utime);
    const system = microseconds(usage.stime);
    say("\n@launch {s} {s} {d} user={d} system={d} rss={d}\n", .{
        tag, word, number, user, system, usage.maxrss,
    });
    return if (signaled) 128 +| number else number;
}

fn microseconds(time: linux.timeval) u64 {
    return @as(u64, @intCast(time.sec)) * 1_000_000 + @as(u64, @intCast(time.usec));
}

fn say(comptime format: []const u8, arguments: anytype) void {
    var buffer: [1024]u8 = undefined;
    const text = std.fmt.bufPrint(&buffer, format, arguments) catch return;
    _ = linux.write(2, text.ptr, text.len);
}
