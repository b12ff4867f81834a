// For tests: void split_call(f, context): a function with LLVM's split-stack prologue, whose frame is large enough for the unsplit f.

#include "gates.h"

#define FRAME_BYTES 4096

    .text
    .globl split_call
    .type split_call, @function
split_call:
    .cfi_startproc
    lea -FRAME_BYTES(%rsp), %r11
    cmp LIMIT_SLOT, %r11
    ja 1f
    mov $FRAME_BYTES, %r10d
    xor %r11d, %r11d
    call __morestack
    ret
1:  push %rbp
    .cfi_def_cfa_offset 16
    .cfi_offset %rbp, -16
    mov %rsp, %rbp
    .cfi_def_cfa_register %rbp
    sub $(FRAME_BYTES / 2), %rsp
    mov %rdi, %rax
    mov %rsi, %rdi
    call *%rax
    mov %rbp, %rsp
    pop %rbp
    .cfi_def_cfa %rsp, 8
    .cfi_restore %rbp
    ret
    .cfi_endproc
    .size split_call, . - split_call

    .section .note.GNU-stack, "", @progbits
