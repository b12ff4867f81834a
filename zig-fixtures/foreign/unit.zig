//! The root of the program: everything is in the module `program`, which has several files.

pub const panic = @import("splitstack").panic;

comptime {
    _ = @import("program");
}
