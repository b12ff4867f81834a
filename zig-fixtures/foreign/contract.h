// What another split-stack runtime must offer to be verified in place of ours (harness/docs/RUNTIMES.md). Besides this, `__morestack` (or
// `hs_morestack_thunk`, for prologues of our thunk and assembly routes) and a limit where the prologues look for it.
//
// All of it is called on the thread's own stack, never on a fiber's, and never while a split is under way. A fiber runs on one thread
// at a time; with the capability `threads` it may go on on another one than before.

#ifndef HSF_CONTRACT_H
#define HSF_CONTRACT_H

#include <stdint.h>

// What the runtime may keep of a fiber: so many zeroed bytes, aligned to 16, in the harness's memory.
#define HSF_FIBER_BYTES 256

// One stretch of a fiber's stack, [low, high). stub_frame: the frame pointer of the stub frame that led there; 0: there is none, or it is not known.
struct hsf_segment {
    uint64_t low, high, stub_frame;
};

// Gives the fiber a first segment with at least `bytes` to use, and returns the address that its stack starts from, a multiple of 16; 0: there is no
// memory. A plan that lets the stack split by itself asks for little, a baseline, which must not split, for a hundred MiB of address space.
uint64_t hsf_fiber_open(void *fiber, uint64_t bytes);

// Gives back all that the fiber still has, in whatever state it was left. It is not running.
void hsf_fiber_close(void *fiber);

// The fiber is about to run on this thread: puts its limit in force.
void hsf_fiber_enter(void *fiber);

// It has stopped, for good or not. Whatever limit it had must come back with the next hsf_fiber_enter.
void hsf_fiber_leave(void *fiber);

// The segments in use, innermost first: writes the first `capacity` of them and returns how many there are. Those that are kept for later are not in use.
uint64_t hsf_fiber_segments(const void *fiber, struct hsf_segment *into, uint64_t capacity);

// The limit that has to be in force for the innermost segment. It may be lower by up to *slack, which is 0 unless it is set. 0: the runtime does not
// say, and the check `limit` is left out.
uint64_t hsf_fiber_limit(const void *fiber, uint64_t *slack);

#endif
