//! Deaths on purpose: a fault that the plan injects, and that is not isolated to its fiber but ends the process, so that what it leaves
//! behind can be read (harness/docs/TRACES.md, "Snapshots of the dead").

const std = @import("std");
const plan = @import("plan.zig");
const state = @import("state.zig");

extern fn abort() callconv(.c) noreturn;

const page_bytes = 4096;

/// What the process is dying of; read from its core.
pub var reason: plan.Death = .none;

/// At the plan's entry, on the system stack. `rsp` is the fiber's. Where it returns, the fiber's own code has to go on and die.
pub fn begin(rsp: u64) void {
    reason = state.scenario.death;
    switch (reason) {
        .guard => runOff(rsp),
        .abort => abort(),
        else => {},
    }
}

/// In the handler of a fatal signal, on the signal stack.
pub fn inHandler() void {
    if (reason == .handler) abort();
}

/// As a frame that nobody asked about does it: rsp goes down from where the fiber stands until a page that gives no access. Only looks, so
/// what lies on the way stays as it is. rbp stays in this frame, and unwinding with it.
noinline fn runOff(rsp: u64) noreturn {
    asm volatile (
        \\ movq %[rsp], %%rsp
        \\1:
        \\ subq %[page], %%rsp
        \\ cmpb $0, (%%rsp)
        \\ jmp 1b
        :
        : [rsp] "r" (rsp),
          [page] "i" (page_bytes),
        : .{ .memory = true });
    unreachable;
}
