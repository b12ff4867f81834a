const Defect = @import("defect.zig").Defect;

pub const active: Defect = .second_opinion;
