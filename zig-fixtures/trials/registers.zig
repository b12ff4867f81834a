//! The register trial: everything that a caller or a callee may rely on goes through both entries of the stubs, on every path they have,
//! unchanged. Patterns before the call are looked for in the body, other patterns set by the body are looked for after the return.
//!
//! Prints what was checked, a line for each class of registers; on a mismatch the register's name, and exits with 1.

const std = @import("std");
const kit = @import("kit.zig");
const vectors = @import("vectors.zig");
const abi = kit.abi;

pub const panic = kit.panic;
pub const std_options = kit.std_options;

const rounds = 200;
const frame_bytes = 512; // registers.S, FRAME

/// All registers, as registers.S saves and loads them.
const Image = extern struct {
    general: [16]u64 align(64),
    flags: u64,
    padding: [7]u64,
    fx: Fx align(64),
    vectors: [32][64]u8 align(64),
    masks: [8]u64 align(64),
};

/// The area of FXSAVE64.
const Fx = extern struct {
    control: u16,
    status: u16,
    tags: u8,
    reserved: u8,
    opcode: u16,
    instruction: u64,
    operand: u64,
    mxcsr: u32,
    mxcsr_mask: u32,
    x87: [8][16]u8,
    xmm: [16][16]u8,
    unused: [96]u8,
};

comptime {
    std.debug.assert(@offsetOf(Image, "flags") == 128);
    std.debug.assert(@offsetOf(Image, "fx") == 192);
    std.debug.assert(@offsetOf(Image, "vectors") == 704);
    std.debug.assert(@offsetOf(Image, "masks") == 2752);
    std.debug.assert(@sizeOf(Image) == 2816);
    std.debug.assert(@sizeOf(Fx) == 512);
}

const general_names = [16][]const u8{
    "rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15",
};
const rsp = 4;
const rbp = 5;
const r10 = 10;
const r11 = 11;

const flag_status = 0x8d5; // carry, parity, adjust, zero, sign, overflow
const flag_direction = 1 << 10;
const flag_id = 1 << 21;

extern var hs_trial_called: Image;
extern var hs_trial_body: Image;
extern var hs_trial_returned: Image;
extern var hs_trial_after: Image;
extern var hs_trial_word: u64;
extern var hs_trial_arguments: u32;
extern var hs_trial_vectors: u32;
extern var hs_trial_splits: u32;
extern var hs_trial_frame: [2]u64;
extern fn hs_trial_llvm(rsp: u64) callconv(.c) void;
extern fn hs_trial_thunk(rsp: u64) callconv(.c) void;
extern const hs_trial_llvm_returned: u8;
extern const hs_trial_thunk_returned: u8;

const Entry = enum { llvm, thunk };

/// A way through the stubs: what is done to get there, and how the runtime's own counters show that it was taken.
const Path = struct {
    name: []const u8,
    plan: abi.Plan,
    /// Of the stack; 0: none.
    budget_bytes: u64 = 0,
    /// One call before, so that there is a cached child.
    primed: bool = false,
    fits: bool = false,
    arguments: u32 = 0,
    /// The caller keeps a frame pointer, this far above its stack arguments' start; 0: its rbp is any value.
    caller_frame: u32 = 0,
    warm: u64 = 0,
    splits: u64 = 1,
    allocations: u64 = 1,
};

const natural: abi.Plan = .{ .kind = .natural, .a = 2048 };

fn variant(comptime base: abi.Plan, comptime changes: anytype) abi.Plan {
    var plan = base;
    for (@typeInfo(@TypeOf(changes)).@"struct".fields) |field| @field(plan, field.name) = @field(changes, field.name);
    return plan;
}

const paths = [_]Path{
    .{ .name = "warm", .plan = natural, .primed = true, .warm = 1, .splits = 0, .allocations = 0 },
    .{ .name = "cold grow, warm return", .plan = natural },
    .{ .name = "arguments to a cached segment", .plan = natural, .primed = true, .arguments = 192, .allocations = 0 },
    .{ .name = "cached segment outgrown", .plan = natural, .primed = true, .arguments = 4032 },
    .{ .name = "in place", .plan = natural, .fits = true, .splits = 0, .allocations = 0 },
    .{ .name = "cold grow, cold return", .plan = variant(natural, .{ .caching = 0 }) },
    .{ .name = "forced, cold return", .plan = variant(natural, .{ .caching = 0, .kind = .every_entry }), .fits = true },
    .{ .name = "poison", .plan = variant(natural, .{ .caching = 0, .policy = .poison }), .arguments = 64 },
    .{ .name = "unmap (system calls)", .plan = variant(natural, .{ .caching = 0, .policy = .unmap }), .primed = true },
    .{ .name = "ascending", .plan = variant(natural, .{ .caching = 0, .placement = .ascending }) },
    .{ .name = "interleaved", .plan = variant(natural, .{ .caching = 0, .placement = .interleaved }), .primed = true },
    .{ .name = "beyond the budget", .plan = natural, .budget_bytes = 1 },
    .{ .name = "segment allocation fails", .plan = variant(natural, .{ .fail_allocation = 1 }) },
    .{ .name = "caller with a frame pointer", .plan = natural, .primed = true, .arguments = 256, .caller_frame = 256, .allocations = 0 },
};

var random: kit.Random = .{ .state = 1 };

pub export fn main() callconv(.c) c_int {
    kit.start();
    hs_trial_vectors = vectors.detect();
    for (paths) |path| {
        for ([_]Entry{ .llvm, .thunk }) |entry| {
            for (0..rounds) |_| run(path, entry);
        }
        kit.say("path     {s}: {d} calls", .{ path.name, 2 * rounds });
    }
    report();
    return 0;
}

fn run(path: Path, entry: Entry) void {
    kit.stack.core.budget_bytes = path.budget_bytes;
    const top = kit.open(path.plan, 16 << 10);
    // Enough above for the largest stack arguments; every alignment that the ABI knows.
    const stack_pointer = top - 8192 + random.next() % 4 * 16;
    if (!path.fits) kit.setLimit(stack_pointer - frame_bytes / 2);
    const limit = abi.getLimit();
    if (path.primed) {
        make(path, stack_pointer);
        hs_trial_arguments = 0;
        hs_trial_word = frame_bytes / 16;
        hs_trial_called.general[rbp] = 0x1B; // no frame pointer
        hs_trial_splits = 1;
        call(entry, stack_pointer);
        checkLimit(path, entry, limit);
    }
    // What fits gets to the stub all the same, as under a forced plan; in place the stub leaves the limit as it is.
    if (path.fits) abi.setLimit(abi.limit_force);
    make(path, stack_pointer);
    hs_trial_splits = @intCast(path.splits + path.warm);
    const plan = &kit.hs_thread.plan;
    const before = .{ .warm = kit.hs_thread.core.warm_splits, .splits = plan.splits, .allocations = plan.allocations };
    call(entry, stack_pointer);
    if (kit.hs_thread.core.warm_splits - before.warm != path.warm or plan.splits - before.splits != path.splits or
        plan.allocations - before.allocations != path.allocations)
    {
        kit.stop("path {s}, entry {t}: took another path (warm {d}, splits {d}, allocations {d})", .{
            path.name, entry, kit.hs_thread.core.warm_splits, plan.splits, plan.allocations,
        });
    }
    checkBody(path, entry, stack_pointer);
    checkAfter(path, entry, stack_pointer);
    checkLimit(path, entry, if (path.fits) abi.limit_force else limit);
    kit.close();
}

fn checkLimit(path: Path, entry: Entry, expected: u64) void {
    if (abi.getLimit() == expected) return;
    kit.stop("the limit after the return is {x}, not {x} (entry {t}, path {s})", .{ abi.getLimit(), expected, entry, path.name });
}

/// Fresh patterns for the way in and the way out.
fn make(path: Path, stack_pointer: u64) void {
    inline for (.{ &hs_trial_called, &hs_trial_returned }) |image| {
        for (&image.general) |*value| value.* = random.next();
        image.flags = random.next() & (flag_status | flag_id) | 2;
        random.fill(std.mem.asBytes(&image.vectors));
        random.fill(std.mem.asBytes(&image.masks));
        image.fx = std.mem.zeroes(Fx);
        image.fx.control = 0x7f | (@as(u16, @truncate(random.next())) & 0xf00);
        image.fx.status = @as(u16, @truncate(random.next())) & 0x7f3f;
        image.fx.tags = 0xff;
        image.fx.mxcsr = 0x1f80 | (@as(u32, @truncate(random.next())) & 0xe07f);
        for (&image.fx.x87) |*value| random.fill(value[0..10]);
        for (&image.fx.xmm, 0..) |*value, i| value.* = image.vectors[i][0..16].*;
    }
    hs_trial_arguments = path.arguments;
    hs_trial_word = frame_bytes / 16 | @as(u64, path.arguments / 64) << 20;
    if (path.caller_frame != 0) hs_trial_called.general[rbp] = stack_pointer + path.caller_frame;
}

fn call(entry: Entry, stack_pointer: u64) void {
    switch (entry) {
        .llvm => hs_trial_llvm(stack_pointer),
        .thunk => hs_trial_thunk(stack_pointer),
    }
}

const Where = struct { path: Path, entry: Entry, moment: []const u8 };

fn checkBody(path: Path, entry: Entry, stack_pointer: u64) void {
    const where: Where = .{ .path = path, .entry = entry, .moment = "in the body" };
    const expected = &hs_trial_called;
    const observed = &hs_trial_body;
    for (expected.general, observed.general, 0..) |want, got, i| switch (i) {
        rsp, rbp => {},
        r10 => same(where, general_names[i], if (entry == .llvm) frame_bytes else want, got),
        r11 => same(where, general_names[i], if (entry == .llvm) path.arguments else want, got),
        else => same(where, general_names[i], want, got),
    };
    const return_address = switch (entry) {
        .llvm => @intFromPtr(&hs_trial_llvm_returned),
        .thunk => @intFromPtr(&hs_trial_thunk_returned),
    };
    if (path.splits + path.warm == 0) {
        same(where, "rsp", stack_pointer - 8, observed.general[rsp]);
        same(where, "rbp", expected.general[rbp], observed.general[rbp]);
    } else {
        // On another stack, as aligned as on this one, or (warm, where nothing is passed on the stack) its argument base is a multiple
        // of 64; rbp leads to the caller's return address and rbp.
        const aligned = if (path.warm > 0) 64 - 8 else (stack_pointer - 8) % 64;
        same(where, "rsp mod 64", aligned, observed.general[rsp] % 64);
        same(where, "rbp", stack_pointer - 16, observed.general[rbp]);
        same(where, "saved rbp", expected.general[rbp], hs_trial_frame[0]);
        same(where, "return address", return_address, hs_trial_frame[1]);
        if (observed.general[rsp] + 8 > kit.stack.arena + abi.arena_bytes or observed.general[rsp] < kit.stack.arena) {
            kit.stop("path {s}: rsp {x} in the body is outside the arena", .{ path.name, observed.general[rsp] });
        }
    }
    checkRest(where, expected, observed);
}

fn checkAfter(path: Path, entry: Entry, stack_pointer: u64) void {
    const where: Where = .{ .path = path, .entry = entry, .moment = "after the return" };
    const observed = &hs_trial_after;
    for (hs_trial_returned.general, observed.general, 0..) |want, got, i| switch (i) {
        rsp => same(where, "rsp", stack_pointer, got),
        rbp => same(where, "rbp", hs_trial_called.general[rbp], got),
        else => same(where, general_names[i], want, got),
    };
    checkRest(where, &hs_trial_returned, observed);
}

fn checkRest(where: Where, expected: *const Image, observed: *const Image) void {
    same(where, "direction flag", 0, observed.flags & flag_direction);
    same(where, "ID flag", expected.flags & flag_id, observed.flags & flag_id);
    same(where, "x87 control word", expected.fx.control, observed.fx.control);
    same(where, "x87 status word", expected.fx.status, observed.fx.status);
    same(where, "x87 tags", expected.fx.tags, observed.fx.tags);
    same(where, "MXCSR", expected.fx.mxcsr, observed.fx.mxcsr);
    for (&expected.fx.x87, &observed.fx.x87, 0..) |*want, *got, i| sameBytes(where, "st", i, want[0..10], got[0..10]);
    for (&expected.fx.xmm, &observed.fx.xmm, 0..) |*want, *got, i| sameBytes(where, "xmm", i, want, got);
    const level = hs_trial_vectors;
    const wide: usize = if (level == 2) 32 else if (level == 1) 16 else 0;
    for (expected.vectors[0..wide], observed.vectors[0..wide], 0..) |*want, *got, i| {
        const bytes: usize = if (level == 2) 64 else 32;
        sameBytes(where, if (level == 2) "zmm" else "ymm", i, want[0..bytes], got[0..bytes]);
    }
    if (level == 2) {
        for (&expected.masks, &observed.masks, 0..) |*want, *got, i| sameBytes(where, "k", i, std.mem.asBytes(want), std.mem.asBytes(got));
    }
}

fn same(where: Where, name: []const u8, want: u64, got: u64) void {
    if (want == got) return;
    kit.stop("register {s} {s}: expected {x}, found {x} (entry {t}, path {s})", .{ name, where.moment, want, got, where.entry, where.path.name });
}

fn sameBytes(where: Where, name: []const u8, number: usize, want: []const u8, got: []const u8) void {
    if (std.mem.eql(u8, want, got)) return;
    kit.stop("register {s}{d} {s}: expected {x}, found {x} (entry {t}, path {s})", .{ name, number, where.moment, want, got, where.entry, where.path.name });
}

fn report() void {
    const calls = 2 * rounds * paths.len;
    const each = .{calls};
    kit.say("checked  rax rcx rdx rbx rsi rdi r8 r9 r10 r11 r12 r13 r14 r15: {d} calls, in the body and after the return", each);
    kit.say("checked  rsp rbp and the frame they lead to: {d} calls", each);
    kit.say("checked  st0 … st7, x87 control word, status word and tags: {d} calls", each);
    kit.say("checked  xmm0 … xmm15, MXCSR: {d} calls", each);
    switch (hs_trial_vectors) {
        0 => kit.say("skipped  ymm, zmm, k: the CPU or the kernel has no AVX", .{}),
        1 => {
            kit.say("checked  ymm0 … ymm15: {d} calls", each);
            kit.say("skipped  zmm, k: the CPU or the kernel has no AVX-512", .{});
        },
        else => {
            kit.say("checked  zmm0 … zmm31 (ymm and xmm within): {d} calls", each);
            kit.say("checked  k0 … k7: {d} calls", each);
        },
    }
    kit.say("checked  direction flag, ID flag: {d} calls", each);
}
