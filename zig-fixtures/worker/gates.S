// Gates of the harness's services (harness/docs/RUNTIME-ABI.md): what generated programs call. How a gate works: ../runtime/gates.h.

#include "../runtime/gates.h"

    .text

    gate hs_event, hs_rt_event
    gate hs_error, hs_rt_error
    gate hs_fuel, hs_rt_fuel
    gate hs_acquire, hs_rt_acquire
    gate hs_release, hs_rt_release
    gate hs_spawn, hs_rt_spawn
    gate hs_cancel, hs_rt_cancel
    gate hs_fill, hs_rt_fill
    gate hs_sum, hs_rt_sum

// The checkpoint also hands over its caller's rsp (second argument): the runtime measures call depth with it.
    enter_gate hs_checkpoint
    lea 16(%rbp), %rsi
    to_system_stack
    call hs_rt_checkpoint
    leave_gate hs_checkpoint

// Identity that no optimiser sees through.
    .globl hs_opaque
    .type hs_opaque, @function
hs_opaque:
    .cfi_startproc
    mov %rdi, %rax
    ret
    .cfi_endproc
    .size hs_opaque, . - hs_opaque

// u64 hs_mix(x), u64 hs_mix_twice(x): VALUES.md's mix(x) and mix(mix(x)); mixing.zig says whose it is. Leaves: a return address is all that they
// take of the stack that they are called on.
    .macro mix_into_rax                 // rax = mix(rdi)
    mov $0x9E3779B97F4A7C15, %rax
    add %rdi, %rax
    mov %rax, %rcx
    shr $30, %rcx
    xor %rcx, %rax
    mov $0xBF58476D1CE4E5B9, %rcx
    imul %rcx, %rax
    mov %rax, %rcx
    shr $27, %rcx
    xor %rcx, %rax
    mov $0x94D049BB133111EB, %rcx
    imul %rcx, %rax
    mov %rax, %rcx
    shr $31, %rcx
    xor %rcx, %rax
    .endm

    .globl hs_mix
    .type hs_mix, @function
    .p2align 4
hs_mix:
    .cfi_startproc
    mix_into_rax
    ret
    .cfi_endproc
    .size hs_mix, . - hs_mix

    .globl hs_mix_twice
    .type hs_mix_twice, @function
    .p2align 4
hs_mix_twice:
    .cfi_startproc
    mix_into_rax
    mov %rax, %rdi
    mix_into_rax
    ret
    .cfi_endproc
    .size hs_mix_twice, . - hs_mix_twice

    blocking_gate hs_yield, hs_rt_yield, end_behind_call
    blocking_gate hs_lock, hs_rt_lock
    blocking_gate hs_join, hs_rt_join

    trace_gate hs_probe, hs_rt_probe, %rdx
    trace_gate hs_panic, hs_rt_panic, %r8, end_behind_call

// void hs_callback(f, cell): non-split code that calls split code, on the fiber's stack.
    .globl hs_bridge_begin, hs_bridge_end
hs_bridge_begin:
    enter_gate hs_callback
    mov %rdi, %rax
    mov %rsi, %rdi
    call *%rax
    leave_gate hs_callback
hs_bridge_end:

    .section .note.GNU-stack, "", @progbits
