// For tests: functions with LLVM's split-stack prologue, whose frames are large enough for the unsplit f that they call.
//     void split_call(f, context)
//     void split_call_small(f, context)

#include "gates.h"

    .macro split_function name, frame_bytes
    .globl \name
    .type \name, @function
\name:
    .cfi_startproc
    lea -\frame_bytes(%rsp), %r11
    cmp LIMIT_SLOT, %r11
    ja 1f
    mov $\frame_bytes, %r10d
    xor %r11d, %r11d
    call __morestack
    ret
1:  push %rbp
    .cfi_def_cfa_offset 16
    .cfi_offset %rbp, -16
    mov %rsp, %rbp
    .cfi_def_cfa_register %rbp
    sub $(\frame_bytes / 2), %rsp
    mov %rdi, %rax
    mov %rsi, %rdi
    call *%rax
    mov %rbp, %rsp
    pop %rbp
    .cfi_def_cfa %rsp, 8
    .cfi_restore %rbp
    ret
    .cfi_endproc
    .size \name, . - \name
    .endm

    .text
    split_function split_call, 4096
    split_function split_call_small, 512

    .section .note.GNU-stack, "", @progbits
