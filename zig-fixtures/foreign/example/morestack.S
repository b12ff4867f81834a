// The stub of a minimal split-stack runtime: a new segment for every split, given back when the function returns. A model for runtimes that are to be
// verified (harness/docs/RUNTIMES.md); contract.c is the rest of it.
//
// LLVM's "split-stack" prologue calls it: r10 = bytes of F's frame, r11 = bytes of its stack arguments. The `ret` at R brings F's caller C back.
//
//   segment of C                          new segment
//   ┌────────────────────────┐            ┌────────────────────────┐
//   │ stack arguments of F   │ ◄── CFA    │ copy of the arguments  │ ◄── NEW (≡ CFA mod 64)
//   │ return address into C  │            │ .Lreturned             │
//   │ saved rbp              │ ◄── rbp    │ frame of F …           │
//   │ R                      │ rbp −  8   └────────────────────────┘
//   │ r10, r11, rax … r9     │ rbp − 80
//   └────────────────────────┘
//
// F is no frame of its own twice: R is moved below the saved rbp, so that the stub's return address is C's.

#define SAVED_BYTES 80

    .text
    .globl __morestack, example_stub_end
    .type __morestack, @function
    .p2align 4
__morestack:
    .cfi_startproc
    .cfi_def_cfa %rsp, 16               // as if C had called the stub
    push %r10                           // becomes R's place
    .cfi_def_cfa_offset 24
    push %r10
    .cfi_def_cfa_offset 32
    mov 16(%rsp), %r10                  // R
    mov %rbp, 16(%rsp)                  // the saved rbp takes R's place
    .cfi_offset %rbp, -16
    lea 16(%rsp), %rbp
    .cfi_def_cfa %rbp, 16
    mov %r10, -8(%rbp)
    mov -16(%rbp), %r10
    push %r11
    push %rax
    push %rcx
    push %rdx
    push %rsi
    push %rdi
    push %r8
    push %r9                            // rbp − SAVED_BYTES
    // example_grow(frame, arguments, CFA), for general registers only
    mov %r10, %rdi
    mov %r11, %rsi
    lea 16(%rbp), %rdx
    and $-16, %rsp
    call example_grow                   // rax = NEW
    mov %rax, %r10
    incq -8(%rbp)                       // the body starts behind the `ret` at R
    lea -SAVED_BYTES(%rbp), %rsp
    pop %r9
    pop %r8
    pop %rdi
    pop %rsi
    pop %rdx
    pop %rcx
    pop %rax
    pop %r11
    mov %r10, %rsp
    mov -16(%rbp), %r10
    call *-8(%rbp)
.Lreturned:
    // F has returned, with values in rax, rdx, rcx and vector registers; its convention may promise others.
    lea -8(%rbp), %rsp
    push %r10
    push %r11
    push %rax
    push %rcx
    push %rdx
    push %rsi
    push %rdi
    push %r8
    push %r9
    and $-16, %rsp
    call example_shrink
    lea -SAVED_BYTES(%rbp), %rsp
    pop %r9
    pop %r8
    pop %rdi
    pop %rsi
    pop %rdx
    pop %rcx
    pop %rax
    pop %r11
    pop %r10                            // rsp = rbp − 8
    decq (%rsp)                         // R again
    mov 8(%rsp), %rbp
    .cfi_def_cfa %rsp, 24
    .cfi_restore %rbp
    popq (%rsp)                         // moves R right below the return address
    .cfi_def_cfa_offset 16
    ret                                 // to the `ret` at R
    .cfi_endproc
    .size __morestack, . - __morestack
example_stub_end:

    .section .note.GNU-stack, "", @progbits
