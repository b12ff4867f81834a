//! The limit in the word that LLVM's x86-64 Linux prologue reads; glibc reserves it (tcbhead_t.__private_ss), nobody else does.
//! morestack.S: LIMIT_SLOT, likewise.

pub const operand = "%%fs:0x70";
