// Both ends of a probed call: hs_abi_enter calls a function with chosen registers and looks at what it leaves, hs_abi_entry is a function
// that any caller may call with any convention, looks at what it was given, and changes one register of it or none on return.
// Keep in step with driver.zig (struct Image, the names).
//
//   hs_abi_enter                                   a probe
//     keep the driver's registers
//     load hs_abi_in, its rsp too           ──►    either: a function under test
//   hs_abi_back:                                   or: a caller under test      ──►  hs_abi_entry
//     capture hs_abi_out                    ◄──                                       capture hs_abi_seen
//   hs_abi_escape:   ◄─────────────────────────────── hs_abi_returns is 0, or a signal
//     the driver's registers again, return                                      ◄──  or: load hs_abi_seen ^ hs_abi_change, ret
//
// Everything is addressed relative to rip: no register is needed to save or load the others. The stack under test is memory of the
// driver's, so nobody unwinds from there; the rows of hs_abi_enter hold up to where rsp leaves its own stack.

#define IMAGE_RSP 32
#define IMAGE_RBP 40
#define IMAGE_FLAGS 128
#define IMAGE_FX 192
#define IMAGE_BYTES 704
#define FLAGS_NONE 2                        // EFLAGS with only the bit that is always set
#define ROOM 4096                           // clear of what a caller may have below its rsp
#define SYS_EXIT 60
#define SYS_RT_SIGRETURN 15
#define SIGTRAP 5

    .text

    .macro general op, image
    \op \image+0(%rip), rax
    \op \image+8(%rip), rcx
    \op \image+16(%rip), rdx
    \op \image+24(%rip), rbx
    \op \image+40(%rip), rbp
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

    // All registers into an image. Leaves the flags spoilt and the direction flag clear.
    .macro capture image
    general save_general, \image
    mov %rsp, \image+IMAGE_RSP(%rip)
    lea -ROOM(%rsp), %rsp
    pushfq
    popq \image+IMAGE_FLAGS(%rip)
    lea ROOM(%rsp), %rsp
    fxsave64 \image+IMAGE_FX(%rip)
    cld
    .endm

    .globl _start
    .type _start, @function
_start:
    .cfi_startproc
    .cfi_undefined %rip
    xor %ebp, %ebp
    and $-16, %rsp
    call hs_abi_main
    mov %eax, %edi
    mov $SYS_EXIT, %eax
    syscall
    hlt
    .cfi_endproc
    .size _start, . - _start

// void hs_abi_enter(): one call of hs_abi_goal. With the trap flag in hs_abi_in's flags each of its instructions raises SIGTRAP.
    .globl hs_abi_enter, hs_abi_back
    .type hs_abi_enter, @function
hs_abi_enter:
    .cfi_startproc
    .irp register, rbp, rbx, r12, r13, r14, r15
    push %\register
    .cfi_adjust_cfa_offset 8
    .cfi_rel_offset %\register, 0
    .endr
    sub $8, %rsp                            // rsp: [mxcsr, control word] r15 r14 r13 r12 rbx rbp return address
    .cfi_adjust_cfa_offset 8
    stmxcsr (%rsp)
    fnstcw 4(%rsp)
    mov %rsp, kept_rsp(%rip)
    fxrstor64 hs_abi_in+IMAGE_FX(%rip)
    mov hs_abi_in+IMAGE_RSP(%rip), %rsp
    general load_general, hs_abi_in
    pushq hs_abi_in+IMAGE_FLAGS(%rip)
    popfq
    call *hs_abi_goal(%rip)
hs_abi_back:
    capture hs_abi_out
hs_abi_escape:
    mov kept_rsp(%rip), %rsp
    pushq $FLAGS_NONE
    popfq
    fninit
    ldmxcsr (%rsp)
    fldcw 4(%rsp)
    add $8, %rsp
    .cfi_adjust_cfa_offset -8
    .irp register, r15, r14, r13, r12, rbx, rbp
    pop %\register
    .cfi_adjust_cfa_offset -8
    .cfi_restore %\register
    .endr
    ret
    .cfi_endproc
    .size hs_abi_enter, . - hs_abi_enter

// Called by probes, with whatever convention they think it has.
    .globl hs_abi_entry
    .type hs_abi_entry, @function
hs_abi_entry:
    .cfi_startproc
    capture hs_abi_seen
    cmpl $0, hs_abi_returns(%rip)
    je hs_abi_escape
    // hs_abi_given = hs_abi_seen ^ hs_abi_change; rsp is what it was, so that there is a way back.
    lea hs_abi_seen(%rip), %rsi
    lea hs_abi_change(%rip), %rdx
    lea hs_abi_given(%rip), %rdi
    mov $IMAGE_BYTES / 8, %ecx
1:  mov (%rsi), %rax
    xor (%rdx), %rax
    mov %rax, (%rdi)
    add $8, %rsi
    add $8, %rdx
    add $8, %rdi
    dec %ecx
    jnz 1b
    fxrstor64 hs_abi_given+IMAGE_FX(%rip)
    lea -ROOM(%rsp), %rsp
    .cfi_adjust_cfa_offset ROOM
    pushq hs_abi_given+IMAGE_FLAGS(%rip)
    .cfi_adjust_cfa_offset 8
    popfq
    .cfi_adjust_cfa_offset -8
    lea ROOM(%rsp), %rsp
    .cfi_adjust_cfa_offset -ROOM
    general load_general, hs_abi_given
    ret
    .cfi_endproc
    .size hs_abi_entry, . - hs_abi_entry

// void hs_abi_spoil(): a function of C's convention that leaves nothing in what it may spoil.
    .globl hs_abi_spoil
    .type hs_abi_spoil, @function
hs_abi_spoil:
    .cfi_startproc
    .irp register, rax, rcx, rdx, rsi, rdi, r8, r9, r10, r11
    mov $-1, %\register
    .endr
    .irp i, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15
    pcmpeqd %xmm\i, %xmm\i
    .endr
    ret
    .cfi_endproc
    .size hs_abi_spoil, . - hs_abi_spoil

// The handler of every signal: SIGTRAP is a step, anything else the end of the probe. The kernel has cleared the trap flag and the
// direction flag, and put us on the alternate stack, which the escape leaves.
    .globl hs_abi_signal
    .type hs_abi_signal, @function
hs_abi_signal:
    .cfi_startproc
    cmpl $SIGTRAP, %edi
    jne 1f
    mov %rdx, %rdi
    jmp hs_abi_step
1:  mov %edi, hs_abi_died(%rip)
    jmp hs_abi_escape
    .cfi_endproc
    .size hs_abi_signal, . - hs_abi_signal

    .globl hs_abi_restorer
    .type hs_abi_restorer, @function
hs_abi_restorer:
    .cfi_startproc
    .cfi_undefined %rip
    mov $SYS_RT_SIGRETURN, %eax
    syscall
    hlt
    .cfi_endproc
    .size hs_abi_restorer, . - hs_abi_restorer

// long hs_abi_syscall(number, a, b, c, d): C's registers to the kernel's.
    .globl hs_abi_syscall
    .type hs_abi_syscall, @function
hs_abi_syscall:
    .cfi_startproc
    mov %rdi, %rax
    mov %rsi, %rdi
    mov %rdx, %rsi
    mov %rcx, %rdx
    mov %r8, %r10
    syscall
    ret
    .cfi_endproc
    .size hs_abi_syscall, . - hs_abi_syscall

    .bss
    .macro variable name, bytes
    .globl \name
    .type \name, @object
    .p2align 6
\name:
    .zero \bytes
    .size \name, \bytes
    .endm
    variable hs_abi_in, IMAGE_BYTES
    variable hs_abi_out, IMAGE_BYTES
    variable hs_abi_seen, IMAGE_BYTES
    variable hs_abi_change, IMAGE_BYTES
    variable hs_abi_given, IMAGE_BYTES
    variable hs_abi_goal, 8
    variable hs_abi_returns, 4
    variable hs_abi_died, 4
    variable kept_rsp, 8

    .section .note.GNU-stack, "", @progbits
