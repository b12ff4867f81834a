const Defect = @import("defect.zig").Defect;

pub const active: Defect = .limit_restore;
