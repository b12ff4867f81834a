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
#define SEGMENT_OWED 104

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

// ── Frames that an exception of another language must not leave unseen: unwind.h says how ───────────────────────────
// Both addresses are written relative to their own place: DW_EH_PE_pcrel | DW_EH_PE_sdata4.
#define PCREL_SDATA4 0x1b
    .weak _Unwind_Resume

    .macro unwound_at pad, personality=hs_personality
    .cfi_personality PCREL_SDATA4, \personality
    .cfi_lsda PCREL_SDATA4, \pad
    .endm

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

    .macro return_from_gate
    mov %rbp, %rsp                      // callee-saved registers are as they were
    pop %rbp
    .cfi_def_cfa %rsp, 8
    .cfi_restore %rbp
    ret
    .endm

    .macro end_gate name
    .cfi_endproc
    .size \name, . - \name
    .endm

    .macro leave_gate name
    return_from_gate
    end_gate \name
    .endm

// Behind the call of a service that never comes back.
    .macro end_behind_call name
    ud2
    end_gate \name
    .endm

    .macro gate name, target
    enter_gate \name
    to_system_stack
    call \target
    leave_gate \name
    .endm

// A context: what a stack keeps while something else runs, in the order of abi.zig, prepareContext. Downwards from its return address:
//   return address; saved rbp, rbx, r12, r13, r14, r15, MXCSR | x87 control word ← rsp
#define CONTEXT_BYTES 64                // with the return address

// Rows of the unwind table for the six registers, counted from the CFA.
    .macro context_rows
    .cfi_offset %rbp, -16
    .cfi_offset %rbx, -24
    .cfi_offset %r12, -32
    .cfi_offset %r13, -40
    .cfi_offset %r14, -48
    .cfi_offset %r15, -56
    .endm

// Saves a context below a saved rbp. With `moves` the CFA is counted from rsp, otherwise from a rbp that stays where it is.
    .macro save_one register, offset, moves
    push \register
    .if \moves
    .cfi_adjust_cfa_offset 8
    .endif
    .cfi_offset \register, \offset
    .endm

    .macro save_context moves=0
    save_one %rbx, -24, \moves
    save_one %r12, -32, \moves
    save_one %r13, -40, \moves
    save_one %r14, -48, \moves
    save_one %r15, -56, \moves
    sub $8, %rsp
    .if \moves
    .cfi_adjust_cfa_offset 8
    .endif
    stmxcsr (%rsp)
    fnstcw 4(%rsp)
    .endm

// rsp has just become a context's: from here on the unwinder sees that one's frames, whatever the registers still are.
    .macro switched_to_context
    .cfi_def_cfa %rsp, CONTEXT_BYTES
    .cfi_offset %rip, -8
    context_rows
    .endm

// Takes a context off, but for its control words, which the caller has seen to; what is left is its return address.
    .macro restore_one register
    pop \register
    .cfi_adjust_cfa_offset -8
    .cfi_restore \register
    .endm

    .macro take_context
    add $8, %rsp
    .cfi_adjust_cfa_offset -8
    restore_one %r15
    restore_one %r14
    restore_one %r13
    restore_one %r12
    restore_one %rbx
    restore_one %rbp
    .endm

    .macro restore_context
    take_context
    ret
    .endm

// What a function that switches away does first: a context on the stack it leaves, which becomes the thread's system stack.
    .macro leave_for_fiber
    push %rbp
    .cfi_adjust_cfa_offset 8
    .cfi_offset %rbp, -16
    save_context 1
    mov %rsp, TLS(THREAD_SCHEDULER_RSP)
    mov %rsp, %rax
    and $-64, %rax                      // what the gates start from: aligned for any call
    mov %rax, TLS(THREAD_SYSTEM_RSP)
    .endm

// Goes on where the context at rsp was saved; rax is kept. Control words are loaded whether they differ or not: to find out, the ones in
// force would have to be stored and read back, which takes longer. `jmp`, not `ret`: this return address is not the one that was
// called last, and a `ret` would be mispredicted every time.
    .macro resume_context
    ldmxcsr (%rsp)
    fldcw 4(%rsp)
    take_context
    pop %rcx
    .cfi_adjust_cfa_offset -8
    .cfi_register %rip, %rcx
    jmp *%rcx
    .endm

// Blocking gates: the fiber may be switched away from inside the service, and goes on at the gate's return address. Its context is at
// THREAD_FIBER_RSP.
    .macro blocking_gate name, target, end=leave_gate
    enter_gate \name
    save_context
    mov %rsp, TLS(THREAD_FIBER_RSP)
    to_system_stack
    call \target
    \end \name
    .endm

// Trace gates: hand over the caller's registers as struct Registers (abi.zig), so that its stack can be walked:
//   rbp → saved rbp, then (downwards) rsp, rip, rbx, r12, r13, r14, r15 ← Registers
    .macro trace_gate name, target, register, end=leave_gate
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
    \end \name
    .endm
