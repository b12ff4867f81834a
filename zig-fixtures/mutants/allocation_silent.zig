const Defect = @import("defect.zig").Defect;

pub const active: Defect = .allocation_silent;
