const Defect = @import("defect.zig").Defect;

pub const active: Defect = .reserve_once;
