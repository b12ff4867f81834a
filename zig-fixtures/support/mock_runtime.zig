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
const mock = @import("mock_fibers.zig");

const Fiber = mock.Fiber;
const none = mock.none;
const print = mock.print;
const flush = mock.flush;
const event = mock.event;
const makeReady = mock.makeReady;

pub const panic = std.debug.simple_panic;

const deadlock = 104;

// ── Services ────────────────────────────────────────────────────────────────────────────────────────────────────

export fn hs_checkpoint(tagged: u32) u32 {
    const fiber = &mock.fibers[mock.current];
    const entry = mock.entries;
    mock.entries += 1;
    event(.enter, tagged & 0xffff, 0);
    if (entry == mock.run.fault_entry) switch (mock.run.fault) {
        1 => {
            if (mock.run.persistent) fiber.persistent = true;
            if (fiber.pending == 0) fiber.pending = mock.run.fault_error;
        },
        2, 3 => return mock.run.fault - 1,
        else => {},
    } else if (fiber.persistent and fiber.pending == 0) {
        fiber.pending = mock.run.fault_error;
    }
    if (tagged >> 31 == 1 or fiber.pending == 0) return 0;
    const code = fiber.pending;
    fiber.pending = 0;
    event(.delivered, code, 0);
    return code;
}

export fn hs_event(kind: u32, a: u32, b: u64) void {
    if (kind == @intFromEnum(@import("events").Kind.result) and a != 0) mock.fibers[mock.current].failed = true;
    event(@enumFromInt(kind), a, b);
}

export fn hs_fuel() u32 {
    const fiber = &mock.fibers[mock.current];
    if (fiber.fuel == 0) return 0;
    fiber.fuel -= 1;
    return 1;
}

fn hold(mutex: u32) u64 {
    const fiber = &mock.fibers[mock.current];
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
    const mutex = &mock.mutexes[index];
    mutex.owner = none;
    if (mutex.waiters.count == 0) return;
    mutex.owner = mutex.waiters.removeAt(0);
    makeReady(mutex.owner);
}

export fn hs_release(site: u32, serial: u64) void {
    const fiber = &mock.fibers[mock.current];
    for (fiber.held[0..fiber.held_count], 0..) |held, index| {
        if (held.serial != serial) continue;
        for (index + 1..fiber.held_count) |i| fiber.held[i - 1] = fiber.held[i];
        fiber.held_count -= 1;
        event(.released, site, serial);
        return handOn(held.mutex);
    }
    print("{d} not held: {d}\n", .{ mock.current, serial });
}

export fn hs_lock(site: u32, index: u32) u64 {
    const mutex = &mock.mutexes[index];
    const fiber = &mock.fibers[mock.current];
    if (mutex.owner == mock.current) return deadlock;
    if (mutex.owner == none) {
        mutex.owner = mock.current;
    } else {
        mutex.waiters.append(mock.current);
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
    mock.suspendCurrent();
    fiber.awaited_mutex = none;
    fiber.awaited_fiber = none;
    defer fiber.deadlocked = false;
    return !fiber.deadlocked;
}

export fn hs_yield(site: u32) void {
    event(.yielded, site, 0);
    makeReady(mock.current);
    mock.suspendCurrent();
}

export fn hs_spawn(site: u32, index: u32) void {
    const starts = mock.fibers[index].state == .not_started and mock.mayStart(index);
    if (starts) mock.start(index);
    event(.spawned, site, index << 1 | @intFromBool(starts));
}

export fn hs_join(site: u32, index: u32) u32 {
    if (index == mock.current) return deadlock;
    if (mock.fibers[index].state != .ended and mock.fibers[index].state != .not_started) {
        mock.joiners[index].append(mock.current);
        mock.fibers[mock.current].awaited_fiber = index;
        if (!wait(&mock.fibers[mock.current])) return deadlock;
    }
    event(.joined, site, index << 8 | mock.fibers[index].outcome);
    return 0;
}

export fn hs_cancel(site: u32, index: u32) void {
    const target = &mock.fibers[index];
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
    while (frame != mock.fibers[mock.current].bottom) : (frames += 1) {
        frame = @as(*const usize, @ptrFromInt(frame)).*;
    }
    print("{d} frames {d}\n", .{ mock.current, frames });
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

export fn hs_mix(x: u64) u64 {
    return mix(x);
}

export fn hs_mix_twice(x: u64) u64 {
    return mix(mix(x));
}

export fn hs_opaque(pointer: *const anyopaque) *const anyopaque {
    return pointer;
}

fn die(outcome: u8) noreturn {
    const fiber = &mock.fibers[mock.current];
    while (fiber.held_count > 0) {
        fiber.held_count -= 1;
        const held = fiber.held[fiber.held_count];
        event(.ledger_released, 0, held.serial);
        handOn(held.mutex);
    }
    mock.end(outcome);
}

export fn hs_panic(message: [*]const u8, length: u64, return_address: u64) noreturn {
    _ = return_address;
    if (!std.mem.eql(u8, message[0..length], "injected panic")) {
        print("{d} panic: {s}\n", .{ mock.current, message[0..@min(length, 100)] });
    }
    die(3);
}

fn onSegfault(_: c.SIG) callconv(.c) void {
    if (mock.run.fault != 3) {
        print("{d} segfault\n", .{mock.current});
        flush();
        c._exit(5);
    }
    die(4);
}

// ── Runs ────────────────────────────────────────────────────────────────────────────────────────────────────────

fn execute(index: usize, numbers: []const u64) void {
    mock.run = .{
        .program = @intCast(numbers[0]),
        .start_mask = @intCast(numbers[2]),
        .launch_mask = @intCast(numbers[3]),
        .seed = numbers[4],
        .fault = @intCast(numbers[5]),
        .fault_entry = numbers[6],
        .fault_error = @intCast(numbers[7]),
        .persistent = numbers[8] != 0,
    };
    const count = mock.hs_unit.programs[mock.run.program].fiber_count;
    for (&mock.fibers) |*fiber| {
        fiber.* = .{};
        fiber.state = .ended;
    }
    for (&mock.mutexes) |*mutex| mutex.* = .{};
    for (&mock.joiners) |*queue| queue.* = .{};
    mock.ready = .{};
    mock.random_state = mock.run.seed;
    mock.entries = 0;
    print("run {d}\n", .{index});
    for (0..count) |i| {
        mock.fibers[i].state = .not_started;
        mock.fibers[i].fuel = @intCast(numbers[9 + i]);
    }
    for (0..count) |i| {
        if (mock.run.start_mask >> @intCast(i) & 1 == 1 and mock.mayStart(@intCast(i))) mock.start(@intCast(i));
    }
    mock.schedule();
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
    for (&mock.stacks) |*stack| {
        const flags = c.MAP{ .TYPE = .PRIVATE, .ANONYMOUS = true, .NORESERVE = true };
        stack.* = c.mmap(null, mock.stack_bytes, mapping, flags, -1, 0);
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
