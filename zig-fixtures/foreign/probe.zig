//! What of the thread's state has to be right wherever ordinary code runs; called from Zig, C and C++ alike, so it is not split itself and uses
//! little stack.

const abi = @import("abi");
const plan = @import("plan.zig");

extern threadlocal var hs_thread: abi.Thread;
extern threadlocal var foreign_plan: plan.Plan;

pub const panic = @import("std").debug.no_panic;

const system_stack_bytes_max = 64 << 20;

/// 0: limit, current segment and system stack suit the place of the caller. Else a bit for each that does not.
export fn foreign_state_wrong() callconv(.c) u32 {
    const thread = &hs_thread;
    const here = @frameAddress();
    const limit = abi.getLimit();
    const stack = thread.stack orelse return wrong(limit == 0, true, thread.system_rsp == 0);
    const segment = stack.segment.?;
    if (here >= segment.low and here < @intFromPtr(segment)) {
        const expected = if (foreign_plan.kind == .natural) segment.limit else plan.limit_force;
        return wrong(limit == expected, true, thread.system_rsp == thread.scheduler_rsp & ~@as(u64, 63));
    }
    const on_system = here < thread.scheduler_rsp and thread.scheduler_rsp - here < system_stack_bytes_max;
    return wrong(limit == 0, on_system, thread.system_rsp == 0);
}

fn wrong(limit: bool, segment: bool, system: bool) u32 {
    return @as(u32, @intFromBool(!limit)) | @as(u32, @intFromBool(!segment)) << 1 | @as(u32, @intFromBool(!system)) << 2;
}
