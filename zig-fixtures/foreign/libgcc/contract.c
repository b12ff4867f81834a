// libgcc's split-stack runtime behind ../contract.h: gcc's morestack.S and generic-morestack.c, as the machine's libgcc.a has them.
// Fibers are its "contexts" (the functions __splitstack_… that gccgo's scheduler uses).

#include <contract.h>
#include <stddef.h>

// generic-morestack.c, struct stack_segment. Lies at the low end of its own memory; `size` bytes of stack are behind it.
struct stack_segment {
    struct stack_segment *prev, *next;
    size_t size;
    void *old_stack; // where the arguments were, on the segment before
    void *dynamic_allocation, *free_dynamic_allocation, *extra;
};

// The words of a context, enum __splitstack_context_offsets.
enum { context_words = 10, context_current_segment = 1 };

// From __morestack's frame pointer to the arguments of the function that has split: the frame pointer of before, and two return addresses.
enum { arguments_above_frame = 3 * sizeof(uint64_t) };

struct fiber {
    void *context[context_words];
    uint64_t runs;
};
_Static_assert(sizeof(struct fiber) <= HSF_FIBER_BYTES, "what the contract gives");

extern __thread struct stack_segment *__morestack_current_segment;
void *__splitstack_makecontext(size_t, void *[], size_t *);
void __splitstack_getcontext(void *[]);
void __splitstack_setcontext(void *[]);
void __splitstack_releasecontext(void *[]);
void *__morestack_make_guard(void *stack, size_t size);

// Exceptions of other languages, which __morestack lets through, do not occur in the harness's programs: without these two, gcc's unwinder would
// have to be linked.
__attribute__((weak)) void _Unwind_Resume(void *exception) { (void)exception; __builtin_trap(); }
__attribute__((weak)) int __gcc_personality_v0(void) { __builtin_trap(); }

// What the thread's own stack had when a fiber was entered.
static __thread void *system_context[context_words];

static struct stack_segment *innermost(const struct fiber *fiber)
{
    return fiber->runs ? __morestack_current_segment : fiber->context[context_current_segment];
}

uint64_t hsf_fiber_open(void *memory, uint64_t bytes)
{
    struct fiber *fiber = memory;
    size_t size = 0;
    char *low = __splitstack_makecontext(bytes, fiber->context, &size);
    return low ? (uint64_t)(low + size) & ~(uint64_t)15 : 0;
}

void hsf_fiber_close(void *memory)
{
    struct fiber *fiber = memory;
    __splitstack_releasecontext(fiber->context);
}

void hsf_fiber_enter(void *memory)
{
    struct fiber *fiber = memory;
    __splitstack_getcontext(system_context);
    __splitstack_setcontext(fiber->context);
    fiber->runs = 1;
}

void hsf_fiber_leave(void *memory)
{
    struct fiber *fiber = memory;
    __splitstack_getcontext(fiber->context);
    __splitstack_setcontext(system_context);
    fiber->runs = 0;
}

uint64_t hsf_fiber_segments(const void *memory, struct hsf_segment *into, uint64_t capacity)
{
    uint64_t count = 0;
    for (struct stack_segment *segment = innermost(memory); segment; segment = segment->prev) {
        if (count < capacity) {
            uint64_t low = (uint64_t)(segment + 1);
            uint64_t frame = segment->prev ? (uint64_t)segment->old_stack - arguments_above_frame : 0;
            into[count] = (struct hsf_segment){ low, low + segment->size, frame };
        }
        count++;
    }
    return count;
}

uint64_t hsf_fiber_limit(const void *memory, uint64_t *slack)
{
    struct stack_segment *segment = innermost(memory);
    // Right after a split the limit leaves out what aligning the arguments to 32 bytes took.
    *slack = 31;
    return (uint64_t)__morestack_make_guard((char *)(segment + 1) + segment->size, segment->size);
}
