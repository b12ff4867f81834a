//! What a command may not do, kept by the kernel (seccomp; needs no privilege and no namespaces). Entered by the
//! child of launch.zig just before it becomes the command; it cannot be left.
//!
//! A refused call returns EPERM, so a program that tries goes on and says so; only another architecture's system
//! calls are the end. The kernel remembers which calls a filter always allows (seccomp's action cache, Linux 5.11) and does not
//! run it for these.

const std = @import("std");
const linux = std.os.linux;

pub const Kind = enum {
    none,
    /// No sockets, so no network: for compilers.
    offline,
    /// No other process besides (threads are allowed), no signal to one, no tracing of one: for generated programs.
    alone,
};

/// The kernel's struct sock_filter and sock_fprog.
const Instruction = extern struct { code: u16, if_true: u8, if_false: u8, operand: u32 };
const Program = extern struct { length: u16, instructions: [*]const Instruction };

const load_word = 0x20;
const jump_equal = 0x15;
const jump_at_least = 0x35;
const jump_any_bit = 0x45;
const give_back = 0x06;

/// Offsets in struct seccomp_data; of an argument the lower half.
const number_at = 0;
const architecture_at = 4;
const first_argument_at = 16;

const architecture = 0xC000_003E; // AUDIT_ARCH_X86_64
/// Numbers from here on are the x32 table's.
const other_table = 0x4000_0000;
const allow = 0x7FFF_0000;
const kill = 0x8000_0000;
const refuse = 0x0005_0000;

const mode_filter = 2;

const Builder = struct {
    instructions: [64]Instruction = undefined,
    count: u16 = 0,

    fn add(builder: *Builder, code: u16, operand: u32, if_true: u8, if_false: u8) void {
        builder.instructions[builder.count] = .{ .code = code, .if_true = if_true, .if_false = if_false, .operand = operand };
        builder.count += 1;
    }

    /// Ends with a verdict when the number is this one.
    fn end(builder: *Builder, call: linux.SYS, verdict: u32) void {
        builder.add(jump_equal, @intCast(@intFromEnum(call)), 0, 1);
        builder.add(give_back, verdict, 0, 0);
    }

    /// Allows the call if its first argument passes the test, else refuses it.
    fn endByArgument(builder: *Builder, call: linux.SYS, code: u16, operand: u32) void {
        builder.add(jump_equal, @intCast(@intFromEnum(call)), 0, 4);
        builder.add(load_word, first_argument_at, 0, 0);
        builder.add(code, operand, 0, 1);
        builder.add(give_back, allow, 0, 0);
        builder.add(give_back, refused(.PERM), 0, 0);
    }
};

fn refused(errno: linux.E) u32 {
    return refuse | @as(u32, @intFromEnum(errno));
}

/// For this process and what it becomes.
pub fn enter(kind: Kind) linux.E {
    if (kind == .none) return .SUCCESS;
    var builder: Builder = .{};
    builder.add(load_word, architecture_at, 0, 0);
    builder.add(jump_equal, architecture, 1, 0);
    builder.add(give_back, kill, 0, 0);
    builder.add(load_word, number_at, 0, 0);
    builder.add(jump_at_least, other_table, 0, 1);
    builder.add(give_back, refused(.PERM), 0, 0);
    builder.end(.socket, refused(.PERM));
    builder.end(.io_uring_setup, refused(.PERM)); // It makes sockets of its own.
    if (kind == .alone) alone(&builder);
    builder.add(give_back, allow, 0, 0);

    const privileges = linux.errno(linux.prctl(@intFromEnum(linux.PR.SET_NO_NEW_PRIVS), 1, 0, 0, 0));
    if (privileges != .SUCCESS) return privileges;
    const program: Program = .{ .length = builder.count, .instructions = &builder.instructions };
    return linux.errno(linux.prctl(@intFromEnum(linux.PR.SET_SECCOMP), mode_filter, @intFromPtr(&program), 0, 0));
}

fn alone(builder: *Builder) void {
    const self: u32 = @intCast(linux.getpid());
    builder.end(.fork, refused(.PERM));
    builder.end(.vfork, refused(.PERM));
    builder.end(.clone3, refused(.NOSYS)); // Its flags are in memory; C libraries fall back to clone.
    builder.endByArgument(.clone, jump_any_bit, linux.CLONE.THREAD);
    builder.endByArgument(.kill, jump_equal, self);
    builder.endByArgument(.tgkill, jump_equal, self);
    builder.endByArgument(.tkill, jump_equal, self); // musl's abort; another thread than the first asks in vain.
    builder.end(.pidfd_open, refused(.PERM));
    builder.end(.ptrace, refused(.PERM));
    builder.end(.setsid, refused(.PERM)); // The group is how it is ended.
    builder.end(.setpgid, refused(.PERM));
}
