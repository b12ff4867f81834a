// What the runtime's assembly files share: offsets (asserted in abi.zig), the thread, and the gates. Included, not assembled.

#define THREAD_SYSTEM_RSP 0
#define THREAD_SCHEDULER_RSP 8
#define THREAD_FIBER_RSP 16
#define THREAD_STACK 24
#define THREAD_WARM_SPLITS 32
#define THREAD_ATTEMPT_RSP 40
#define STACK_SEGMENT 0
#define STACK_RSP 8
#define STACK_PENDING 16
#define FIBER_STATE 88
#define STATE_READY 0
#define STATE_RUNNING 1
#define SEGMENT_PARENT 0
#define SEGMENT_CACHED 8
#define SEGMENT_LIMIT 16
#define SEGMENT_ROOM 24
#define SEGMENT_STUB_FRAME 32
#define SEGMENT_WARM 40

// MXCSR without the exception flags (bits 0–5).
#define MXCSR_CONTROL 0xffc0

// save_context's seven words and the return address above.
#define CONTEXT_BYTES 64

#define TLS(field) %fs:hs_thread@TPOFF+field

// Where prologues find the limit (abi.zig, limit_slot): the word that LLVM's read and glibc reserves, or a variable of our own (morestack.S).
#ifdef HS_LIMIT_OWN
#define LIMIT_SLOT %fs:hs_limit@TPOFF
#else
#define LIMIT_SLOT %fs:0x70
#endif

// ── Gates: what runs on the system stack ────────────────────────────────────────────────────────────────────────
// A gate costs the fiber's stack one rbp frame (16 bytes and the return address). Arguments stay in their registers; r11 is scratch.
// CFA = rbp + 16 while on the other stack. Called on the system stack (THREAD_SYSTEM_RSP is 0), it stays there.
    .macro to_system_stack
    mov TLS(THREAD_SYSTEM_RSP), %r11
    test %r11, %r11
    cmovnz %r11, %rsp
    and $-16, %rsp
    .endm

    .macro enter_gate name
    .globl \name
    .type \name, @function
    .p2align 4
\name:
    .cfi_startproc
    push %rbp
    .cfi_def_cfa_offset 16
    .cfi_offset %rbp, -16
    mov %rsp, %rbp
    .cfi_def_cfa_register %rbp
    .endm

    .macro leave_gate name
    mov %rbp, %rsp                      // callee-saved registers are as they were
    pop %rbp
    .cfi_def_cfa %rsp, 8
    .cfi_restore %rbp
    ret
    .cfi_endproc
    .size \name, . - \name
    .endm

    .macro gate name, target
    enter_gate \name
    to_system_stack
    call \target
    leave_gate \name
    .endm

// What a function that switches away does first: a context (CONTEXT_BYTES with its own return address) on the stack it leaves, which
// becomes the thread's system stack.
    .macro leave_for_fiber
    push %rbp
    .cfi_adjust_cfa_offset 8
    .cfi_offset %rbp, -16
    push %rbx
    .cfi_adjust_cfa_offset 8
    .cfi_offset %rbx, -24
    push %r12
    .cfi_adjust_cfa_offset 8
    .cfi_offset %r12, -32
    push %r13
    .cfi_adjust_cfa_offset 8
    .cfi_offset %r13, -40
    push %r14
    .cfi_adjust_cfa_offset 8
    .cfi_offset %r14, -48
    push %r15
    .cfi_adjust_cfa_offset 8
    .cfi_offset %r15, -56
    sub $8, %rsp
    .cfi_adjust_cfa_offset 8
    stmxcsr (%rsp)
    fnstcw 4(%rsp)
    mov %rsp, TLS(THREAD_SCHEDULER_RSP)
    mov %rsp, %rax
    and $-64, %rax                      // what the gates start from: aligned for any call
    mov %rax, TLS(THREAD_SYSTEM_RSP)
    .endm

// Saves a whole context on its own stack, below the gate's rbp frame:
//   rbp → saved rbp; then rbx, r12, r13, r14, r15, MXCSR | x87 control word ← rsp
    .macro save_context
    push %rbx
    .cfi_offset %rbx, -24
    push %r12
    .cfi_offset %r12, -32
    push %r13
    .cfi_offset %r13, -40
    push %r14
    .cfi_offset %r14, -48
    push %r15
    .cfi_offset %r15, -56
    sub $8, %rsp
    stmxcsr (%rsp)
    fnstcw 4(%rsp)
    .endm

// Goes on where the context at rsp was saved (save_context, leave_for_fiber); rax is kept. Control words are loaded whether they differ
// or not: to find out, the ones in force would have to be stored and read back, which takes longer. `jmp`, not `ret`: this
// return address is not the one that was called last, and a `ret` would be mispredicted every time.
    .macro resume_context
    ldmxcsr (%rsp)
    fldcw 4(%rsp)
    add $8, %rsp
    .cfi_adjust_cfa_offset -8
    pop %r15
    .cfi_adjust_cfa_offset -8
    .cfi_restore %r15
    pop %r14
    .cfi_adjust_cfa_offset -8
    .cfi_restore %r14
    pop %r13
    .cfi_adjust_cfa_offset -8
    .cfi_restore %r13
    pop %r12
    .cfi_adjust_cfa_offset -8
    .cfi_restore %r12
    pop %rbx
    .cfi_adjust_cfa_offset -8
    .cfi_restore %rbx
    pop %rbp
    .cfi_adjust_cfa_offset -8
    .cfi_restore %rbp
    pop %rcx
    .cfi_adjust_cfa_offset -8
    .cfi_register %rip, %rcx
    jmp *%rcx
    .endm

// Blocking gates: the fiber may be switched away from inside the service. Its context is at THREAD_FIBER_RSP.
    .macro blocking_gate name, target
    enter_gate \name
    save_context
    mov %rsp, TLS(THREAD_FIBER_RSP)
    to_system_stack
    call \target
    leave_gate \name
    .endm

// Trace gates: hand over the caller's registers as struct Registers (abi.zig), so that its stack can be walked:
//   rbp → saved rbp, then (downwards) rsp, rip, rbx, r12, r13, r14, r15 ← Registers
    .macro trace_gate name, target, register
    enter_gate \name
    lea 16(%rbp), %rax
    push %rax                           // the caller's rsp
    push 8(%rbp)                        // its rip (the return address)
    push %rbx
    push %r12
    push %r13
    push %r14
    push %r15
    mov %rsp, \register
    to_system_stack
    call \target
    leave_gate \name
    .endm
