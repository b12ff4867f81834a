// pthread_exit for programs whose fibers call code that ends its thread. glibc's own unwinds to the thread's beginning, which from a fiber it does
// not find, and then ends the process without a word that helps. So the name is defined here (jump.S says how that comes to be linked): in a
// fiber, and on the system stack under one, it ends the fiber (`.misused`); elsewhere it is glibc's.
//
// A member of its own of libsplitstack.a: a program without pthread_exit does not link it. For glibc.

    .file "exit.S"                      // local symbols below are not another object's

#include "gates.h"

#define RTLD_NEXT -1

    .text

// noreturn pthread_exit(void *result). Stack in a fiber: an rbp frame, then the system stack.
    enter_gate pthread_exit
    cmpq $0, TLS(THREAD_STACK)
    je 1f                               // no fiber runs
    to_system_stack
    call hs_rt_exited
    ud2
1:  pop %rbp
    .cfi_def_cfa %rsp, 8
    .cfi_restore %rbp
    jmp *hs_libc_exit(%rip)
    end_gate pthread_exit

// Before main: where glibc's is.
    .type hs_exit_init, @function
hs_exit_init:
    .cfi_startproc
    sub $8, %rsp
    .cfi_def_cfa_offset 16
    mov $RTLD_NEXT, %rdi
    lea .Lname(%rip), %rsi
    call dlsym@PLT
    test %rax, %rax
    jz 1f
    mov %rax, hs_libc_exit(%rip)
    add $8, %rsp
    .cfi_def_cfa_offset 8
    ret
1:  ud2                                 // glibc without pthread_exit
    .cfi_endproc
    .size hs_exit_init, . - hs_exit_init

    .section .rodata.str, "aMS", @progbits, 1
.Lname:
    .asciz "pthread_exit"

    .section .init_array, "aw", @init_array
    .p2align 3
    .quad hs_exit_init

    .bss
    .type hs_libc_exit, @object
    .size hs_libc_exit, 8
    .p2align 3
hs_libc_exit:
    .zero 8

    .section .note.GNU-stack, "", @progbits
