//! What a generated program imports as `rt`: the C interface of docs/RUNTIME-ABI.md in Zig's words,
//! and values.zig's `make` and `fold`.
//!
//! Frames: `checkpoint` and `enter` are inline, because a fault strikes inside them and must strike
//! in the program's own frame (whose line is then one of this file); after an injected panic
//! `panicked` is the innermost frame. `probe`, `callback` and the scheduling calls are the C
//! functions themselves. Everything else is a leaf that no trace shows.

const std = @import("std");
const values = @import("values.zig");

pub const make = values.make;
pub const fold = values.fold;

/// What the runtime may deliver to any fallible function; the codes are `ErrorName` in
/// Harness.Model.
pub const Fault = error{ Injected, Canceled, StackOverflow, OutOfStackSegments, Deadlock };

/// A resource that the fiber owns.
pub const Handle = struct { serial: u64 };

/// The kinds that `acquire` takes; a mutex comes from `lock`.
pub const Resource = enum(u32) { heap_block = 1, table_handle = 2, file_descriptor = 3 };

pub const ErrorTrace = std.builtin.StackTrace;

pub const Fiber = *const fn () callconv(.c) void;
pub const Program = extern struct { fiber_count: u64, fibers: [*]const Fiber };
pub const Unit = extern struct { program_count: u64, programs: [*]const Program, visit: *const fn (*Visit) callconv(.c) void };

/// One row of the table that `hs_unit` points at.
pub fn program(comptime fibers: []const Fiber) Program {
    return .{ .fiber_count = fibers.len, .fibers = fibers.ptr };
}

/// The table itself.
pub fn unit(comptime programs: []const Program) Unit {
    return .{ .program_count = programs.len, .programs = programs.ptr, .visit = visit };
}

/// What a signal handler asks of split code, and what came of it.
pub const Visit = extern struct {
    /// The error that is due, 0: none. Another value may come with any call.
    told: *const u32,
    /// How many calls deep.
    depth: u32,
    entered: u32 = 0,
    unwound: u32 = 0,
    /// Code of the error that came out; 0: none.
    failed: u32 = 0,
    sum: u64 = 0,
};

/// Called on a signal stack, by a handler of the worker's: code of the unit, with checks like all of it.
fn visit(run: *Visit) callconv(.c) void {
    descend(run, run.depth) catch |err| {
        run.failed = codeOf(err);
    };
}

noinline fn descend(run: *Visit, left: u32) Fault!void {
    run.entered += 1;
    errdefer run.unwound += 1;
    const due = @as(*const volatile u32, run.told).*;
    if (due != 0) return faultOf(due);
    var words: [40]u64 = undefined;
    for (&words, 0..) |*word, i| @as(*volatile u64, word).* = left + i;
    if (left > 0) try descend(run, left - 1);
    for (&words) |*word| run.sum += @as(*volatile u64, word).*;
}

const EventKind = enum(u32) {
    leave = 3,
    log = 4,
    raised = 8,
    caught = 9,
    err_deferred = 10,
    result = 11,
};

extern fn hs_checkpoint(function: u32) u32;
extern fn hs_event(kind: EventKind, a: u32, b: u64) void;
extern fn hs_error(kind: EventKind, site: u32, code: u32, errors: ?*ErrorTrace) void;
extern fn hs_fuel() u32;
extern fn hs_acquire(site: u32, kind: Resource) u64;
extern fn hs_release(site: u32, serial: u64) void;
extern fn hs_lock(site: u32, mutex: u32) u64;
extern fn hs_join(site: u32, fiber: u32) u32;
extern fn hs_fill(words: [*]u64, count: u64, seed: u64) void;
extern fn hs_sum(words: [*]const u64, count: u64) u64;
extern fn hs_opaque(pointer: *const anyopaque) *const anyopaque;
extern fn hs_panic(message: [*]const u8, length: u64, return_address: u64, errors: ?*ErrorTrace) noreturn;

/// The places where another fiber may run, or a trace be taken: no frame of ours in between.
pub extern fn hs_yield(site: u32) void;
pub extern fn hs_spawn(site: u32, fiber: u32) void;
pub extern fn hs_cancel(site: u32, fiber: u32) void;
/// `errors`: the caller's `@errorReturnTrace()`; null where the compiler keeps none.
pub extern fn hs_probe(site: u32, errors: ?*ErrorTrace) void;
pub extern fn hs_callback(f: *const fn (*u64) callconv(.c) void, cell: *u64) void;

pub const yield = hs_yield;
pub const spawn = hs_spawn;
pub const cancel = hs_cancel;
pub const probe = hs_probe;
pub const callback = hs_callback;

/// The unit's root says `pub const panic = rt.panic;`.
pub const panic = std.debug.FullPanic(panicked);

fn panicked(message: []const u8, return_address: ?usize) noreturn {
    hs_panic(message.ptr, message.len, return_address orelse @returnAddress(), @errorReturnTrace());
}

/// Added to the function's number by those that cannot fail: nothing may be delivered to them.
pub const infallible_bit: u32 = 1 << 31;

/// Below what Linux lets anybody map (vm.mmap_min_addr).
const unmapped_address = 0x5e60;

/// What a checkpoint hands over: the function's number in its program, and in bits 16–30 the
/// program's in its unit. The runtime ignores the latter. It makes every function's code its own:
/// the LLVM modes merge functions with equal code, and the survivor's name and lines would stand in
/// the traces of all of them.
inline fn identity(comptime program_number: u15, comptime function: u16) u32 {
    return @as(u32, program_number) << 16 | function;
}

/// The first statement of every fallible function.
pub inline fn checkpoint(comptime program_number: u15, comptime function: u16) Fault!void {
    switch (hs_checkpoint(identity(program_number, function))) {
        0 => {},
        1 => @panic("injected panic"),
        2 => @as(*volatile u8, @ptrFromInt(unmapped_address)).* = 1,
        else => |code| return faultOf(code), // error trace: SupportCheckpoint
    }
}

/// The first statement of every infallible function.
pub inline fn enter(comptime program_number: u15, comptime function: u16) void {
    switch (hs_checkpoint(identity(program_number, function) | infallible_bit)) {
        1 => @panic("injected panic"),
        2 => @as(*volatile u8, @ptrFromInt(unmapped_address)).* = 1,
        else => {},
    }
}

/// The first statement of every fiber's wrapper, for the same reason as `identity`.
pub inline fn begin(comptime program_number: u15, comptime fiber: u16) void {
    _ = hs_opaque(@ptrFromInt(1 + @as(usize, identity(program_number, fiber))));
}

// Each `return` of an error here is an entry in error return traces; the harness finds its line by the mark (SupportLines).

fn faultOf(code: u32) Fault {
    return switch (code) { // error trace: SupportFault
        101 => error.Canceled,
        102 => error.StackOverflow,
        103 => error.OutOfStackSegments,
        104 => error.Deadlock,
        else => error.Injected,
    };
}

/// 0 for an error that no program raises: it matches nothing that the model expects.
fn codeOf(err: anyerror) u32 {
    return switch (err) {
        error.NotFound => 1,
        error.Refused => 2,
        error.Broken => 3,
        error.TimedOut => 4,
        error.Corrupt => 5,
        error.Busy => 6,
        error.Denied => 7,
        error.Lost => 8,
        error.Injected => 100,
        error.Canceled => 101,
        error.StackOverflow => 102,
        error.OutOfStackSegments => 103,
        error.Deadlock => 104,
        else => 0,
    };
}

pub inline fn log(site: u32, value: u64) void {
    hs_event(.log, site, value);
}

pub inline fn leave(function: u32) void {
    hs_event(.leave, function, 0);
}

pub fn raised(site: u32, err: anyerror) void {
    hs_error(.raised, site, codeOf(err), @errorReturnTrace());
}

pub fn caught(site: u32, err: anyerror) void {
    hs_error(.caught, site, codeOf(err), @errorReturnTrace());
}

pub fn errdeferred(site: u32, err: anyerror) void {
    hs_error(.err_deferred, site, codeOf(err), @errorReturnTrace());
}

/// For `return rt.again(T, err);` where a function has an `errdefer |err|`: there Zig 0.16 refuses
/// `return err;` of anything but an error written out ("expected error union type",
/// ziglang/zig#20369).
pub inline fn again(comptime T: type, err: anytype) @TypeOf(err)!T {
    return err; // error trace: SupportAgain
}

/// The fiber's entry function returned `payload`.
pub fn completed(payload: anytype) void {
    hs_event(.result, 0, fold(payload));
}

/// The fiber's entry function returned `err`.
pub fn failed(err: anyerror) void {
    hs_event(.result, codeOf(err), 0);
}

/// Deferred first, so run last, where other defers call: an optimiser may not turn the last call
/// into a jump, which would take this frame out of every trace below it.
pub inline fn stay() void {
    asm volatile ("");
}

/// Takes one unit of the fiber's fuel, if there is any.
pub inline fn fuel() bool {
    return hs_fuel() != 0;
}

pub inline fn acquire(site: u32, kind: Resource) Handle {
    return .{ .serial = hs_acquire(site, kind) };
}

pub inline fn release(site: u32, handle: Handle) void {
    hs_release(site, handle.serial);
}

pub fn lock(site: u32, mutex: u32) Fault!Handle {
    const answer = hs_lock(site, mutex);
    const code: u32 = @truncate(answer);
    if (code != 0) return faultOf(code); // error trace: SupportLock
    return .{ .serial = answer >> 32 };
}

pub fn join(site: u32, fiber: u32) Fault!void {
    const code = hs_join(site, fiber);
    if (code != 0) return faultOf(code); // error trace: SupportJoin
}

pub inline fn fill(buffer: []u64, seed: u64) void {
    hs_fill(buffer.ptr, buffer.len, seed);
}

pub inline fn sum(buffer: []const u64) u64 {
    return hs_sum(buffer.ptr, buffer.len);
}

/// The same function pointer; the optimiser cannot know that.
pub fn hidden(function: anytype) @TypeOf(function) {
    return @ptrCast(@alignCast(hs_opaque(@ptrCast(function))));
}

/// What a branch depends on: `value % modulus`, never known at compile time.
pub noinline fn mod(value: u64, modulus: u64) u64 {
    @setRuntimeSafety(false);
    return value % modulus;
}

/// A method's instance carries its own number; a wrong one means that `self` was lost on the way.
pub fn expect(actual: u32, expected: u32) void {
    if (actual != expected) @panic("self was lost");
}
