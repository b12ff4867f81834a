//! Foreign code on split stacks, as a program on the product's runtime; README.md says what it shows. All of it is split code.

const splitstack = @import("splitstack");
const kit = @import("kit.zig");
const calls = @import("calls.zig");
const exceptions = @import("exceptions.zig");
const jumps = @import("jumps.zig");
const threads = @import("threads.zig");
const faults = @import("faults.zig");

extern fn strcmp(a: [*:0]const u8, b: [*:0]const u8) c_int;

const Check = struct { name: [*:0]const u8, run: *const fn ([*:0]const u8) void };

/// Not swept: each has splits of its own.
const checks = [_]Check{
    .{ .name = "10,000 exceptions in one fiber", .run = exceptions.repeat },
    .{ .name = "an exception that nobody catches", .run = exceptions.uncaught },
    .{ .name = "fibers that yield inside handlers", .run = exceptions.handlers },
    .{ .name = "release callbacks that throw", .run = exceptions.releases },
    .{ .name = "10,000 siglongjmps in one fiber", .run = jumps.repeat },
    .{ .name = "longjmp out of the fiber", .run = jumps.out },
    .{ .name = "longjmp where no fiber runs", .run = jumps.outside },
    .{ .name = "headroom that the system refuses", .run = faults.refused },
    .{ .name = "a callback that uses up the system stack", .run = faults.exhausted },
    .{ .name = "destructors at a thread's end", .run = threads.destructors },
};

/// Without arguments everything; else what the first one names; of a scenario, with a second one, the run in which every prologue splits alone.
export fn main(count: c_int, arguments: [*]const [*:0]const u8) c_int {
    const only: ?[*:0]const u8 = if (count > 1) arguments[1] else null;
    splitstack.Thread.enter() catch kit.stop("set-up", "no memory for the thread", .{});
    for (&(calls.scenarios ++ exceptions.scenarios ++ jumps.scenarios)) |*scenario| {
        if (isWanted(only, scenario.name)) if (count > 2) kit.everySplit(scenario) else kit.sweep(scenario);
    }
    for (&checks) |*check| if (isWanted(only, check.name)) {
        check.run(check.name);
        kit.passed(check.name);
    };
    splitstack.Thread.leave();
    return 0;
}

fn isWanted(only: ?[*:0]const u8, name: [*:0]const u8) bool {
    return if (only) |wanted| strcmp(wanted, name) == 0 else true;
}
