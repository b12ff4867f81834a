//! Test only: the rules of docs/SCHEDULING.md on ordinary stacks, without splitting anything.
//! Linked with an emitted unit it is a program that runs the executions listed in a file and prints
//! their events, so that the emitter and the model can be compared without the runtime. Written
//! apart from zig-fixtures/worker on purpose: two readings of the same rules.
//!
//! `mock RUNS`: one execution per line, numbers separated by spaces:
//!     program mutexes start_mask launch_mask seed fault entry error persistent fuel…
//! fault: 0 none, 1 error, 2 panic, 3 segfault.
//! Output: `run N`, then `FIBER KIND A B` per event, in order; after a probe `FIBER frames N`, the
//! stack frames between it and the fiber's bottom (frame pointers are on in every mode).

const std = @import("std");
const c = std.c;

pub const panic = std.debug.simple_panic;

const Entry = *const fn () callconv(.c) void;
const Program = extern struct { fiber_count: u64, fibers: [*]const Entry };
const Unit = extern struct { program_count: u64, programs: [*]const Program };
extern const hs_unit: Unit;

const Context = extern struct {
    flags: c_ulong = 0,
    link: ?*Context = null,
    stack_address: ?*anyopaque = null,
    stack_flags: c_int = 0,
    stack_bytes: usize = 0,
    rest: [960]u8 align(16) = undefined,
};
extern "c" fn getcontext(context: *Context) c_int;
extern "c" fn setcontext(context: *const Context) c_int;
extern "c" fn swapcontext(old: *Context, new: *const Context) c_int;
extern "c" fn makecontext(context: *Context, f: Entry, argc: c_int, ...) void;

const stack_bytes = 512 << 20;
const fibers_max = 8;
const held_max = 4096;
const none = std.math.maxInt(u32);
const deadlock = 104;

const Kind = enum(u8) {
    enter = 1,
    delivered = 2,
    leave = 3,
    log = 4,
    acquired = 5,
    released = 6,
    ledger_released = 7,
    raised = 8,
    caught = 9,
    err_deferred = 10,
    result = 11,
    probe = 12,
    yielded = 13,
    spawned = 14,
    joined = 15,
    cancel_requested = 16,
    fiber_end = 17,
};

const Held = struct { serial: u64, mutex: u32 };

/// The running fiber is `ready` too.
const State = enum { not_started, ready, waiting, ended };

const Fiber = struct {
    context: Context = .{},
    state: State = .not_started,
    outcome: u8 = 0,
    failed: bool = false,
    /// Frame of `fiberMain`.
    bottom: usize = 0,
    deadlocked: bool = false,
    persistent: bool = false,
    pending: u32 = 0,
    fuel: u32 = 0,
    serial: u64 = 0,
    held: [held_max]Held = undefined,
    held_count: usize = 0,
    /// What a waiting fiber waits for; none or one of the two.
    awaited_mutex: u32 = none,
    awaited_fiber: u32 = none,
};

const Run = struct {
    program: u32,
    start_mask: u32,
    launch_mask: u32,
    seed: u64,
    fault: u32,
    fault_entry: u64,
    fault_error: u32,
    persistent: bool,
};

/// First in, first out.
const Queue = struct {
    items: [fibers_max]u32 = undefined,
    count: usize = 0,

    fn append(queue: *Queue, fiber: u32) void {
        queue.items[queue.count] = fiber;
        queue.count += 1;
    }

    fn removeAt(queue: *Queue, index: usize) u32 {
        const fiber = queue.items[index];
        for (index + 1..queue.count) |i| queue.items[i - 1] = queue.items[i];
        queue.count -= 1;
        return fiber;
    }

    fn remove(queue: *Queue, fiber: u32) void {
        for (queue.items[0..queue.count], 0..) |item, index| {
            if (item != fiber) continue;
            _ = queue.removeAt(index);
            return;
        }
    }
};

const Mutex = struct { owner: u32 = none, waiters: Queue = .{} };

var run: Run = undefined;
var fibers: [fibers_max]Fiber = undefined;
var stacks: [fibers_max]*anyopaque = undefined;
var mutexes: [fibers_max]Mutex = undefined;
var joiners: [fibers_max]Queue = undefined;
var ready: Queue = .{};
var random_state: u64 = 0;
var entries: u64 = 0;
var current: u32 = 0;
var main_context: Context = .{};

var output: [1 << 16]u8 = undefined;
var output_bytes: usize = 0;

fn flush() void {
    var from: usize = 0;
    while (from < output_bytes) {
        const written = c.write(1, output[from..].ptr, output_bytes - from);
        if (written <= 0) c.exit(3);
        from += @intCast(written);
    }
    output_bytes = 0;
}

fn print(comptime format: []const u8, arguments: anytype) void {
    if (output.len - output_bytes < 256) flush();
    const text = std.fmt.bufPrint(output[output_bytes..], format, arguments) catch c.exit(4);
    output_bytes += text.len;
}

fn event(kind: Kind, a: u32, b: u64) void {
    print("{d} {d} {d} {d}\n", .{ current, @intFromEnum(kind), a, b });
}

// Scheduling

fn makeReady(fiber: u32) void {
    fibers[fiber].state = .ready;
    ready.append(fiber);
}

fn next() u32 {
    if (run.seed == 0) return ready.removeAt(0);
    random_state +%= 0x9E3779B97F4A7C15;
    var z = random_state;
    z = (z ^ z >> 30) *% 0xBF58476D1CE4E5B9;
    z = (z ^ z >> 27) *% 0x94D049BB133111EB;
    return ready.removeAt((z ^ z >> 31) % ready.count);
}

/// Back to the scheduler; returns when the fiber is chosen again.
fn suspendCurrent() void {
    const fiber = current;
    _ = swapcontext(&fibers[fiber].context, &main_context);
}

fn breakDeadlock() bool {
    for (&fibers, 0..) |*fiber, index| {
        if (fiber.state != .waiting) continue;
        const number: u32 = @intCast(index);
        if (fiber.awaited_mutex != none) mutexes[fiber.awaited_mutex].waiters.remove(number);
        if (fiber.awaited_fiber != none) joiners[fiber.awaited_fiber].remove(number);
        fiber.deadlocked = true;
        makeReady(number);
        return true;
    }
    return false;
}

fn schedule() void {
    while (true) {
        if (ready.count == 0 and !breakDeadlock()) return;
        current = next();
        _ = swapcontext(&main_context, &fibers[current].context);
    }
}

fn fiberMain() callconv(.c) void {
    fibers[current].bottom = @frameAddress();
    hs_unit.programs[run.program].fibers[current]();
    end(if (fibers[current].failed) 2 else 1);
}

fn end(outcome: u8) noreturn {
    const fiber = &fibers[current];
    fiber.outcome = outcome;
    fiber.state = .ended;
    event(.fiber_end, outcome, 0);
    while (joiners[current].count > 0) makeReady(joiners[current].removeAt(0));
    _ = setcontext(&main_context);
    unreachable;
}

fn start(index: u32) void {
    const context = &fibers[index].context;
    _ = getcontext(context);
    context.stack_address = stacks[index];
    context.stack_bytes = stack_bytes;
    context.link = null;
    makecontext(context, fiberMain, 0);
    makeReady(index);
}

fn mayStart(index: u32) bool {
    return run.launch_mask >> @intCast(index) & 1 == 1;
}

// Services

export fn hs_checkpoint(tagged: u32) u32 {
    const fiber = &fibers[current];
    const entry = entries;
    entries += 1;
    event(.enter, tagged & 0xffff, 0);
    if (entry == run.fault_entry) switch (run.fault) {
        1 => {
            if (run.persistent) fiber.persistent = true;
            if (fiber.pending == 0) fiber.pending = run.fault_error;
        },
        2, 3 => return run.fault - 1,
        else => {},
    } else if (fiber.persistent and fiber.pending == 0) {
        fiber.pending = run.fault_error;
    }
    if (tagged >> 31 == 1 or fiber.pending == 0) return 0;
    const code = fiber.pending;
    fiber.pending = 0;
    event(.delivered, code, 0);
    return code;
}

export fn hs_event(kind: u32, a: u32, b: u64) void {
    if (kind == @intFromEnum(Kind.result) and a != 0) fibers[current].failed = true;
    event(@enumFromInt(kind), a, b);
}

export fn hs_fuel() u32 {
    const fiber = &fibers[current];
    if (fiber.fuel == 0) return 0;
    fiber.fuel -= 1;
    return 1;
}

fn hold(mutex: u32) u64 {
    const fiber = &fibers[current];
    fiber.serial += 1;
    fiber.held[fiber.held_count] = .{ .serial = fiber.serial, .mutex = mutex };
    fiber.held_count += 1;
    return fiber.serial;
}

export fn hs_acquire(site: u32, kind: u32) u64 {
    const serial = hold(none);
    event(.acquired, site, serial << 8 | kind);
    return serial;
}

fn handOn(index: u32) void {
    if (index == none) return;
    const mutex = &mutexes[index];
    mutex.owner = none;
    if (mutex.waiters.count == 0) return;
    mutex.owner = mutex.waiters.removeAt(0);
    makeReady(mutex.owner);
}

export fn hs_release(site: u32, serial: u64) void {
    const fiber = &fibers[current];
    for (fiber.held[0..fiber.held_count], 0..) |held, index| {
        if (held.serial != serial) continue;
        for (index + 1..fiber.held_count) |i| fiber.held[i - 1] = fiber.held[i];
        fiber.held_count -= 1;
        event(.released, site, serial);
        return handOn(held.mutex);
    }
    print("{d} not held: {d}\n", .{ current, serial });
}

export fn hs_lock(site: u32, index: u32) u64 {
    const mutex = &mutexes[index];
    const fiber = &fibers[current];
    if (mutex.owner == current) return deadlock;
    if (mutex.owner == none) {
        mutex.owner = current;
    } else {
        mutex.waiters.append(current);
        fiber.awaited_mutex = index;
        if (!wait(fiber)) return deadlock;
    }
    const serial = hold(index);
    event(.acquired, site, serial << 8 | 4);
    return serial << 32;
}

/// False: given up as a deadlock.
fn wait(fiber: *Fiber) bool {
    fiber.state = .waiting;
    suspendCurrent();
    fiber.awaited_mutex = none;
    fiber.awaited_fiber = none;
    defer fiber.deadlocked = false;
    return !fiber.deadlocked;
}

export fn hs_yield(site: u32) void {
    event(.yielded, site, 0);
    makeReady(current);
    suspendCurrent();
}

export fn hs_spawn(site: u32, index: u32) void {
    const starts = fibers[index].state == .not_started and mayStart(index);
    if (starts) start(index);
    event(.spawned, site, index << 1 | @intFromBool(starts));
}

export fn hs_join(site: u32, index: u32) u32 {
    if (index == current) return deadlock;
    if (fibers[index].state != .ended and fibers[index].state != .not_started) {
        joiners[index].append(current);
        fibers[current].awaited_fiber = index;
        if (!wait(&fibers[current])) return deadlock;
    }
    event(.joined, site, index << 8 | fibers[index].outcome);
    return 0;
}

export fn hs_cancel(site: u32, index: u32) void {
    const target = &fibers[index];
    const alive = target.state == .ready or target.state == .waiting;
    const takes = alive and target.pending == 0;
    if (takes) target.pending = 101;
    event(.cancel_requested, site, index << 1 | @intFromBool(takes));
}

export fn hs_error(kind: u32, site: u32, code: u32, _: ?*const anyopaque) void {
    hs_event(kind, site, code);
}

export fn hs_probe(site: u32, _: ?*const anyopaque) void {
    event(.probe, site, 0);
    var frames: usize = 0;
    var frame = @as(*const usize, @ptrFromInt(@frameAddress())).*;
    while (frame != fibers[current].bottom) : (frames += 1) {
        frame = @as(*const usize, @ptrFromInt(frame)).*;
    }
    print("{d} frames {d}\n", .{ current, frames });
}

fn touched(index: usize, count: usize) bool {
    return index < 16 or index % 64 == 0 or index + 16 >= count;
}

fn mix(x: u64) u64 {
    var z = x +% 0x9E3779B97F4A7C15;
    z = (z ^ z >> 30) *% 0xBF58476D1CE4E5B9;
    z = (z ^ z >> 27) *% 0x94D049BB133111EB;
    return z ^ z >> 31;
}

export fn hs_fill(words: [*]u64, count: u64, seed: u64) void {
    for (words[0..count], 0..) |*word, index| {
        if (touched(index, count)) word.* = mix(seed +% index);
    }
}

export fn hs_sum(words: [*]const u64, count: u64) u64 {
    var hash: u64 = 0x13198A2E03707344;
    for (words[0..count], 0..) |word, index| {
        if (touched(index, count)) hash = mix(hash ^ word);
    }
    return hash;
}

export fn hs_callback(f: *const fn (*u64) callconv(.c) void, cell: *u64) void {
    f(cell);
}

export fn hs_opaque(pointer: *const anyopaque) *const anyopaque {
    return pointer;
}

fn die(outcome: u8) noreturn {
    const fiber = &fibers[current];
    while (fiber.held_count > 0) {
        fiber.held_count -= 1;
        const held = fiber.held[fiber.held_count];
        event(.ledger_released, 0, held.serial);
        handOn(held.mutex);
    }
    end(outcome);
}

export fn hs_panic(message: [*]const u8, length: u64, return_address: u64) noreturn {
    _ = return_address;
    if (!std.mem.eql(u8, message[0..length], "injected panic")) {
        print("{d} panic: {s}\n", .{ current, message[0..@min(length, 100)] });
    }
    die(3);
}

fn onSegfault(_: c.SIG) callconv(.c) void {
    if (run.fault != 3) {
        print("{d} segfault\n", .{current});
        flush();
        c._exit(5);
    }
    die(4);
}

// Runs

fn execute(index: usize, numbers: []const u64) void {
    run = .{
        .program = @intCast(numbers[0]),
        .start_mask = @intCast(numbers[2]),
        .launch_mask = @intCast(numbers[3]),
        .seed = numbers[4],
        .fault = @intCast(numbers[5]),
        .fault_entry = numbers[6],
        .fault_error = @intCast(numbers[7]),
        .persistent = numbers[8] != 0,
    };
    const count = hs_unit.programs[run.program].fiber_count;
    for (&fibers) |*fiber| {
        fiber.* = .{};
        fiber.state = .ended;
    }
    for (&mutexes) |*mutex| mutex.* = .{};
    for (&joiners) |*queue| queue.* = .{};
    ready = .{};
    random_state = run.seed;
    entries = 0;
    print("run {d}\n", .{index});
    for (0..count) |i| {
        fibers[i].state = .not_started;
        fibers[i].fuel = @intCast(numbers[9 + i]);
    }
    for (0..count) |i| {
        if (run.start_mask >> @intCast(i) & 1 == 1 and mayStart(@intCast(i))) start(@intCast(i));
    }
    schedule();
}

var plan: [16 << 20]u8 = undefined;

pub export fn main(argc: c_int, argv: [*][*:0]const u8) c_int {
    if (argc != 2) return 2;
    const file = c.open(argv[1], .{});
    if (file < 0) return 2;
    var plan_bytes: usize = 0;
    while (true) {
        const got = c.read(file, plan[plan_bytes..].ptr, plan.len - plan_bytes);
        if (got < 0) return 2;
        if (got == 0) break;
        plan_bytes += @intCast(got);
    }

    const mapping = c.PROT{ .READ = true, .WRITE = true };
    for (&stacks) |*stack| {
        const flags = c.MAP{ .TYPE = .PRIVATE, .ANONYMOUS = true, .NORESERVE = true };
        stack.* = c.mmap(null, stack_bytes, mapping, flags, -1, 0);
    }
    var signal_stack: [1 << 16]u8 align(16) = undefined;
    const alternative: c.stack_t = .{ .sp = &signal_stack, .flags = 0, .size = signal_stack.len };
    _ = c.sigaltstack(&alternative, null);
    var action: c.Sigaction = .{
        .handler = .{ .handler = onSegfault },
        .mask = std.mem.zeroes(c.sigset_t),
        .flags = c.SA.ONSTACK | c.SA.NODEFER,
    };
    _ = c.sigaction(.SEGV, &action, null);

    var lines = std.mem.tokenizeScalar(u8, plan[0..plan_bytes], '\n');
    var index: usize = 0;
    while (lines.next()) |line| : (index += 1) {
        var numbers: [32]u64 = @splat(0);
        var words = std.mem.tokenizeScalar(u8, line, ' ');
        var count: usize = 0;
        while (words.next()) |word| : (count += 1) {
            numbers[count] = std.fmt.parseInt(u64, word, 10) catch return 2;
        }
        execute(index, &numbers);
    }
    flush();
    return 0;
}
