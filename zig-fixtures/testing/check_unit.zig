//! The part of `harness check` that is compiled with the program, by its route: calls the entry, and takes its panics and allocations to
//! check_host.zig, which is not split. The generated root (Harness.Toolchain/ProgramFile.cs) says which function of the module `program`
//! is the entry.

const std = @import("std");
const fault_isolation = @import("fault_isolation");
const program = @import("program");
const name = @import("root").entry_name;

extern fn hs_check_main(entry: *const fn (?*anyopaque) callconv(.c) void, argc: c_int, argv: [*][*:0]const u8) callconv(.c) c_int;
extern fn hs_check_enter(frame: usize) callconv(.c) void;
extern fn hs_check_ended(kind: u32, text: [*]const u8, length: usize, errors: ?*anyopaque) callconv(.c) void;
extern fn hs_check_panic(text: [*]const u8, length: usize, address: usize, errors: ?*anyopaque) callconv(.c) noreturn;
extern fn hs_check_allocate(length: usize, alignment: u8) callconv(.c) ?[*]u8;
extern fn hs_check_resize(memory: [*]u8, length: usize, wanted: usize) callconv(.c) bool;
extern fn hs_check_free(memory: [*]u8, length: usize) callconv(.c) void;
extern const hs_check_hooks: fault_isolation.Hooks;

pub const std_options: std.Options = blk: {
    var options: std.Options = if (@hasDecl(program, "std_options")) program.std_options else .{};
    // A fault is the end of the process, which the host sees; its handler would be split code on a signal's stack.
    options.enable_segfault_handler = false;
    options.signal_stack_size = null;
    break :blk options;
};

pub const panic = std.debug.FullPanic(panicked);

fn panicked(message: []const u8, return_address: ?usize) noreturn {
    hs_check_panic(message.ptr, message.len, return_address orelse @returnAddress(), @errorReturnTrace());
}

// "check: " is how the harness tells these from the program's own mistakes.
const entry = blk: {
    if (!@hasDecl(program, name)) @compileError("check: the file has no `pub fn " ++ name ++ "`");
    if (@typeInfo(@TypeOf(@field(program, name))) != .@"fn") @compileError("check: `" ++ name ++ "` is not a function");
    break :blk @field(program, name);
};
const signature = @typeInfo(@TypeOf(entry)).@"fn";
const Return = signature.return_type orelse unsupported();
const Payload = switch (@typeInfo(Return)) {
    .error_union => |u| u.payload,
    else => Return,
};
const takes_allocator = switch (signature.params.len) {
    0 => false,
    1 => if (signature.params[0].type == std.mem.Allocator) true else unsupported(),
    else => unsupported(),
};

fn unsupported() noreturn {
    @compileError("check: `" ++ name ++ "` is a `" ++ @typeName(@TypeOf(entry)) ++
        "`; an entry is `fn () R` or `fn (std.mem.Allocator) R`, where R is void, bool, an integer, or an error union of these");
}

comptime {
    _ = takes_allocator;
    if (signature.calling_convention != .auto) unsupported();
    switch (@typeInfo(Payload)) {
        .void, .bool, .int => {},
        else => unsupported(),
    }
}

pub export fn main(argc: c_int, argv: [*][*:0]const u8) callconv(.c) c_int {
    fault_isolation.hooks = &hs_check_hooks;
    return hs_check_main(&run, argc, argv);
}

const Kind = enum(u32) { returned = 0, value = 1, failed = 2 };

fn run(_: ?*anyopaque) callconv(.c) void {
    called();
}

/// Where traces end.
noinline fn called() void {
    hs_check_enter(@frameAddress());
    const arguments = if (takes_allocator) .{allocator} else .{};
    const result = @call(.auto, entry, arguments);
    if (@typeInfo(Return) == .error_union) {
        const payload = result catch |err| return ended(.failed, @errorName(err), @errorReturnTrace());
        endedWith(payload);
    } else endedWith(result);
}

fn endedWith(payload: Payload) void {
    if (Payload == void) return ended(.returned, "", null);
    var buffer: [1 << 15]u8 = undefined;
    const text = if (Payload == bool) (if (payload) "true" else "false") else std.fmt.bufPrint(&buffer, "{d}", .{payload}) catch "a wide integer";
    ended(.value, text, null);
}

fn ended(kind: Kind, text: []const u8, errors: ?*std.builtin.StackTrace) void {
    hs_check_ended(@intFromEnum(kind), text.ptr, text.len, errors);
}

const allocator: std.mem.Allocator = .{
    .ptr = undefined,
    .vtable = &.{ .alloc = allocate, .resize = resize, .remap = remap, .free = free },
};

fn allocate(_: *anyopaque, length: usize, alignment: std.mem.Alignment, _: usize) ?[*]u8 {
    return hs_check_allocate(length, @intFromEnum(alignment));
}

fn resize(_: *anyopaque, memory: []u8, _: std.mem.Alignment, wanted: usize, _: usize) bool {
    return hs_check_resize(memory.ptr, memory.len, wanted);
}

fn remap(_: *anyopaque, memory: []u8, _: std.mem.Alignment, wanted: usize, _: usize) ?[*]u8 {
    return if (hs_check_resize(memory.ptr, memory.len, wanted)) memory.ptr else null;
}

fn free(_: *anyopaque, memory: []u8, _: std.mem.Alignment, _: usize) void {
    hs_check_free(memory.ptr, memory.len);
}
