//! No planted defect, and no code that asks for one. selected.zig is the other.
const Defect = @import("defect.zig").Defect;

pub const selectable = false;

pub inline fn planted(comptime _: Defect) bool {
    return false;
}
