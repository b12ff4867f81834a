//! Every planted defect at once, each asleep until the plan names it. What is named twice is a defect, and a check that is blind to it.
const Defect = @import("defect.zig").Defect;

pub const selectable = true;

/// main.zig. Of the plan: the defect, and a second one; 0: none.
extern var hs_planted: u32;
extern var hs_planted_second: u32;
/// How often code ran that a defect has changed.
extern var hs_planted_reached: u64;

pub inline fn planted(comptime defect: Defect) bool {
    const number = @intFromEnum(defect);
    if (hs_planted != number and hs_planted_second != number) return false;
    hs_planted_reached +%= 1;
    return true;
}
