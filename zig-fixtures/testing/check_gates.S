// The gate of `harness check`'s second walker: it wants more stack than a fiber has below its limit. How a gate works: ../runtime/gates.h.

#include "../runtime/gates.h"

    .text

// void hs_check_dwarf(struct Walk *): check_dwarf.zig, hs_check_walk, with the caller's registers.
    trace_gate hs_check_dwarf, hs_check_walk, %rsi

    .section .note.GNU-stack, "", @progbits
