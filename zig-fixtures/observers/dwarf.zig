//! The std.debug observer: one object per compiler, built once, because std.debug's DWARF machinery is dear to compile.
//! Walks a fiber's stack from the registers that a trace gate saved, by call frame information alone.

const std = @import("std");
const abi = @import("abi");

/// No signal stack of its own: it would lie in thread-local storage, 256 KiB for each thread to clear.
pub const std_options: std.Options = .{ .allow_stack_tracing = true, .signal_stack_size = null };
pub const panic = std.debug.no_panic;

comptime {
    _ = @import("interrupted.zig");
}

const end_clean = 0;
const end_cut = 1;
const end_limit = 3;

/// The addresses, innermost first, the first being registers.rip. `end`: see End in worker/observe.zig.
export fn hs_dwarf_capture(registers: *const abi.Registers, addresses: [*]u64, capacity: u64, end: *u32) callconv(.c) u64 {
    var context: std.debug.cpu_context.Native = .{ .gprs = .initFill(0) };
    // The trace reports pc + 1 first; pc is inside the call instruction, so that its row is the call's.
    context.gprs.set(.rip, registers.rip - 1);
    context.gprs.set(.rsp, registers.rsp);
    context.gprs.set(.rbp, registers.rbp);
    context.gprs.set(.rbx, registers.rbx);
    context.gprs.set(.r12, registers.r12);
    context.gprs.set(.r13, registers.r13);
    context.gprs.set(.r14, registers.r14);
    context.gprs.set(.r15, registers.r15);
    return capture(&context, addresses, capacity, end);
}

/// The same from where a signal interrupted a thread, whose registers are exact: `gregs` of its ucontext. The first address is rip + 1.
pub fn captureInterrupted(gregs: *const [23]u64, addresses: [*]u64, capacity: u64, end: *u32) u64 {
    var context: std.debug.cpu_context.Native = .{ .gprs = .initFill(0) };
    // The order of sys/ucontext.h.
    inline for (.{ .r8, .r9, .r10, .r11, .r12, .r13, .r14, .r15, .rdi, .rsi, .rbp, .rbx, .rdx, .rax, .rcx, .rsp, .rip }, 0..) |register, i| {
        context.gprs.set(register, gregs[i]);
    }
    return capture(&context, addresses, capacity, end);
}

fn capture(context: *std.debug.cpu_context.Native, addresses: [*]u64, capacity: u64, end: *u32) u64 {
    const trace = std.debug.captureCurrentStackTrace(
        .{ .context = context, .allow_unsafe_unwind = false },
        @as([*]usize, @ptrCast(addresses))[0..capacity],
    );
    end.* = switch (trace.skipped) {
        .none => end_clean,
        else => if (trace.return_addresses.len == capacity or trace.return_addresses.len > 10_000) end_limit else end_cut,
    };
    return trace.return_addresses.len;
}
