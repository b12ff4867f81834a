//! What the benchmark programs share: clock, the process's memory, their one-line reports, the table of workloads (unit.zig).

const std = @import("std");
const linux = std.os.linux;

pub const Workload = *const fn (u64, u64) callconv(.c) u64;
pub const Workloads = extern struct { hot: Workload, deep: Workload, shallow: Workload, fib: Workload, calls: Workload };

/// Nanoseconds of CPU that this thread has used: what others do on the machine meanwhile is not in it. Not the process's clock, which
/// Linux only moves at ticks where there is a limit on it.
pub fn now() u64 {
    var time: linux.timespec = undefined;
    _ = linux.clock_gettime(.THREAD_CPUTIME_ID, &time);
    return @as(u64, @intCast(time.sec)) * std.time.ns_per_s + @as(u64, @intCast(time.nsec));
}

/// One figure: `NAME VALUE` on a line of standard output, which the harness reads.
pub fn report(name: []const u8, value: f64) void {
    var buffer: [128]u8 = undefined;
    const line = std.fmt.bufPrint(&buffer, "{s} {d:.4}\n", .{ name, value }) catch unreachable;
    _ = linux.write(1, line.ptr, line.len);
}

/// `reason` to standard error, exit code 1: the harness shows it.
pub fn fail(comptime reason: []const u8, arguments: anytype) noreturn {
    var buffer: [512]u8 = undefined;
    const line = std.fmt.bufPrint(&buffer, reason ++ "\n", arguments) catch "the reason is too long\n";
    _ = linux.write(2, line.ptr, line.len);
    linux.exit_group(1);
}

/// Resident memory and page tables of this process.
pub const Memory = struct {
    resident: u64,
    tables: u64,

    pub fn read() Memory {
        var buffer: [4096]u8 = undefined;
        const descriptor: i32 = @intCast(linux.open("/proc/self/status", .{ .ACCMODE = .RDONLY }, 0));
        defer _ = linux.close(descriptor);
        const got = linux.read(descriptor, &buffer, buffer.len);
        if (linux.errno(got) != .SUCCESS) fail("/proc/self/status cannot be read", .{});
        return .{ .resident = field(buffer[0..got], "VmRSS:"), .tables = field(buffer[0..got], "VmPTE:") };
    }

    fn field(text: []const u8, name: []const u8) u64 {
        const at = std.mem.indexOf(u8, text, name) orelse fail("/proc/self/status has no {s}", .{name});
        var words = std.mem.tokenizeAny(u8, text[at + name.len ..], " \t\n");
        return 1024 * (std.fmt.parseInt(u64, words.next().?, 10) catch fail("/proc/self/status: {s} is no number", .{name}));
    }
};

/// What a program is asked: `PROGRAM MEASURE COUNT`.
pub const Request = struct {
    measure: []const u8,
    count: u64,

    pub fn of(argc: c_int, argv: [*]const [*:0]const u8) Request {
        const arguments = argv[1..@intCast(argc)];
        if (arguments.len != 2) fail("usage: MEASURE COUNT", .{});
        const count = std.mem.span(arguments[1]);
        return .{
            .measure = std.mem.span(arguments[0]),
            .count = std.fmt.parseInt(u64, count, 10) catch fail("{s} is not a count", .{count}),
        };
    }

    pub fn is(request: Request, measure: []const u8) bool {
        return std.mem.eql(u8, request.measure, measure);
    }

    pub fn unknown(request: Request) noreturn {
        fail("there is no measure {s} here", .{request.measure});
    }
};

/// Nanoseconds per unit of work of one call.
pub fn timed(workload: Workload, a: u64, b: u64, units: u64) f64 {
    const began = now();
    std.mem.doNotOptimizeAway(workload(a, b));
    return @as(f64, @floatFromInt(now() - began)) / @as(f64, @floatFromInt(units));
}

/// Others on the machine make a run slower, never faster: what is repeated is reported as the least of so many turns.
pub const turns = 8;

pub fn least(workload: Workload, a: u64, b: u64, units: u64) f64 {
    const places: Places = .read();
    defer places.restore();
    var best = std.math.inf(f64);
    for (0..turns) |turn| {
        places.go(turn);
        best = @min(best, timed(workload, a, b, units));
    }
    return best;
}

/// Turns are taken on two processors: the first and the last of those that the process may use. What one of them is slowed down by for
/// longer than all turns take, somebody else's thread on the same core above all, hardly ever slows down the other at the same time.
pub const Places = struct {
    allowed: Set,
    first: usize,
    last: usize,

    const Set = [16]u64;

    pub fn read() Places {
        var allowed: Set = @splat(0);
        _ = linux.syscall3(.sched_getaffinity, 0, @sizeOf(Set), @intFromPtr(&allowed));
        var places: Places = .{ .allowed = allowed, .first = 0, .last = 0 };
        var any = false;
        for (0..@bitSizeOf(Set)) |number| {
            if (allowed[number / 64] >> @intCast(number % 64) & 1 == 0) continue;
            if (!any) places.first = number;
            places.last = number;
            any = true;
        }
        return places;
    }

    pub fn go(places: *const Places, turn: usize) void {
        const number = if (turn % 2 == 0) places.first else places.last;
        var set: Set = @splat(0);
        set[number / 64] = @as(u64, 1) << @intCast(number % 64);
        put(&set);
    }

    pub fn restore(places: *const Places) void {
        put(&places.allowed);
    }

    fn put(set: *const Set) void {
        _ = linux.syscall3(.sched_setaffinity, 0, @sizeOf(Set), @intFromPtr(set));
    }
};

/// Sixteen jumps and no memory: how fast the core is right now. Where another hardware thread keeps it busy, they take 1.9 times as long.
pub fn jumps(_: u64, count: u64) callconv(.c) u64 {
    asm volatile (
        \\    .p2align 6
        \\1:
        \\    .rept 16
        \\    jmp 2f
        \\    nop
        \\2:
        \\    .endr
        \\    dec %[count]
        \\    jnz 1b
        :
        : [count] "r" (count),
        : .{ .memory = true });
    return count;
}

/// A call that goes further than this from its caller's frame went to another segment: its own frame is a fraction of it.
const edge_bytes = 2048;
const edge_levels_max = 4096;

/// The number of levels down from here at which a call of the hot leaf crosses a segment's edge. Null: at none. Looked for twice,
/// because libgcc's first edge moves when something has returned over it.
pub fn edge(workloads: *const Workloads) ?u64 {
    _ = firstEdge(workloads) orelse return null;
    return firstEdge(workloads);
}

fn firstEdge(workloads: *const Workloads) ?u64 {
    for (0..edge_levels_max) |levels| {
        if (workloads.hot(levels, 1) > edge_bytes) return levels;
    }
    return null;
}
