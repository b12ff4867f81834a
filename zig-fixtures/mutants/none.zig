//! No planted defect. The others differ in this one declaration; see README.md here.
const Defect = @import("defect.zig").Defect;

pub const active: Defect = .none;
