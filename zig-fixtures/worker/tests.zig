//! The worker's own unit tests: `zig test -lc zig-fixtures/worker/tests.zig`. What needs the stubs is tested by running workers.

test {
    _ = @import("mixing.zig");
    _ = @import("buffers.zig");
    _ = @import("descriptors.zig");
}
