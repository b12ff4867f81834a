// The register trial's caller and callee: load patterns into everything, split, look, load others, return, look again.
// Keep in step with registers.zig (struct Image, the names).
//
//   caller (hs_trial_llvm, hs_trial_thunk)         prologue                     body
//     load hs_trial_called                           check, call the stub   ──►   capture hs_trial_body
//     call the prologue                                                           load hs_trial_returned (not rsp, rbp)
//     capture hs_trial_after                  ◄──    the stub's way back    ◄──   ret
//
// Everything is addressed relative to rip: no register is needed to save or load the others.

#define FRAME 512                           // registers.zig: frame_bytes
#define IMAGE_FLAGS 128
#define IMAGE_FX 192
#define IMAGE_VECTORS 704
#define IMAGE_MASKS 2752
#define IMAGE_BYTES 2816
#define CLEAR_OF_FRAMES 2048                // a scratch word for the flags, below what is looked at later

    .text

    // Vector registers as wide as the CPU has them: hs_trial_vectors 0: xmm (by FXSAVE), 1: ymm, 2: zmm and masks. Spoils flags.
    .macro vectors image, ymm, zmm, mask
    cmpl $1, hs_trial_vectors(%rip)
    jb 9f
    ja 8f
    .irp i, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15
    \ymm \image+IMAGE_VECTORS+64*\i(%rip), \i
    .endr
    jmp 9f
8:  .irp i, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
    \zmm \image+IMAGE_VECTORS+64*\i(%rip), \i
    .endr
    .irp i, 0,1,2,3,4,5,6,7
    \mask \image+IMAGE_MASKS+8*\i(%rip), \i
    .endr
9:
    .endm

    .macro save_ymm place, i
    vmovdqu %ymm\i, \place
    .endm
    .macro load_ymm place, i
    vmovdqu \place, %ymm\i
    .endm
    .macro save_zmm place, i
    vmovdqu64 %zmm\i, \place
    .endm
    .macro load_zmm place, i
    vmovdqu64 \place, %zmm\i
    .endm
    .macro save_mask place, i
    kmovq %k\i, \place
    .endm
    .macro load_mask place, i
    kmovq \place, %k\i
    .endm

    .macro general op, image
    \op \image+0(%rip), rax
    \op \image+8(%rip), rcx
    \op \image+16(%rip), rdx
    \op \image+24(%rip), rbx
    \op \image+48(%rip), rsi
    \op \image+56(%rip), rdi
    \op \image+64(%rip), r8
    \op \image+72(%rip), r9
    \op \image+80(%rip), r10
    \op \image+88(%rip), r11
    \op \image+96(%rip), r12
    \op \image+104(%rip), r13
    \op \image+112(%rip), r14
    \op \image+120(%rip), r15
    .endm
    .macro save_general place, register
    mov %\register, \place
    .endm
    .macro load_general place, register
    mov \place, %\register
    .endm

    // All registers into an image. Spoils flags only.
    .macro capture image
    general save_general, \image
    mov %rsp, \image+32(%rip)
    mov %rbp, \image+40(%rip)
    lea -CLEAR_OF_FRAMES(%rsp), %rsp
    pushfq
    popq \image+IMAGE_FLAGS(%rip)
    lea CLEAR_OF_FRAMES(%rsp), %rsp
    fxsave64 \image+IMAGE_FX(%rip)
    vectors \image, save_ymm, save_zmm, save_mask
    .endm

    // All registers but rsp and rbp from an image.
    .macro load image
    fxrstor64 \image+IMAGE_FX(%rip)
    vectors \image, load_ymm, load_zmm, load_mask
    lea -CLEAR_OF_FRAMES(%rsp), %rsp
    pushq \image+IMAGE_FLAGS(%rip)
    popfq
    lea CLEAR_OF_FRAMES(%rsp), %rsp
    general load_general, \image
    .endm

    // void name(rsp): one call through `prologue` on that stack.
    .macro caller name, prologue, returned
    .globl \name, \returned
    .type \name, @function
    .p2align 4
\name:
    .cfi_startproc
    .irp register, rbp, rbx, r12, r13, r14, r15
    push %\register
    .cfi_adjust_cfa_offset 8
    .endr
    sub $8, %rsp
    .cfi_adjust_cfa_offset 8
    stmxcsr (%rsp)
    fnstcw 4(%rsp)
    mov %rsp, kept_rsp(%rip)
    mov %rdi, %rsp
    load hs_trial_called
    mov hs_trial_called+40(%rip), %rbp
    call \prologue
\returned:
    capture hs_trial_after
    mov kept_rsp(%rip), %rsp
    fninit
    ldmxcsr (%rsp)
    fldcw 4(%rsp)
    cld
    cmpl $0, hs_trial_vectors(%rip)
    je 1f
    vzeroupper
1:  add $8, %rsp
    .cfi_adjust_cfa_offset -8
    .irp register, r15, r14, r13, r12, rbx, rbp
    pop %\register
    .cfi_adjust_cfa_offset -8
    .endr
    ret
    .cfi_endproc
    .size \name, . - \name
    .endm

    caller hs_trial_llvm, prologue_llvm, hs_trial_llvm_returned
    caller hs_trial_thunk, prologue_thunk, hs_trial_thunk_returned

// LLVM's prologue for a frame of FRAME bytes; the bytes of stack arguments are hs_trial_arguments.
    .type prologue_llvm, @function
    .p2align 4
prologue_llvm:
    .cfi_startproc
    lea -FRAME(%rsp), %r11
    cmp %fs:0x70, %r11
    jbe 1f
    jmp body
1:  mov $FRAME, %r10d
    mov hs_trial_arguments(%rip), %r11d
    call __morestack
    ret
    jmp body
    .cfi_endproc
    .size prologue_llvm, . - prologue_llvm

// The thunk (ThunkCode.cs), its word in hs_trial_word.
    .type prologue_thunk, @function
    .p2align 4
prologue_thunk:
    .cfi_startproc
    lea -FRAME(%rsp), %rsp
    .cfi_adjust_cfa_offset FRAME
    cmp %fs:0x70, %rsp
    lea FRAME(%rsp), %rsp
    .cfi_adjust_cfa_offset -FRAME
    jbe 1f
    jmp body
1:  pushq hs_trial_word(%rip)
    .cfi_adjust_cfa_offset 8
    call hs_morestack_thunk
    .cfi_adjust_cfa_offset -8
    ret
    jmp body
    .cfi_endproc
    .size prologue_thunk, . - prologue_thunk

// Whatever the stubs let through, and then other values to bring back. rbp stays: callee-saved in every convention.
    .type body, @function
    .p2align 4
body:
    .cfi_startproc
    capture hs_trial_body
    // The stub's frame while it is there: saved rbp and return address. In place rbp is the caller's, which may be anything.
    cmpl $0, hs_trial_splits(%rip)
    je 1f
    mov (%rbp), %rax
    mov %rax, hs_trial_frame(%rip)
    mov 8(%rbp), %rax
    mov %rax, hs_trial_frame+8(%rip)
1:  load hs_trial_returned
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
    variable hs_trial_called, IMAGE_BYTES
    variable hs_trial_body, IMAGE_BYTES
    variable hs_trial_returned, IMAGE_BYTES
    variable hs_trial_after, IMAGE_BYTES
    variable hs_trial_word, 8
    variable hs_trial_arguments, 4
    variable hs_trial_vectors, 4
    variable hs_trial_splits, 4
    variable hs_trial_frame, 16
    variable kept_rsp, 8

    .section .note.GNU-stack, "", @progbits
