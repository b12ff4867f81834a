const Defect = @import("defect.zig").Defect;

pub const active: Defect = .budget_silent;
