//! The worker: `worker PLAN STATUS [--from ROW | --interrupted]` (harness/docs/PROTOCOL.md). Linked with one unit of generated programs.

const std = @import("std");
const runtime = @import("abi");
const abi = @import("abi.zig");
const plan = @import("plan.zig");
const state = @import("state.zig");
const output = @import("output.zig");
const services = @import("services.zig");
const descriptors = @import("descriptors.zig");
const execution = @import("execution.zig");
const storm = @import("storm.zig");
const opinions = @import("opinions.zig");
const second = @import("second.zig");
const places = @import("places.zig");
const courses = @import("courses.zig");
const stacks = @import("stacks.zig");
const death = @import("death.zig");
const core_map = @import("core_map.zig");
const defects = @import("defects");
const growing = @import("growing");

extern const hs_entry_begin: u8;
extern const hs_entry_end: u8;
extern const hs_bridge_begin: u8;
extern const hs_bridge_end: u8;
extern fn hs_fault_landing() callconv(.c) void;
extern fn hs_interrupted_install() callconv(.c) u32;

pub export threadlocal var hs_thread: abi.Thread = .{};

pub const panic = std.debug.FullPanic(ownPanic);

fn ownPanic(message: []const u8, _: ?usize) noreturn {
    @branchHint(.cold);
    output.stop("internal error: {s}", .{message}, 70);
}

/// No signal stack of its own: it would lie in thread-local storage, 256 KiB for each thread to clear.
pub const std_options: std.Options = .{ .enable_segfault_handler = false, .allow_stack_tracing = false, .signal_stack_size = null };

/// mutants/selected.zig, and the assembly that it goes with.
var planted: u32 = 0;
var planted_second: u32 = 0;
var planted_reached: u64 = 0;

comptime {
    _ = services;
    _ = core_map;
    if (defects.selectable) {
        @export(&planted, .{ .name = "hs_planted" });
        @export(&planted_second, .{ .name = "hs_planted_second" });
        @export(&planted_reached, .{ .name = "hs_planted_reached" });
    }
}

/// Those that the plan names; a worker without any refuses such a plan, which would otherwise show that it holds.
fn plant(p: *const plan.Plan) void {
    if (p.planted == 0 and p.planted_second == 0) return;
    if (!defects.selectable) output.stop("the plan names a planted defect, and this worker has none; link it with mutants/selected.zig", .{}, 2);
    planted = p.planted;
    planted_second = p.planted_second;
}

pub export fn main(argc: c_int, argv: [*][*:0]const u8) callconv(.c) c_int {
    const args = argv[0..@intCast(argc)];
    if (args.len < 3 or args.len > 5) usage();
    const interrupted = args.len == 4;
    if (interrupted and !std.mem.eql(u8, std.mem.span(args[3]), "--interrupted")) usage();
    var from: u32 = 0;
    if (args.len == 5) {
        if (!std.mem.eql(u8, std.mem.span(args[3]), "--from")) usage();
        from = std.fmt.parseInt(u32, std.mem.span(args[4]), 10) catch usage();
    }
    mapStatus(args[2]);
    const p = plan.parse(mapPlan(args[1]), execution.hs_unit.program_count) catch |err| {
        output.stop("plan {s}: {s}", .{ args[1], @errorName(err) }, 2);
    };
    if (from > p.rows.len) output.stop("--from {d}: the plan has {d} rows", .{ from, p.rows.len }, 2);
    plant(&p);
    reserve();
    installSignals();
    if (interrupted and hs_interrupted_install() == 0) output.stop("the system refuses a signal handler", .{}, 3);
    output.line("ready programs={d} rows={d} stub={x}-{x} entry={x}-{x} bridge={x}-{x}", .{
        p.programs.len,
        p.rows.len,
        growing.stub().low,
        growing.stub().high,
        @intFromPtr(&hs_entry_begin),
        @intFromPtr(&hs_entry_end),
        @intFromPtr(&hs_bridge_begin),
        @intFromPtr(&hs_bridge_end),
    });
    runAll(&p, from);
    output.line("done rows={d}", .{p.rows.len});
    output.flush();
    output.status.phase = .finished;
    return 0;
}

fn usage() noreturn {
    output.stop("usage: worker PLAN STATUS [--from ROW | --interrupted]", .{}, 2);
}

fn runAll(p: *const plan.Plan, from: u32) void {
    if (from > 0 and from < p.rows.len) replayBaselines(p, from);
    var row = from;
    while (row < p.rows.len) {
        const program = p.scenarios[p.rows[row].scenario].program;
        const before = execution.totals;
        const rows_before = row;
        const start = nanoseconds();
        while (row < p.rows.len and p.scenarios[p.rows[row].scenario].program == program) : (row += 1) {
            if (row + 1 == p.rows.len) @call(.never_inline, hs_last_row, .{ p, row }) else execution.runRow(p, row, false);
        }
        places.tell();
        courses.tell();
        const t = execution.totals;
        output.line("program index={d} rows={d} executions={d} splits={d} faults={d} probes={d} frames={d} acquired={d} released={d} nanoseconds={d}", .{
            program,
            row - rows_before,
            t.executions - before.executions,
            t.splits - before.splits,
            t.faults - before.faults,
            t.probes - before.probes,
            t.frames - before.frames,
            t.acquired - before.acquired,
            t.released - before.released,
            nanoseconds() - start,
        });
        if (storm.arrived > 0 or second.resumed > 0) {
            output.line("disturbed signals={d} stubs={d} moves={d} handlers={d} told={d}", .{
                storm.arrived, storm.arrived_in_stubs, second.resumed, storm.visits, storm.visits_told,
            });
            storm.arrived = 0;
            storm.arrived_in_stubs = 0;
            storm.visits = 0;
            storm.visits_told = 0;
            second.resumed = 0;
        }
        tellOpinions();
        output.flush();
        execution.giveBack();
    }
}

/// By this name a tracer finds where the row begins and ends that it came for.
export fn hs_last_row(p: *const plan.Plan, row: u32) callconv(.c) void {
    execution.runRow(p, row, false);
}

/// How often each tool was asked, and agreed or a failure was told.
fn tellOpinions() void {
    var asked: [opinions.count]u64 = undefined;
    var sum: u64 = 0;
    for (&opinions.tools, &asked) |*tool, *into| {
        into.* = tool.asked;
        sum += tool.asked;
        tool.asked = 0;
    }
    if (sum > 0) output.line("opinions libgcc={d} llvm={d} nongnu={d}", .{ asked[0], asked[1], asked[2] });
}

/// After a restart in the middle: the program's first row and the scenario's first row again, for what they leave to later rows.
fn replayBaselines(p: *const plan.Plan, from: u32) void {
    const scenario = p.rows[from].scenario;
    const program = p.scenarios[scenario].program;
    var first_of_program = from;
    while (first_of_program > 0 and p.scenarios[p.rows[first_of_program - 1].scenario].program == program) first_of_program -= 1;
    var first_of_scenario = from;
    while (first_of_scenario > 0 and p.rows[first_of_scenario - 1].scenario == scenario) first_of_scenario -= 1;
    if (first_of_program < from) execution.runRow(p, first_of_program, true);
    if (first_of_scenario < from and first_of_scenario != first_of_program) execution.runRow(p, first_of_scenario, true);
}

fn nanoseconds() u64 {
    var now: std.c.timespec = undefined;
    _ = std.c.clock_gettime(.PROCESS_CPUTIME_ID, &now);
    return @as(u64, @intCast(now.sec)) * std.time.ns_per_s + @as(u64, @intCast(now.nsec));
}

fn mapPlan(path: [*:0]const u8) []align(8) const u8 {
    const descriptor = std.c.open(path, .{ .ACCMODE = .RDONLY });
    if (descriptor < 0) output.stop("plan {s}: cannot be opened", .{path}, 2);
    const size = std.c.lseek(descriptor, 0, std.c.SEEK.END);
    if (size <= 0) output.stop("plan {s}: empty", .{path}, 2);
    const memory = std.c.mmap(null, @intCast(size), .{ .READ = true }, .{ .TYPE = .PRIVATE }, descriptor, 0);
    if (memory == std.c.MAP_FAILED) output.stop("plan {s}: cannot be mapped", .{path}, 2);
    const bytes: [*]align(8) const u8 = @ptrCast(@alignCast(memory));
    return bytes[0..@intCast(size)];
}

fn mapStatus(path: [*:0]const u8) void {
    const descriptor = std.c.open(path, .{ .ACCMODE = .RDWR, .CREAT = true }, @as(std.c.mode_t, 0o644));
    if (descriptor < 0) output.stop("status {s}: cannot be opened", .{path}, 2);
    if (std.c.ftruncate(descriptor, output.status_bytes) != 0) output.stop("status {s}: no room", .{path}, 2);
    const memory = std.c.mmap(null, output.status_bytes, .{ .READ = true, .WRITE = true }, .{ .TYPE = .SHARED }, descriptor, 0);
    if (memory == std.c.MAP_FAILED) output.stop("status {s}: cannot be mapped", .{path}, 2);
    output.status = @ptrCast(@alignCast(memory));
    output.status.magic = output.status_magic;
    output.status.phase = .starting;
    output.status.signal = 0;
}

fn mapped(bytes: usize) usize {
    const memory = std.c.mmap(null, bytes, .{ .READ = true, .WRITE = true }, .{ .TYPE = .PRIVATE, .ANONYMOUS = true, .NORESERVE = true }, -1, 0);
    if (memory == std.c.MAP_FAILED) output.stop("cannot reserve {d} bytes of address space; raise the memory limit", .{bytes}, 3);
    return @intFromPtr(memory);
}

/// A no-access page at each end: nothing that leaves an arena goes unnoticed. Aligned to large pages, which it is made of where the system
/// has them: a page fault costs as much as a hundred splits, and executions touch the same few places.
fn reserveArena() usize {
    const guard = 4096;
    const large_page = 2 << 20;
    const base = std.mem.alignForward(usize, mapped(abi.arena_bytes + 2 * guard + large_page) + guard, large_page);
    _ = std.c.mprotect(@ptrFromInt(base - guard), guard, .{});
    _ = std.c.mprotect(@ptrFromInt(base + abi.arena_bytes), guard, .{});
    _ = std.c.madvise(@ptrFromInt(base), abi.arena_bytes, std.c.MADV.HUGEPAGE);
    return base;
}

/// Address space for every fiber's stack and bookkeeping, once.
fn reserve() void {
    services.hs_thread.core.cache.room_bytes = abi.pool_kept_bytes;
    services.enterPool();
    for (&state.fibers) |*fiber| {
        fiber.stack.arena = reserveArena();
        fiber.stack.depth_positions = @ptrFromInt(mapped(state.entry_depth_max * 8));
    }
    const resources: [*]state.Resource = @ptrFromInt(mapped(state.resources_max * @sizeOf(state.Resource)));
    state.resources = resources[0..state.resources_max];
    descriptors.open();
}

var signal_stack: [64 << 10]u8 align(16) = undefined;

fn installSignals() void {
    var stack: std.c.stack_t = .{ .sp = &signal_stack, .flags = 0, .size = signal_stack.len };
    _ = std.c.sigaltstack(&stack, null);
    var action: std.c.Sigaction = .{
        .handler = .{ .sigaction = onFault },
        .mask = std.mem.zeroes(std.c.sigset_t),
        .flags = std.c.SA.SIGINFO | std.c.SA.ONSTACK,
    };
    inline for (.{ std.c.SIG.SEGV, std.c.SIG.BUS, std.c.SIG.ILL, std.c.SIG.FPE, std.c.SIG.TRAP }) |signal| {
        _ = std.c.sigaction(signal, &action, null);
    }
    storm.install();
}

/// Where the support library's injected fault writes (support.zig, `crash`): below vm.mmap_min_addr, so never mapped.
const injected_fault_below = 65536;

/// An injected segfault ends its fiber only: the context is sent to hs_fault_landing on the system stack. Any other
/// fault is the process's end, written down first.
fn onFault(signal: std.c.SIG, info: *const std.c.siginfo_t, context: ?*anyopaque) callconv(.c) void {
    const ucontext: *runtime.Ucontext = @ptrCast(@alignCast(context.?));
    const address = @intFromPtr(info.fields.sigfault.addr);
    const gregs = &ucontext.gregs;
    if (signal == .SEGV and state.expecting_segfault and address < injected_fault_below and state.current != state.no_index) {
        state.expecting_segfault = false;
        state.fault_registers = registersOf(gregs);
        gregs[runtime.greg.rsp] = hs_thread.core.system_rsp;
        gregs[runtime.greg.rip] = @intFromPtr(&hs_fault_landing);
        return;
    }
    const status = output.status;
    status.fiber = state.current;
    status.signal = @intFromEnum(signal);
    status.signal_address = address;
    status.signal_pc = gregs[runtime.greg.rip];
    output.flush();
    // What is behind may fault a second time, which ends the process as the first one does.
    stacks.send(state.current, .crash, -1, 0, .all, &registersOf(gregs));
    output.flush();
    death.inHandler();
    var default: std.c.Sigaction = .{
        .handler = .{ .handler = std.c.SIG.DFL },
        .mask = std.mem.zeroes(std.c.sigset_t),
        .flags = 0,
    };
    _ = std.c.sigaction(signal, &default, null);
}

fn registersOf(gregs: *const [23]u64) abi.Registers {
    return .{
        .r12 = gregs[runtime.greg.r12],
        .r13 = gregs[runtime.greg.r13],
        .r14 = gregs[runtime.greg.r14],
        .r15 = gregs[runtime.greg.r15],
        .rbx = gregs[runtime.greg.rbx],
        .rbp = gregs[runtime.greg.rbp],
        .rsp = gregs[runtime.greg.rsp],
        // As if it were a return address: observers look one byte before it.
        .rip = gregs[runtime.greg.rip] +% 1,
    };
}
