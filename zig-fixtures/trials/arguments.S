// The argument trial's caller and callee. Keep in step with arguments.zig.
// The caller's stack: [rsp, rsp + hs_trial_size) are stack arguments that Zig code has put there.

#define FRAME 512                           // arguments.zig: frame_bytes

    .text

    // void name(rsp): one call through `prologue`, with hs_trial_rbp as the caller's frame pointer.
    .macro caller name, prologue
    .globl \name
    .type \name, @function
    .p2align 4
\name:
    .cfi_startproc
    push %rbp
    .cfi_def_cfa_offset 16
    .cfi_offset %rbp, -16
    mov %rsp, kept_rsp(%rip)
    mov %rdi, %rsp
    mov hs_trial_rbp(%rip), %rbp
    call \prologue
    mov kept_rsp(%rip), %rsp
    pop %rbp
    .cfi_def_cfa_offset 8
    ret
    .cfi_endproc
    .size \name, . - \name
    .endm

    caller hs_trial_pass_llvm, prologue_llvm
    caller hs_trial_pass_thunk, prologue_thunk

// Both prologues with a check that always fails: where they lead is what is tried.
    .type prologue_llvm, @function
    .p2align 4
prologue_llvm:
    .cfi_startproc
    mov $FRAME, %r10d
    mov hs_trial_size(%rip), %r11
    call __morestack
    ret
    jmp body
    .cfi_endproc
    .size prologue_llvm, . - prologue_llvm

    .type prologue_thunk, @function
    .p2align 4
prologue_thunk:
    .cfi_startproc
    pushq hs_trial_word(%rip)
    .cfi_adjust_cfa_offset 8
    call hs_morestack_thunk
    .cfi_adjust_cfa_offset -8
    ret
    jmp body
    .cfi_endproc
    .size prologue_thunk, . - prologue_thunk

// Copies out what it finds as arguments, then writes all over them: they are the callee's.
    .type body, @function
    .p2align 4
body:
    .cfi_startproc
    lea 8(%rsp), %rsi
    mov %rsi, hs_trial_base(%rip)
    lea hs_trial_seen(%rip), %rdi
    mov hs_trial_size(%rip), %rcx
    rep movsb
    lea 8(%rsp), %rdi
    mov hs_trial_size(%rip), %rcx
    mov $0xee, %eax
    rep stosb
    ret
    .cfi_endproc
    .size body, . - body

    .bss
    .macro variable name, bytes
    .globl \name
    .type \name, @object
    .p2align 6
\name:
    .zero \bytes
    .size \name, \bytes
    .endm
    variable hs_trial_seen, 0x20000
    variable hs_trial_size, 8
    variable hs_trial_word, 8
    variable hs_trial_rbp, 8
    variable hs_trial_base, 8
    variable kept_rsp, 8

    .section .note.GNU-stack, "", @progbits
