// longjmp for programs whose fibers call C code that jumps. glibc's own knows nothing of segments: after it the limit would be that of a
// segment which was jumped out of, lower than the one in use, and the next callback into split code would run through its end. So
// the four names under which C code jumps are defined here; a link takes the program's definition before the library's. Each
// first puts the thread's stacks right (hs_rt_jump, foreign.zig), and then lets glibc's do the jump, with all that it does besides (signal
// mask, clean-up handlers). The check of __longjmp_chk, which refuses to jump to what it takes for a dead frame below, falls away:
// between segments and the system stack addresses say nothing about that.
//
// A member of its own of libsplitstack.a: a program without longjmp does not link it. For glibc: the layout of its jmp_buf (sysdeps/
// x86_64/jmpbuf-offsets.h) and how it hides addresses there (PTR_MANGLE: xor with the thread's pointer guard, then rotated left).

    .file "jump.S"                      // local symbols below are not another object's

#include "gates.h"

#define JUMP_RSP 48                     // JB_RSP, the seventh word
#define POINTER_GUARD %fs:0x30
#define MANGLE_ROTATION 17
#define RTLD_NEXT -1

    .text

// noreturn longjmp(struct __jmp_buf_tag *env, int value). Stack while hs_rt_jump runs: an rbp frame where the jump starts from; from then on the
// system stack, as the segment it stands on may have been given up. rbx (env) and r12 (value) are the target's to restore.
//   rbp → saved rbp; then rbx, r12 ← rsp, until the switch
    .globl hs_jump_begin, hs_jump_end
    .hidden hs_jump_begin, hs_jump_end
    .globl longjmp, _longjmp, siglongjmp, __longjmp_chk
    .type longjmp, @function
    .type _longjmp, @function
    .type siglongjmp, @function
    .type __longjmp_chk, @function
    .p2align 4
hs_jump_begin:
longjmp:
_longjmp:
siglongjmp:
__longjmp_chk:
    .cfi_startproc
    cmpq $0, TLS(THREAD_STACK)
    je 1f                               // no fiber runs: nothing to put right
    push %rbp
    .cfi_def_cfa_offset 16
    .cfi_offset %rbp, -16
    mov %rsp, %rbp
    .cfi_def_cfa_register %rbp
    push %rbx                           // for traces taken meanwhile
    .cfi_offset %rbx, -24
    push %r12
    .cfi_offset %r12, -32
    mov %rdi, %rbx
    mov %esi, %r12d
    mov JUMP_RSP(%rdi), %rdi
    ror $MANGLE_ROTATION, %rdi
    xor POINTER_GUARD, %rdi
    to_system_stack
    call hs_rt_jump                     // (the target's rsp)
    mov %rbx, %rdi
    mov %r12d, %esi
    call *hs_libc_longjmp(%rip)
    ud2
1:  .cfi_def_cfa %rsp, 8
    .cfi_restore %rbp
    .cfi_restore %rbx
    .cfi_restore %r12
    jmp *hs_libc_longjmp(%rip)
    .cfi_endproc
    .size longjmp, . - longjmp
    .size _longjmp, . - _longjmp
    .size siglongjmp, . - siglongjmp
    .size __longjmp_chk, . - __longjmp_chk
hs_jump_end:

// Before main: where glibc's is.
    .type hs_jump_init, @function
hs_jump_init:
    .cfi_startproc
    sub $8, %rsp
    .cfi_def_cfa_offset 16
    mov $RTLD_NEXT, %rdi
    lea .Lname(%rip), %rsi
    call dlsym@PLT
    test %rax, %rax
    jz 1f
    mov %rax, hs_libc_longjmp(%rip)
    add $8, %rsp
    .cfi_def_cfa_offset 8
    ret
1:  ud2                                 // glibc without longjmp
    .cfi_endproc
    .size hs_jump_init, . - hs_jump_init

    .section .rodata.str, "aMS", @progbits, 1
.Lname:
    .asciz "longjmp"

    .section .init_array, "aw", @init_array
    .p2align 3
    .quad hs_jump_init

    .bss
    .type hs_libc_longjmp, @object
    .size hs_libc_longjmp, 8
    .p2align 3
hs_libc_longjmp:
    .zero 8

    .section .note.GNU-stack, "", @progbits
