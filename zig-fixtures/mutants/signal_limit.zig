const Defect = @import("defect.zig").Defect;

pub const active: Defect = .signal_limit;
