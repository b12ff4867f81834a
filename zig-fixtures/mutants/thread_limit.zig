const Defect = @import("defect.zig").Defect;

pub const active: Defect = .thread_limit;
