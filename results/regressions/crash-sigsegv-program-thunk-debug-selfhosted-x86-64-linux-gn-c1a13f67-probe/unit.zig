const rt = @import("rt");

pub const panic = rt.panic;

const program_0 = struct {
    noinline fn start_0() void {
        rt.enter(0, 0);
        _ = rt.hidden(&compute_1)(rt.make(u64, 0));
        _ = compute_1(rt.make(u64, 0));
        rt.leave(0);
    }

    noinline fn compute_1(v0: u64) u64 {
        rt.enter(0, 1);
        var buffer_1: [2570]u64 align(32) = undefined;
        rt.fill(&buffer_1, rt.fold(v0));
        rt.leave(1);
        return rt.make(u64, 0);
    }

    fn fiber_0() callconv(.c) void {
        rt.begin(0, 0);
        start_0();
        rt.completed({});
    }

    const fibers = [_]rt.Fiber{&fiber_0};
};

const programs = [_]rt.Program{
    rt.program(&program_0.fibers),
};

export const hs_unit = rt.unit(&programs);
