const Defect = @import("defect.zig").Defect;

pub const active: Defect = .segment_release;
