//! Foreign code on split stacks, as a program on the product's runtime; README.md says what it shows. All of it is split code.

const splitstack = @import("splitstack");
const kit = @import("kit.zig");
const calls = @import("calls.zig");
const exceptions = @import("exceptions.zig");
const jumps = @import("jumps.zig");
const threads = @import("threads.zig");
const faults = @import("faults.zig");

export fn main() c_int {
    splitstack.Thread.enter() catch kit.stop("set-up", "no memory for the thread", .{});
    for (&(calls.scenarios ++ exceptions.scenarios ++ jumps.scenarios)) |*scenario| kit.sweep(scenario);
    exceptions.repeat();
    exceptions.uncaught();
    exceptions.handlers();
    exceptions.releases();
    jumps.repeat();
    jumps.out();
    faults.refused();
    faults.exhausted();
    threads.destructors();
    splitstack.Thread.leave();
    return 0;
}
