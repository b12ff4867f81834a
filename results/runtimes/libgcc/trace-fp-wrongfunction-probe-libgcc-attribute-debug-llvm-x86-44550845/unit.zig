const rt = @import("rt");

pub const panic = rt.panic;

const program_0 = struct {
    noinline fn start_0(v0: i96) (rt.Fault || error{ NotFound, Refused })!f64 {
        try rt.checkpoint(0, 0);
        rt.probe(1, @errorReturnTrace());
        _ = compute_1(rt.make(@Vector(8, u64), rt.fold(v0)), rt.make(f128, 0));
        rt.leave(0);
        return rt.make(f64, 0);
    }

    noinline fn compute_1(_: @Vector(8, u64), _: f128) f64 {
        rt.enter(0, 1);
        rt.leave(1);
        return rt.make(f64, 0);
    }

    fn fiber_0() callconv(.c) void {
        rt.begin(0, 0);
        const result = start_0(rt.make(i96, 0x34dca1ecd3038a29)) catch |err| return rt.failed(err);
        rt.completed(result);
    }

    const fibers = [_]rt.Fiber{&fiber_0};
};

const programs = [_]rt.Program{
    rt.program(&program_0.fibers),
};

export const hs_unit = rt.unit(&programs);
