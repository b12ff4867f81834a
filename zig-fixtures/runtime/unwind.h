// Exceptions of other languages (C++, or whatever follows the same ABI for unwinding) that go through frames of the runtime. Included by
// morestack.S, which so has the personality routines; frames name them with `unwound_at` (gates.h).
//
// A frame whose end changes what the thread knows of its stacks must not vanish unseen. Such are the stub (its end gives up a segment and
// puts the parent's limit into force), hs_system_call (whose end goes back to the fiber's stack), and the frames that nothing leaves
// but by returning: hs_fiber_start and hs_attempt. Their unwind rows name one of the routines below, and as "language-specific data"
// nothing but the address of the frame's landing pad, which is the last thing in the function. An unwinder asks twice:
//
//   phase 1 (who catches it?)   hs_personality: not me.                      hs_personality_last: me, if the program can end fibers so.
//   phase 2 (clean up)          both: go on at the landing pad with rax = the exception, and with the frame's own registers and rsp.
//
// The pad of a frame that only passes the exception on ends in `call _Unwind_Resume`, which begins with the pad's own frame: so an address
// beyond the pad's beginning is answered with: nothing more to do here.
//
// References to the unwinder are weak: a program without one links, and never comes here. All functions used are of the unwinder's
// base level, present wherever anything can throw. Forced unwinding (pthread_cancel, pthread_exit) may be another unwinder's, whose
// context these functions would misread: it is let through, and is not supported in fibers.

#define UA_SEARCH_PHASE 1
#define UA_CLEANUP_PHASE 2
#define UA_FORCE_UNWIND 8
#define URC_HANDLER_FOUND 6
#define URC_INSTALL_CONTEXT 7
#define URC_CONTINUE_UNWIND 8
#define UNWIND_RAX 0                    // DWARF's number of rax

    .weak _Unwind_GetIP, _Unwind_SetIP, _Unwind_SetGR, _Unwind_GetLanguageSpecificData
    .weak hs_rt_uncaught                // hosts that run no foreign code have none

    .text
// int hs_personality(int version, int actions, u64 class, struct _Unwind_Exception *, struct _Unwind_Context *): the unwinder calls it,
// on whatever stack it runs. Downwards from its return address: saved rbx (the exception), r12 (the context), r13 (the pad).
    .globl hs_personality, hs_personality_last
    .hidden hs_personality, hs_personality_last
    .type hs_personality, @function
    .type hs_personality_last, @function
    .p2align 4
hs_personality_last:
    .cfi_startproc
    test $UA_SEARCH_PHASE, %sil
    jz hs_personality
    mov hs_rt_uncaught@GOTPCREL(%rip), %rax
    test %rax, %rax
    jz .Lgo_on
    test $UA_FORCE_UNWIND, %sil
    jnz .Lgo_on
    mov $URC_HANDLER_FOUND, %eax
    ret
hs_personality:
    mov %esi, %eax
    and $(UA_CLEANUP_PHASE | UA_FORCE_UNWIND), %eax
    cmp $UA_CLEANUP_PHASE, %eax
    jne .Lgo_on
    push %rbx
    .cfi_def_cfa_offset 16
    .cfi_offset %rbx, -16
    push %r12
    .cfi_def_cfa_offset 24
    .cfi_offset %r12, -24
    push %r13
    .cfi_def_cfa_offset 32
    .cfi_offset %r13, -32
    mov %rcx, %rbx
    mov %r8, %r12
    mov %r8, %rdi
    call _Unwind_GetLanguageSpecificData@PLT
    mov %rax, %r13
    mov %r12, %rdi
    call _Unwind_GetIP@PLT              // the return address into the frame
    mov %rax, %rcx
    mov $URC_CONTINUE_UNWIND, %eax
    cmp %r13, %rcx
    ja 1f                               // the pad has been run
    mov %r12, %rdi
    mov $UNWIND_RAX, %esi
    mov %rbx, %rdx
    call _Unwind_SetGR@PLT
    mov %r12, %rdi
    mov %r13, %rsi
    call _Unwind_SetIP@PLT
    mov $URC_INSTALL_CONTEXT, %eax
1:  pop %r13
    .cfi_def_cfa_offset 24
    .cfi_restore %r13
    pop %r12
    .cfi_def_cfa_offset 16
    .cfi_restore %r12
    pop %rbx
    .cfi_def_cfa_offset 8
    .cfi_restore %rbx
    ret
.Lgo_on:
    mov $URC_CONTINUE_UNWIND, %eax
    ret
    .cfi_endproc
    .size hs_personality, . - hs_personality
    .size hs_personality_last, . - hs_personality_last
