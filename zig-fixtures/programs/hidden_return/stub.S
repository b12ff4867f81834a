// The morestack of the hidden-return question: what overflows is not run. If R lies in the thunk of a function of the unit's table
// (`hidden_pairs`), control goes to the function's twin, as if its caller had called that.
//
//   on entry                     at the twin's (or, in place, the body's) first instruction
//   [rsp + 16] return into C     [rsp] return into C
//   [rsp +  8] sizes             every register as C left it, flags excepted
//   [rsp]      R
//
// Below them four registers are saved:  R is at PUSHED, the sizes at PUSHED + 8.
// Same contract as hs_morestack_thunk in ../../runtime/morestack.S; the thunk is drawn in ThunkCode.cs.

#define PUSHED 32
// A thunk is at most this long and starts on a multiple of 16, so R − start below it names one thunk.
#define THUNK_BYTES 48
// struct Pairs { count, items }, struct Pair { function, twin } (unit.zig)
#define PAIRS_COUNT hidden_pairs(%rip)
#define PAIRS_ITEMS hidden_pairs+8(%rip)
#define PAIR_FUNCTION 0
#define PAIR_TWIN 8
#define PAIR_BYTES 16

    .text
    .globl hs_morestack_thunk
    .type hs_morestack_thunk, @function
    .p2align 4
hs_morestack_thunk:
    .cfi_startproc
    .cfi_def_cfa rsp, 24
    push %rax
    .cfi_adjust_cfa_offset 8
    push %rcx
    .cfi_adjust_cfa_offset 8
    push %rdx
    .cfi_adjust_cfa_offset 8
    push %rsi
    .cfi_adjust_cfa_offset 8
    // 1. Whose thunk is it? rax walks the pairs, rcx counts them down.
    mov PUSHED(%rsp), %rdx              // R
    mov PAIRS_COUNT, %rcx
    mov PAIRS_ITEMS, %rax
.Lnext:
    test %rcx, %rcx
    jz .Lresume                         // a function without a twin
    mov %rdx, %rsi
    sub PAIR_FUNCTION(%rax), %rsi
    cmp $THUNK_BYTES, %rsi
    jb .Lfound
    add $PAIR_BYTES, %rax
    dec %rcx
    jmp .Lnext
    // 2. Is it the entry at which this run overflows?
.Lfound:
    decq hidden_countdown(%rip)
    jnz .Lresume
    cmpb $0, hidden_by_checkpoint(%rip)
    jne .Lleave_it_to_the_checkpoint
    // 3. Over to the twin: its address replaces the sizes, right below the return address into C.
    mov PAIR_TWIN(%rax), %rax
    mov %rax, PUSHED+8(%rsp)
    .cfi_remember_state
    pop %rsi
    .cfi_adjust_cfa_offset -8
    pop %rdx
    .cfi_adjust_cfa_offset -8
    pop %rcx
    .cfi_adjust_cfa_offset -8
    pop %rax
    .cfi_adjust_cfa_offset -8
    lea 8(%rsp), %rsp                   // drops R
    .cfi_adjust_cfa_offset -8
    ret                                 // to the twin
    .cfi_restore_state
.Lleave_it_to_the_checkpoint:
    movb $1, hidden_overflowed(%rip)
    // 4. Run the body where it is: it starts at R + 1, which replaces the sizes.
.Lresume:
    incq PUSHED(%rsp)
    pop %rsi
    .cfi_adjust_cfa_offset -8
    pop %rdx
    .cfi_adjust_cfa_offset -8
    pop %rcx
    .cfi_adjust_cfa_offset -8
    pop %rax
    .cfi_adjust_cfa_offset -8
    popq (%rsp)
    .cfi_adjust_cfa_offset -8
    ret
    .cfi_endproc
    .size hs_morestack_thunk, . - hs_morestack_thunk

    .section .note.GNU-stack, "", @progbits
