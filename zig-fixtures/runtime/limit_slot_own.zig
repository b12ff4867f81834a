//! The limit in a thread-local variable of the runtime, which morestack.S defines (HS_LIMIT_OWN): with any libc, or none.

pub const operand = "%%fs:hs_limit@TPOFF";
