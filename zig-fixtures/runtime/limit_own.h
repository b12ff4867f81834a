// Where the limit is a variable of our own (limit_slot_own.zig): its definition. Included by morestack.S.
#ifdef HS_LIMIT_OWN
    .section .tbss, "awT", @nobits
    .globl hs_limit
    .hidden hs_limit
    .type hs_limit, @object
    .size hs_limit, 8
    .p2align 3
hs_limit:
    .zero 8
#endif
