// What the signals program needs of assembly: the trap flag, every register spoilt, calls of both entries of the stubs in their odd forms, and
// a fiber that breaks what hs_fiber_start checks. Keep in step with workload.zig and probe.zig.

#include "../../runtime/gates.h"

#define TRAP_FLAG 0x100
#define BOUND (1 << 20)                 // thunk sizes: 64 bytes of arguments …
#define STATED (1 << 31)                // … and that is all
#define LARGE_UNITS 448                 // 16 bytes each: more than a first segment has
#define HUGE_UNITS (1 << 16)            // more than any segment that is cached by then
#define JUMP_FRAME_BYTES 224            // 16 and glibc's jmp_buf
#define SMALL_UNITS 16                  // fits wherever it is called

    .text

// void signals_step(void), void signals_stop(void): from the next instruction on every one ends in a SIGTRAP, or no longer.
    .macro trap_flag name, operation, mask
    .globl \name
    .type \name, @function
\name:
    .cfi_startproc
    pushf
    .cfi_adjust_cfa_offset 8
    \operation $\mask, (%rsp)
    popf
    .cfi_adjust_cfa_offset -8
    ret
    .cfi_endproc
    .size \name, . - \name
    .endm
    trap_flag signals_step, orq, TRAP_FLAG
    trap_flag signals_stop, andq, ~TRAP_FLAG

// void signals_spoil(level): other values in every register that a caller does not count on, and in those that it does until the end.
// level: trials/vectors.zig.
    .globl signals_spoil
    .type signals_spoil, @function
signals_spoil:
    .cfi_startproc
    push %rbx
    .cfi_adjust_cfa_offset 8
    push %rbp
    .cfi_adjust_cfa_offset 8
    push %r12
    .cfi_adjust_cfa_offset 8
    push %r13
    .cfi_adjust_cfa_offset 8
    push %r14
    .cfi_adjust_cfa_offset 8
    push %r15
    .cfi_adjust_cfa_offset 8
    sub $16, %rsp
    .cfi_adjust_cfa_offset 16
    stmxcsr (%rsp)
    fnstcw 4(%rsp)
    mov $0x5511551155115511, %rax
    fninit
    .rept 8
    fldpi
    .endr
    .irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
    movq %rax, %xmm\n
    .endr
    test %edi, %edi
    jz 1f
    .irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
    vinsertf128 $1, %xmm\n, %ymm\n, %ymm\n
    .endr
    cmp $2, %edi
    jb 1f
    .irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
    vpbroadcastq %rax, %zmm\n
    .endr
    .irp n, 0, 1, 2, 3, 4, 5, 6, 7
    kmovq %rax, %k\n
    .endr
1:  movl $0xffc0, 8(%rsp)
    ldmxcsr 8(%rsp)
    .irp register, rbx, rcx, rdx, rbp, rsi, rdi, r8, r9, r10, r11, r12, r13, r14, r15
    mov %rax, %\register
    .endr
    emms
    ldmxcsr (%rsp)
    fldcw 4(%rsp)
    test %eax, %eax
    add $16, %rsp
    .cfi_adjust_cfa_offset -16
    pop %r15
    .cfi_adjust_cfa_offset -8
    pop %r14
    .cfi_adjust_cfa_offset -8
    pop %r13
    .cfi_adjust_cfa_offset -8
    pop %r12
    .cfi_adjust_cfa_offset -8
    pop %rbp
    .cfi_adjust_cfa_offset -8
    pop %rbx
    .cfi_adjust_cfa_offset -8
    ret
    .cfi_endproc
    .size signals_spoil, . - signals_spoil

// A function as a route makes it, whose check always fails: u64 signals_NAME(a, b) = 3 a + b. Its body makes a frame and adds.
//   [rsp] = return address into C, on entry and after the stub
    .macro body
    push %rbp
    .cfi_def_cfa_offset 16
    .cfi_offset %rbp, -16
    mov %rsp, %rbp
    .cfi_def_cfa_register %rbp
    sub $128, %rsp
    lea (%rdi,%rdi,2), %rax
    add %rsi, %rax
    leave
    .cfi_def_cfa %rsp, 8
    .cfi_restore %rbp
    ret
    .endm

    .macro by_attribute name, units, arguments
    .globl \name
    .type \name, @function
\name:
    .cfi_startproc
    mov $\units * 16, %r10d
    mov $\arguments, %r11d
    call __morestack
    ret
    body
    .cfi_endproc
    .size \name, . - \name
    .endm
    by_attribute signals_attribute, LARGE_UNITS, 0
    by_attribute signals_attribute_arguments, LARGE_UNITS, 64
    by_attribute signals_attribute_small, SMALL_UNITS, 0

    .macro by_thunk name, sizes
    .globl \name
    .type \name, @function
\name:
    .cfi_startproc
    push $\sizes
    .cfi_def_cfa_offset 16
    call hs_morestack_thunk
    .cfi_def_cfa_offset 8
    ret
    body
    .cfi_endproc
    .size \name, . - \name
    .endm
    by_thunk signals_thunk, LARGE_UNITS - STATED
    by_thunk signals_thunk_arguments, LARGE_UNITS - STATED + BOUND
    by_thunk signals_thunk_bound, LARGE_UNITS + BOUND
    by_thunk signals_thunk_small, SMALL_UNITS - STATED

// u64 signals_left_by_jump(a, b) = 3 a + b, whose body calls signals_jumps_out. That one's body, on a segment of its own, jumps back
// behind its call (longjmp without jump.S) with the same sum, and leaves that segment the innermost.
//   in signals_jumps_out's body rbp is the stub's: [rbp] = our caller's rbp, [rbp + 8] = where it goes on, rbp + 16 = its rsp then
    .globl signals_left_by_jump
    .type signals_left_by_jump, @function
signals_left_by_jump:
    .cfi_startproc
    mov $LARGE_UNITS * 16, %r10d
    xor %r11d, %r11d
    call __morestack
    ret
    push %rbp
    .cfi_def_cfa_offset 16
    .cfi_offset %rbp, -16
    mov %rsp, %rbp
    .cfi_def_cfa_register %rbp
    call signals_jumps_out
    leave
    .cfi_def_cfa %rsp, 8
    .cfi_restore %rbp
    ret
    .cfi_endproc
    .size signals_left_by_jump, . - signals_left_by_jump

    .globl signals_jumps_out
    .type signals_jumps_out, @function
signals_jumps_out:
    .cfi_startproc
    mov $HUGE_UNITS * 16, %r10d
    xor %r11d, %r11d
    call __morestack
    ret
    lea (%rdi,%rdi,2), %rax
    add %rsi, %rax
    lea 16(%rbp), %rsp                  // the stub's frame: its CFA is our caller's rsp
    .cfi_def_cfa %rsp, 0
    .cfi_offset %rip, -8
    .cfi_offset %rbp, -16
    mov -16(%rsp), %rbp
    .cfi_restore %rbp
    jmp *-8(%rsp)
    .cfi_endproc
    .size signals_jumps_out, . - signals_jumps_out

// u64 signals_NAME(a, b) = 3 a + b, after C's setjmp here and a longjmp out of what it calls (jump.S).
//   rbp − 8 = a, rbp − 16 = b, rbp − 224 … rbp − 24: jmp_buf
    .macro by_longjmp name, jumper
    .globl \name
    .type \name, @function
\name:
    .cfi_startproc
    push %rbp
    .cfi_def_cfa_offset 16
    .cfi_offset %rbp, -16
    mov %rsp, %rbp
    .cfi_def_cfa_register %rbp
    sub $JUMP_FRAME_BYTES, %rsp
    mov %rdi, -8(%rbp)
    mov %rsi, -16(%rbp)
    lea -JUMP_FRAME_BYTES(%rbp), %rdi
    call _setjmp@PLT
    test %eax, %eax
    jnz 1f
    lea -JUMP_FRAME_BYTES(%rbp), %rdi
    call \jumper
1:  mov -8(%rbp), %rax
    lea (%rax,%rax,2), %rax
    add -16(%rbp), %rax
    leave
    .cfi_def_cfa %rsp, 8
    .cfi_restore %rbp
    ret
    .cfi_endproc
    .size \name, . - \name
    .endm
    by_longjmp signals_jump_to_segment, signals_jumps_from_segment
    by_longjmp signals_jump_here, signals_jumps_from_here

// noreturn (jmp_buf): the jump, from a segment of its own or from where it is called.
    .globl signals_jumps_from_segment, signals_jumps_from_here
    .type signals_jumps_from_segment, @function
signals_jumps_from_segment:
    .cfi_startproc
    mov $LARGE_UNITS * 16, %r10d
    xor %r11d, %r11d
    call __morestack
    ret
    jmp signals_jumps_from_here
    .cfi_endproc
    .size signals_jumps_from_segment, . - signals_jumps_from_segment

    .type signals_jumps_from_here, @function
signals_jumps_from_here:
    .cfi_startproc
    push %rbp
    .cfi_def_cfa_offset 16
    .cfi_offset %rbp, -16
    mov %rsp, %rbp
    .cfi_def_cfa_register %rbp
    mov $1, %esi
    call longjmp
    ud2
    .cfi_endproc
    .size signals_jumps_from_here, . - signals_jumps_from_here

// u64 signals_odd_caller(f, a, b): f(a, b) from a caller whose rbp is no frame pointer.
    .globl signals_odd_caller
    .type signals_odd_caller, @function
signals_odd_caller:
    .cfi_startproc
    push %rbp
    .cfi_def_cfa_offset 16
    .cfi_offset %rbp, -16
    mov %rdi, %rax
    mov %rsi, %rdi
    mov %rdx, %rsi
    mov $1, %ebp
    call *%rax
    pop %rbp
    .cfi_def_cfa_offset 8
    .cfi_restore %rbp
    ret
    .cfi_endproc
    .size signals_odd_caller, . - signals_odd_caller

// A fiber's entry that comes back with everything broken that hs_fiber_start looks at: MXCSR, x87 control word, rsp, r13, r14, rbx, rbp.
    .globl signals_breaks_registers
    .type signals_breaks_registers, @function
signals_breaks_registers:
    .cfi_startproc
    movl $0x3f80, -8(%rsp)
    ldmxcsr -8(%rsp)
    movl $0x07f, -8(%rsp)
    fldcw -8(%rsp)
    mov $1, %ebp
    xor %r13d, %r13d
    xor %r14d, %r14d
    xor %ebx, %ebx
    ret $8
    .cfi_endproc
    .size signals_breaks_registers, . - signals_breaks_registers

// void signals_round_up(void): the fiber's MXCSR is not the thread's from here on; signals_round_nearest puts it back.
    .macro rounding name, value
    .globl \name
    .type \name, @function
\name:
    .cfi_startproc
    movl $\value, -8(%rsp)
    ldmxcsr -8(%rsp)
    ret
    .cfi_endproc
    .size \name, . - \name
    .endm
    rounding signals_round_up, 0x5f80
    rounding signals_round_nearest, 0x1f80

    .section .note.GNU-stack, "", @progbits
