// The product's own entries: what host.zig and splitstack.zig call by name. Offsets and gates: gates.h.
// Stack picture of a fiber that is not running (hs_fiber_yield), downwards from its caller's frame:
//
//   return address into the caller
//   saved rbp                        ◄── rbp while in here
//   rbx, r12, r13, r14, r15
//   MXCSR | x87 control word         ◄── STACK_RSP of its struct Stack
//
// That of the scheduler while a fiber runs is the same, with hs_fiber_resume's caller: THREAD_SCHEDULER_RSP. So the two switch to each
// other in a few instructions, and neither is called by anything that would return after the switch: such a `ret` would be
// mispredicted, because the call that the processor remembers is the other side's.

#include "gates.h"

// The last of hs_exception_entries, at the end of this file: where C++ keeps its list of exceptions; 0 without C++.
#define EXCEPTION_STATE (hs_exception_entries + 24)

    .text
    .globl hs_gates_begin, hs_gates_end
    .hidden hs_gates_begin, hs_gates_end
hs_gates_begin:

// u64 hs_fiber_resume(struct Fiber *): runs the fiber until it yields (0) or ends (1). 2: refused, because it runs elsewhere, has
// ended, or this is a fiber's code. The limit is the segment's and travels with it to whichever thread resumes.
    .globl hs_fiber_resume
    .type hs_fiber_resume, @function
    .p2align 4
hs_fiber_resume:
    .cfi_startproc
    cmpq $0, TLS(THREAD_STACK)
    jne 1f
    mov $STATE_RUNNING, %ecx
    mov $STATE_READY, %eax
    cmpl $1, hs_threads(%rip)           // a lock waits for all that the switch before has stored: only where another thread may be
    ja 3f
    cmp %eax, FIBER_STATE(%rdi)
    jne 1f
    mov %ecx, FIBER_STATE(%rdi)
2:  cmpq $0, EXCEPTION_STATE(%rip)
    jne 4f
5:  .cfi_remember_state
    leave_for_fiber
    mov %rdi, TLS(THREAD_STACK)
    mov STACK_SEGMENT(%rdi), %rax
    mov SEGMENT_LIMIT(%rax), %rax
    mov %rax, LIMIT_SLOT
    mov STACK_RSP(%rdi), %rsp           // laid out like what was pushed: the rows hold
    xor %eax, %eax
    resume_context
    .cfi_restore_state
1:  mov $2, %eax
    ret
3:  lock cmpxchg %ecx, FIBER_STATE(%rdi)
    je 2b
    jmp 1b
4:  push %rdi                           // C++ is linked: the exceptions being handled are the fiber's from here on
    .cfi_def_cfa_offset 16              // in full, as in hs_fiber_yield
    call hs_rt_exchange_exceptions
    pop %rdi
    .cfi_def_cfa_offset 8
    jmp 5b
    .cfi_endproc
    .size hs_fiber_resume, . - hs_fiber_resume

// void hs_fiber_yield(void): back to whoever resumed this fiber, whose hs_fiber_resume returns 0. What the fiber grew is the thread's again, for
// the next one: an idle fiber keeps what it stands on. Nothing here or later is allowed to remember an address of thread-local
// storage: the fiber may come back on another thread.
// On the system stack (inside hs_system_call, a release callback, a signal handler) there is nothing to go back to: hs_rt_misused ends the fiber.
    enter_gate hs_fiber_yield
    cmpq $0, TLS(THREAD_SYSTEM_RSP)
    je 3f
    .cfi_remember_state                 // for 3, where nothing has been saved
    save_context
    mov TLS(THREAD_STACK), %rax
    mov %rsp, STACK_RSP(%rax)
    mov TLS(THREAD_SCHEDULER_RSP), %rsp
    switched_to_context                 // hs_fiber_resume's
    movq $0, TLS(THREAD_SYSTEM_RSP)
    movq $0, TLS(THREAD_STACK)
    movq $0, LIMIT_SLOT
    mov STACK_SEGMENT(%rax), %rsi
    cmpq $0, SEGMENT_CACHED(%rsi)
    jne 2f
    cmpq $0, EXCEPTION_STATE(%rip)
    jne 2f
1:  movl $STATE_READY, FIBER_STATE(%rax) // from here on another thread may resume it
    xor %eax, %eax
    .cfi_remember_state
    resume_context
    .cfi_restore_state
2:  push %rax                           // rsp was a multiple of 16, and is again for the call
    // Offsets in full: LLVM's assembler does not count .cfi_adjust_cfa_offset on from what .cfi_restore_state restores.
    .cfi_def_cfa_offset CONTEXT_BYTES + 8
    push %rax
    .cfi_def_cfa_offset CONTEXT_BYTES + 16
    mov %rax, %rdi
    call hs_rt_idle
    pop %rax
    .cfi_def_cfa_offset CONTEXT_BYTES + 8
    pop %rax
    .cfi_def_cfa_offset CONTEXT_BYTES
    jmp 1b
    .cfi_restore_state
3:  call hs_rt_misused
    ud2
    .cfi_endproc
    .size hs_fiber_yield, . - hs_fiber_yield

// u64 hs_pending(void): nonzero: the running fiber has something for hs_fiber_deliver, once or for as long as it stands on a segment
// that is lent. A leaf: no stack, rax only.
    .globl hs_pending
    .type hs_pending, @function
    .p2align 4
hs_pending:
    .cfi_startproc
    mov TLS(THREAD_STACK), %rax
    test %rax, %rax
    jz 1f
    cmpq $0, STACK_PENDING(%rax)
    jne 1f
    mov STACK_SEGMENT(%rax), %rax
    mov SEGMENT_OWED(%rax), %rax
1:  ret
    .cfi_endproc
    .size hs_pending, . - hs_pending

// struct Fiber *hs_current(void): the running fiber, or null. A leaf: no stack, rax only.
    .globl hs_current
    .type hs_current, @function
    .p2align 4
hs_current:
    .cfi_startproc
    mov TLS(THREAD_STACK), %rax
    ret
    .cfi_endproc
    .size hs_current, . - hs_current

// void hs_system_call(f, context): f(context) on the system stack, with no limit in force. What f calls stays there; it may not
// yield, so it ends on the thread it began on. An unwinder sees one rbp frame on the fiber's stack below f's frames. An exception that
// goes through lands at .Lsystem_call_unwound with rbx and r12 as they are during the call, rsp still on the system stack.
//   rbp → saved rbp; then rbx (THREAD_SYSTEM_RSP before), r12 (the limit before)
    enter_gate hs_system_call
    unwound_at .Lsystem_call_unwound
    push %rbx
    .cfi_offset %rbx, -24
    push %r12
    .cfi_offset %r12, -32
    mov TLS(THREAD_SYSTEM_RSP), %rbx
    mov LIMIT_SLOT, %r12
    to_system_stack
    movq $0, TLS(THREAD_SYSTEM_RSP)
    movq $0, LIMIT_SLOT
    mov %rdi, %rax
    mov %rsi, %rdi
    call *%rax
    mov %rbx, TLS(THREAD_SYSTEM_RSP)
    mov %r12, LIMIT_SLOT
    .cfi_remember_state
    mov -16(%rbp), %r12
    .cfi_restore %r12
    mov -8(%rbp), %rbx
    .cfi_restore %rbx
    return_from_gate
    .cfi_restore_state
.Lsystem_call_unwound:                  // rax = the exception
    mov %rbx, TLS(THREAD_SYSTEM_RSP)
    mov %r12, LIMIT_SLOT
    mov %rax, %rdi
    call _Unwind_Resume@PLT             // goes on with the caller's frame; the unwinder itself stays on this stack
    ud2
    end_gate hs_system_call

// void hs_headroom_call(f, context, bytes): f(context) on the stack it is called on, with at least `bytes` between its return address
// and what lies below the limit: LLVM's prologue for a frame of that size, which the code that f calls then uses instead.
// Outside fibers and on the system stack the limit is 0, so nothing is asked. edx < 4 GiB, so nothing wraps.
    .globl hs_headroom_call
    .type hs_headroom_call, @function
    .p2align 4
hs_headroom_call:
    .cfi_startproc
    mov %rsp, %r11
    mov %edx, %r10d
    sub %r10, %r11
    cmp LIMIT_SLOT, %r11
    ja 1f
    xor %r11d, %r11d
    call __morestack
    ret
1:  push %rbp
    .cfi_def_cfa_offset 16
    .cfi_offset %rbp, -16
    mov %rsp, %rbp
    .cfi_def_cfa_register %rbp
    mov %rdi, %rax
    mov %rsi, %rdi
    call *%rax
    return_from_gate
    end_gate hs_headroom_call

// u64 hs_attempt(f, context): f(context) on this (system) stack; 0: it returned, 1: hs_attempt_failed ended it. An exception ends here,
// as a failure.
//   rbp → saved rbp; then rbx, r12, r13, r14, r15, control words, THREAD_ATTEMPT_RSP before ← THREAD_ATTEMPT_RSP
    enter_gate hs_attempt
    unwound_at .Lattempt_unwound, hs_personality_last
    save_context
    push TLS(THREAD_ATTEMPT_RSP)
    mov %rsp, TLS(THREAD_ATTEMPT_RSP)
    mov %rdi, %rax
    mov %rsi, %rdi
    and $-16, %rsp
    call *%rax
    xor %eax, %eax
    mov TLS(THREAD_ATTEMPT_RSP), %rsp
    .cfi_remember_state
.Lattempt_over:                         // rbp may be anything, coming from hs_attempt_failed
    .cfi_def_cfa %rsp, CONTEXT_BYTES + 8
    pop TLS(THREAD_ATTEMPT_RSP)
    .cfi_adjust_cfa_offset -8
    ldmxcsr (%rsp)
    fldcw 4(%rsp)
    restore_context
    .cfi_restore_state
.Lattempt_unwound:                      // rax = the exception
    mov %rax, %rdi
    call hs_rt_drop_exception
    jmp hs_attempt_failed
    end_gate hs_attempt

// noreturn hs_attempt_failed(void): from anywhere inside an attempt, on whatever is left of a stack.
    .globl hs_attempt_failed
    .type hs_attempt_failed, @function
hs_attempt_failed:
    .cfi_startproc
    .cfi_undefined %rip
    emms
    movq $0, TLS(THREAD_SYSTEM_RSP)
    movq $0, LIMIT_SLOT
    mov $1, %eax
    mov TLS(THREAD_ATTEMPT_RSP), %rsp
    .cfi_def_cfa %rsp, CONTEXT_BYTES + 8
    .cfi_offset %rip, -8
    context_rows
    jmp .Lattempt_over
    .cfi_endproc
    .size hs_attempt_failed, . - hs_attempt_failed

// void hs_signal_entry(int, siginfo_t *, ucontext_t *): the handler the kernel calls, for handlers that are split code or call gates. The
// interrupted code may be anywhere: on a fiber, in a stub, on the system stack, in another handler. While the handler runs gates stay
// on the signal stack, and hs_rt_signal (faults.zig) puts that stack's limit and a record of its own into force; afterwards all is
// what it was. Another signal may come at any instruction: whatever it finds it puts back.
//   rbp → saved rbp; then rbx (THREAD_SYSTEM_RSP before), r12 (the limit before)
    enter_gate hs_signal_entry
    push %rbx
    .cfi_offset %rbx, -24
    push %r12
    .cfi_offset %r12, -32
    and $-16, %rsp
    mov TLS(THREAD_SYSTEM_RSP), %rbx
    mov LIMIT_SLOT, %r12
    movq $0, TLS(THREAD_SYSTEM_RSP)
    movq $0, LIMIT_SLOT
    cld
    call hs_rt_signal
    mov %rbx, TLS(THREAD_SYSTEM_RSP)
    mov %r12, LIMIT_SLOT
    mov -16(%rbp), %r12
    .cfi_restore %r12
    mov -8(%rbp), %rbx
    .cfi_restore %rbx
    leave_gate hs_signal_entry

// u64 hs_fiber_realign(void): host.zig's hs_rt_realign with the caller's rsp.
    enter_gate hs_fiber_realign
    lea 16(%rbp), %rdi
    to_system_stack
    call hs_rt_realign
    leave_gate hs_fiber_realign

    gate hs_fiber_create, hs_rt_fiber_create
    gate hs_fiber_destroy, hs_rt_fiber_destroy
    gate hs_fiber_deliver, hs_rt_fiber_deliver
    gate hs_fiber_failed, hs_rt_fiber_failed
    gate hs_fiber_trim, hs_rt_fiber_trim
    trace_gate hs_fiber_panic, hs_rt_fiber_panic, %rdx, end_behind_call
    trace_gate hs_fiber_trace, hs_rt_fiber_trace, %rsi
hs_gates_end:

// The order is foreign.zig's. Weak: null in programs without C++.
    .weak __cxa_begin_catch, __cxa_end_catch, _Unwind_DeleteException, __cxa_get_globals
    .section .data.rel.ro, "aw", @progbits
    .globl hs_exception_entries
    .hidden hs_exception_entries
    .type hs_exception_entries, @object
    .size hs_exception_entries, 32
    .p2align 3
hs_exception_entries:
    .quad __cxa_begin_catch, __cxa_end_catch, _Unwind_DeleteException, __cxa_get_globals

    .section .note.GNU-stack, "", @progbits
