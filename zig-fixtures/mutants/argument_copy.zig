const Defect = @import("defect.zig").Defect;

pub const active: Defect = .argument_copy;
