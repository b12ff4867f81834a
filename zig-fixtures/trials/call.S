// What the trials need of assembly. Keep in step with kit.zig and frames.zig.

    .text

// u64 hs_trial_call(target, rsp, argument): calls target(argument) with the stack pointer at `rsp`, and comes back. rbp is a frame
// pointer of that stack meanwhile, with no stack arguments below it:
//   rsp of the call ◄── rbp → the native stack pointer → saved rbp, return address
    .globl hs_trial_call
    .type hs_trial_call, @function
    .p2align 4
hs_trial_call:
    .cfi_startproc
    push %rbp
    .cfi_def_cfa_offset 16
    .cfi_offset %rbp, -16
    mov %rsp, (%rsi)
    mov %rsi, %rbp
    .cfi_escape 0x0f, 0x05, 0x76, 0x00, 0x06, 0x23, 0x10 // CFA = *(rbp + 0) + 16
    mov %rdi, %rax
    mov %rdx, %rdi
    mov %rsi, %rsp
    call *%rax
    mov (%rbp), %rsp                    // rbp is callee-saved: a target that broke it does not get far
    .cfi_def_cfa %rsp, 16
    pop %rbp
    .cfi_def_cfa_offset 8
    .cfi_restore %rbp
    ret
    .cfi_endproc
    .size hs_trial_call, . - hs_trial_call

// void hs_trial_write(bytes, count): fills a frame's buffer and notes how low the stack pointer was. A leaf without a frame: of the
// stack it uses its return address alone, which is therefore the lowest byte that the caller's frame is answerable for.
    .globl hs_trial_write
    .type hs_trial_write, @function
    .p2align 4
hs_trial_write:
    .cfi_startproc
    cmp %rsp, hs_trial_lowest(%rip)
    jbe 1f
    mov %rsp, hs_trial_lowest(%rip)
1:  incq hs_trial_writes(%rip)
    mov %rsi, %rcx
    mov $0x5a, %eax
    rep stosb
    ret
    .cfi_endproc
    .size hs_trial_write, . - hs_trial_write

// void hs_trial_overwrite(bytes, count): fills what a callee has been passed, and counts that. A leaf without a frame as well.
    .globl hs_trial_overwrite
    .type hs_trial_overwrite, @function
    .p2align 4
hs_trial_overwrite:
    .cfi_startproc
    incq hs_trial_overwritten(%rip)
    mov %rsi, %rcx
    mov $0xa5, %al
    rep stosb
    ret
    .cfi_endproc
    .size hs_trial_overwrite, . - hs_trial_overwrite

// u64 hs_trial_sum(bytes, count): a sum in which every byte's place counts. A leaf without a frame as well.
    .globl hs_trial_sum
    .type hs_trial_sum, @function
    .p2align 4
hs_trial_sum:
    .cfi_startproc
    xor %eax, %eax
    test %rsi, %rsi
    jz 2f
1:  movzbl (%rdi), %ecx
    imul $31, %rax, %rax
    add %rcx, %rax
    inc %rdi
    dec %rsi
    jnz 1b
2:  ret
    .cfi_endproc
    .size hs_trial_sum, . - hs_trial_sum

    .bss
    .globl hs_trial_lowest, hs_trial_writes, hs_trial_overwritten
    .type hs_trial_overwritten, @object
    .type hs_trial_lowest, @object
    .type hs_trial_writes, @object
    .p2align 3
hs_trial_lowest:
    .zero 8
    .size hs_trial_lowest, 8
hs_trial_writes:
    .zero 8
    .size hs_trial_writes, 8
hs_trial_overwritten:
    .zero 8
    .size hs_trial_overwritten, 8

    .section .note.GNU-stack, "", @progbits
