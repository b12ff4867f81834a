const Defect = @import("defect.zig").Defect;

pub const active: Defect = .ledger_order;
