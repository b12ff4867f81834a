// The machine-level half of the split-stack runtime, x86-64 System V (also right for Zig's own `.auto`
// convention, see "Registers"). The Zig half is growth.zig (hs_grow, hs_shrink).
// Keep in step with: gates.h (offsets, asserted in abi.zig), growth.zig (what hs_grow returns).
//
// Stack picture of one split. Function F, called by C, did not fit on segment 0:
//
//   segment 0 (old)                              segment 1 (new)
//   ┌────────────────────────┐                   ┌────────────────────────┐ high: struct Segment
//   │ stack arguments of F   │ ◄── CFA           │ copy of the arguments  │ ◄── NEW (≡ CFA mod 64)
//   │ return address into C  │ CFA −  8          │ .Lbody_returned        │ NEW − 8
//   │ saved rbp              │ CFA − 16 ◄── rbp  │ frame of F …           │
//   │ R: address after the   │ rbp −  8          │                        │
//   │    call in F's prologue│                   │                        │
//   │ saved r10              │ rbp − 16          │                        │
//   │ saved r11              │ rbp − 24          │                        │
//   │ saved rax … r9         │ rbp − 32 …        │                        │
//   │  or rax, rcx, segment  │                   │                        │
//   │  0, R + 1 (warm)       │ rbp − 80 (saves)  │                        │ low + slack: the limit
//   └────────────────────────┘                   └────────────────────────┘ low: canary
//
// F never appears twice: the frame above is the stub's, and its return address is C's. The unwinder sees
// CFA = rbp + 16 from the third instruction on, whichever stack rsp is on. rbp-chain walkers see an ordinary frame.
//
// Registers. Nothing but flags may change between F's caller and F's body, or between F's `ret` and its
// caller: Zig's self-hosted backend passes arguments in rax, rbx, r8, … and keeps r9 and r11 alive across calls.
// General registers are saved here. Vector and x87 registers are never touched, because hs_grow and hs_shrink
// are compiled without them (soft float, general registers only), whatever their width.
//
// Call/return pairing. F's prologue `call`s the stub; the stub `call`s F's body at R + 1 and leaves through the `ret` at
// R (LLVM puts it there; our thunks do the same). So every `ret` meets its `call` and the return predictor stays right.
//
// Signals: handlers run on an alternate stack, so nothing below rsp is touched by them; at no point does
// rsp point to a stack whose limit is not yet in force in a way that split code could notice, as no split code runs here.
// Shadow stacks (CET) would see balanced call/ret; the `jmp`-like resume (.Lresume_in_place) uses `ret` to R + 1, which a
// hardware shadow stack would refuse: not supported there.

//
// Exceptions of other languages leave the frame at `.Lunwound` (unwind.h), longjmp leaves it unseen (jump.S).

#include "gates.h"
#include "unwind.h"
#include "limit_own.h"

// Beyond this C's rbp is taken for no frame pointer (unsigned: below CFA counts as beyond).
#define CALLER_FRAME_MAX 0x1000000

    .text

// Another runtime brings stubs of its own (HS_FOREIGN; ../foreign).
#ifndef HS_FOREIGN
    .globl hs_stub_begin, hs_stub_end
    .hidden hs_stub_begin, hs_stub_end

// ── Entry for thunks (any compiler, any convention) ─────────────────────────────────────────────────────────────
// For the checks of the thunk and assembly routes. [rsp] = R, [rsp + 8] = sizes, [rsp + 16] = return address into C. All
// registers belong to the caller and the callee. Sizes: bits 0–19: frame in 16-byte units; bits 20–30: stack arguments to copy in
// 64-byte units; bit 31 (the sign): that is all F ever touches of them. Without it, it is a bound where C's frame does not tell.
    .globl hs_morestack_thunk
    .type hs_morestack_thunk, @function
    .p2align 4
hs_stub_begin:
hs_morestack_thunk:
    .cfi_startproc
    .cfi_def_cfa rsp, 24
    push %r10                           // becomes rbp − 16
    .cfi_adjust_cfa_offset 8
    mov 16(%rsp), %r10                  // sizes
    mov %rbp, 16(%rsp)                  // saved rbp replaces them
    .cfi_offset %rbp, -16
    lea 16(%rsp), %rbp                  // [rbp − 8] is R already
    .cfi_def_cfa %rbp, 16
    push %r11                           // rbp − 24
    test %r10d, %r10d
    js 0f
    // Nobody says how many bytes of stack arguments there are, but they lie in C's frame, below what C's rbp points at: copying up
    // to there copies all of them. Where C's rbp is no frame pointer of this stack, the thunk's bound has to do.
    mov (%rbp), %r11                    // C's rbp
    sub %rbp, %r11
    sub $16, %r11                       // less CFA
    cmp $CALLER_FRAME_MAX, %r11
    jbe 1f
0:  mov %r10d, %r11d
    shr $20, %r11d
    and $0x7ff, %r11d
    shl $6, %r11d                       // what F says, or the bound
1:  and $0xfffff, %r10d
    shl $4, %r10d                       // frame bytes
    jmp .Lsplit
    .cfi_endproc
    .size hs_morestack_thunk, . - hs_morestack_thunk

// ── Entry for LLVM's "split-stack" prologue ─────────────────────────────────────────────────────────────────────
// r10 = frame bytes, r11 = bytes of stack arguments; [rsp] = R, [rsp + 8] = return address into C.
// The name matters: gdb exempts exactly this symbol from its "previous frame inner to this frame" check.
    .globl __morestack
    .type __morestack, @function
    .p2align 4
__morestack:
    .cfi_startproc
    unwound_at .Lunwound
    .cfi_def_cfa rsp, 16                // as if C had called us: F has not begun
    push %r10                           // becomes R's slot (rbp − 8)
    .cfi_adjust_cfa_offset 8
    push %r10                           // rbp − 16: saved r10
    .cfi_adjust_cfa_offset 8
    mov 16(%rsp), %r10                  // R
    mov %rbp, 16(%rsp)                  // saved rbp replaces R
    .cfi_offset %rbp, -16
    lea 16(%rsp), %rbp
    .cfi_def_cfa %rbp, 16
    mov %r10, -8(%rbp)                  // R
    mov -16(%rbp), %r10                 // frame bytes again
    push %r11                           // rbp − 24
    // ── The shared body: still inside the symbol `__morestack`, because gdb looks at the symbol of the return address.
.Lsplit:
    push %rax                           // rbp − 32
    push %rcx                           // rbp − 40
    // 1. Warm: the current segment has a cached child, the frame fits there, and no arguments need copying. A loop over an edge lives
    //    here. What it takes is the chain of loads and stores from one call to the next, so the way back does not follow
    //    STACK_SEGMENT and SEGMENT_PARENT, which have just been written or come after them, but finds the parent in the stub's frame.
    mov TLS(THREAD_STACK), %rax
    test %r11, %r11
    jnz .Lcold_grow
    mov STACK_SEGMENT(%rax), %r11       // 0 until here, and saved
    mov SEGMENT_CACHED(%r11), %rcx
    test %rcx, %rcx
    jz .Lno_room
    cmp SEGMENT_ROOM(%rcx), %r10
    ja .Lno_room
    push %r11                           // rbp − 48: the parent
    mov -8(%rbp), %r11
    inc %r11
    push %r11                           // rbp − 56: R + 1, where the body starts
    mov %rcx, STACK_SEGMENT(%rax)
    mov %rbp, SEGMENT_STUB_FRAME(%rcx)
    mov SEGMENT_LIMIT(%rcx), %rax
    mov %rax, LIMIT_SLOT
    incq TLS(THREAD_WARM_SPLITS)
    mov %rcx, %rsp                      // NEW: the header itself; a multiple of 64, which is all that a frame without arguments can ask for
    mov -40(%rbp), %rcx
    mov -32(%rbp), %rax
    mov -16(%rbp), %r10
    mov -24(%rbp), %r11
    call *-56(%rbp)
    //    F has returned; rbp is the stub's again (callee-saved in every convention). The segment stays where it is, as its parent's cached
    //    child. What is below rsp here is still ours (signals).
    lea -24(%rbp), %rsp
    push %rax
    push %rcx
    mov TLS(THREAD_STACK), %rax
    mov STACK_SEGMENT(%rax), %rcx
    cmp %rbp, SEGMENT_STUB_FRAME(%rcx)  // no: frames in between were left by longjmp or an exception
    jne .Lmisnested
    mov -48(%rbp), %rcx
    mov %rcx, STACK_SEGMENT(%rax)
    mov SEGMENT_LIMIT(%rcx), %rcx
    mov %rcx, LIMIT_SLOT
    //    Leave through R, which moves into the slot right below the return address, as in 7; rax and rcx are at hand here.
    .cfi_remember_state
    mov (%rbp), %rcx                    // C's rbp
    .cfi_register %rbp, %rcx
    mov -8(%rbp), %rax
    mov %rax, (%rbp)
    mov %rbp, %rsp
    .cfi_def_cfa_register %rsp
    mov %rcx, %rbp
    .cfi_restore %rbp
    mov -40(%rsp), %rcx
    mov -32(%rsp), %rax
    ret                                 // to the `ret` at R, rsp at the return address
    .cfi_restore_state
.Lmisnested:
    incq -8(%rbp)                       // as after a cold split
    jmp .Lcold_shrink
.Lno_room:
    xor %r11d, %r11d
.Lcold_grow:
    //    Save what hs_grow, a C function, may clobber besides (it keeps rbx, rbp, r12–r15).
    push %rdx
    push %rsi
    push %rdi
    push %r8
    push %r9                            // rbp − 80
    // 2. hs_grow(frame, arguments, CFA, R) on the system stack.
    mov %r10, %rdi
    mov %r11, %rsi
    lea 16(%rbp), %rdx
    mov -8(%rbp), %rcx
    //    In a signal handler (THREAD_SYSTEM_RSP is 0) it runs right here: handlers' limits leave room for it.
    mov TLS(THREAD_SYSTEM_RSP), %rax
    test %rax, %rax
    cmovnz %rax, %rsp
    and $-16, %rsp
    call hs_grow                        // rax = NEW, or 0: run F where it is
    // 3. The body starts one byte after the `ret` that R points at.
    incq -8(%rbp)
    mov -40(%rbp), %rcx
    mov -48(%rbp), %rdx
    mov -56(%rbp), %rsi
    mov -64(%rbp), %rdi
    mov -72(%rbp), %r8
    mov -80(%rbp), %r9
    mov -24(%rbp), %r11
    test %rax, %rax
    jz .Lresume_in_place
    // 4. Over to the new segment; the call's return address there is .Lbody_returned. The byte before it is the call's own, in this FDE.
    mov %rax, %rsp
    mov -32(%rbp), %rax
    mov -16(%rbp), %r10
    call *-8(%rbp)
.Lbody_returned:
    // 5. F has returned from a cold split. Back to the old stack.
    lea -24(%rbp), %rsp
    push %rax
    push %rcx
.Lcold_shrink:
    push %rdx
    push %rsi
    push %rdi
    push %r8
    push %r9
    mov %r10, -16(%rbp)
    mov %r11, -24(%rbp)
    mov %rbp, %rdi
    mov TLS(THREAD_SYSTEM_RSP), %rsp
    call hs_shrink                      // releases the segment, puts the limit back
    // 6. Return values and everything else as F left them.
    decq -8(%rbp)                       // R again
    mov -16(%rbp), %r10
    mov -24(%rbp), %r11
    mov -32(%rbp), %rax
    mov -48(%rbp), %rdx
    mov -40(%rbp), %rcx
    mov -56(%rbp), %rsi
    mov -64(%rbp), %rdi
    mov -72(%rbp), %r8
    mov -80(%rbp), %r9
    // 7. Leave through R with no scratch register: `popq (%rsp)` moves R into the slot right below the return address.
.Lleave:
    lea -8(%rbp), %rsp                  // [rsp] = R, [rsp + 8] = saved rbp, [rsp + 16] = return address
    mov 8(%rsp), %rbp
    .cfi_def_cfa %rsp, 24
    .cfi_restore %rbp
    popq (%rsp)
    .cfi_def_cfa_offset 16
    ret                                 // to the `ret` at R (or, in place, to the body), rsp at the return address
    .cfi_def_cfa %rbp, 16
    .cfi_offset %rbp, -16
.Lresume_in_place:
    mov -32(%rbp), %rax
    mov -16(%rbp), %r10
    jmp .Lleave
    //    An exception goes through (unwind.h): rax = the exception, rsp is where the call of the body left it, on the new segment. hs_shrink
    //    may give that up, and the old segment has no room for an unwinder: both run on the system stack.
.Lunwound:
    lea -24(%rbp), %rsp
    push %rax                           // rbp − 32
    mov %rbp, %rdi
    mov TLS(THREAD_SYSTEM_RSP), %rsp
    call hs_shrink
    mov -32(%rbp), %rdi
    call _Unwind_Resume@PLT             // goes on with C's frame
    ud2
    .cfi_endproc
    .size __morestack, . - __morestack
hs_stub_end:
#endif

// ── Switching ───────────────────────────────────────────────────────────────────────────────────────────────────
// u64 hs_resume(fiber_rsp, value): from the scheduler into a fiber; the fiber's blocking gate returns `value`.
// Returns what hs_to_scheduler was given.
    .globl hs_resume
    .type hs_resume, @function
    .p2align 4
hs_resume:
    .cfi_startproc
    leave_for_fiber
    mov %rdi, %rsp                      // a context looks like what was pushed: the rows hold
    mov %rsi, %rax
    resume_context
    .cfi_endproc
    .size hs_resume, . - hs_resume

// noreturn hs_to_scheduler(value): leaves the fiber for good or until resumed; the system stack below is dropped.
    .globl hs_to_scheduler
    .type hs_to_scheduler, @function
    .p2align 4
hs_to_scheduler:
    .cfi_startproc
    .cfi_undefined %rip
    mov %rdi, %rax
    mov TLS(THREAD_SCHEDULER_RSP), %rsp
    switched_to_context
    movq $0, TLS(THREAD_SYSTEM_RSP)     // gates called from here on stay on this stack
    ldmxcsr (%rsp)
    // A fiber abandoned by a panic or trap may leave values on the x87 stack; eight of those and the next load is a NaN.
    emms
    fldcw 4(%rsp)
    restore_context
    .cfi_endproc
    .size hs_to_scheduler, . - hs_to_scheduler

// The first frame of every fiber. Entered by a resume's last jump with rbx = the entry wrapper, r12 = its argument. Its return address is undefined
// and 0, its rbp is 0: both kinds of unwinders end here. It gives the callee-saved registers known values and
// checks them, rsp, MXCSR and the x87 control word when the fiber is done.
    .globl hs_fiber_start, hs_entry_begin, hs_entry_end
    .type hs_fiber_start, @function
    .p2align 4
hs_entry_begin:
    .cfi_startproc
    unwound_at .Lfiber_unwound, hs_personality_last
    .cfi_undefined %rip
    .cfi_def_cfa %rsp, 8
    nop                                 // a return address − 1 stays inside, with the same row
hs_fiber_start:
    xor %ebp, %ebp
    mov %r12, %rdi
    mov %rsp, %r12
    mov $0x1313131313131313, %r13
    mov $0x1414141414141414, %r14
    mov %rbx, %r15
    sub $8, %rsp
    .cfi_def_cfa_offset 16
    stmxcsr (%rsp)
    fnstcw 4(%rsp)
    sub $8, %rsp
    .cfi_def_cfa_offset 24
    call *%rbx
    add $8, %rsp
    .cfi_def_cfa_offset 16
    xor %edi, %edi                      // bit set of what is wrong
    mov (%rsp), %eax                    // control words at the start
    stmxcsr (%rsp)
    xor (%rsp), %eax
    test $MXCSR_CONTROL, %eax           // its exception flags are nobody's
    jz 1f
    or $1, %edi
1:  mov 4(%rsp), %ax
    fnstcw 4(%rsp)
    cmp 4(%rsp), %ax
    je 1f
    or $2, %edi
1:  add $8, %rsp
    .cfi_def_cfa_offset 8
    cmp %rsp, %r12
    je 1f
    or $4, %edi
1:  mov $0x1313131313131313, %rax
    cmp %rax, %r13
    je 1f
    or $8, %edi
1:  mov $0x1414141414141414, %rax
    cmp %rax, %r14
    je 1f
    or $16, %edi
1:  cmp %rbx, %r15
    je 1f
    or $32, %edi
1:  test %rbp, %rbp
    je 1f
    or $64, %edi
1:  mov TLS(THREAD_SYSTEM_RSP), %rsp
    .cfi_def_cfa %rsp, 0
    call hs_rt_fiber_returned
    ud2
.Lfiber_unwound:                        // nobody in the fiber caught it: rax = the exception
    mov %rax, %rdi
    mov TLS(THREAD_SYSTEM_RSP), %rsp
    call hs_rt_uncaught
    ud2
    .cfi_endproc
    .size hs_fiber_start, . - hs_fiber_start
hs_entry_end:

// Where the signal handler sends a fiber that faulted: on the system stack, rdi = struct Registers of the fault.
    .globl hs_fault_landing
    .type hs_fault_landing, @function
hs_fault_landing:
    .cfi_startproc
    .cfi_undefined %rip
    call hs_rt_faulted
    ud2
    .cfi_endproc
    .size hs_fault_landing, . - hs_fault_landing

    .section .note.GNU-stack, "", @progbits
