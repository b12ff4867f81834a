// A minimal split-stack runtime: its segments are mapped when a stack splits and unmapped when the function returns. morestack.S calls the two halves of a
// split, the harness the functions of contract.h.
//
// What runs at a split must leave arguments and return values in vector registers alone, so all of it is compiled for general registers.

#include <contract.h>

#pragma clang attribute push(__attribute__((target("general-regs-only"))), apply_to = function)

enum { page_bytes = 4096, slack_bytes = 2048, system_mmap = 9, system_munmap = 11 };

// At the top of its own memory; the stack grows down from it.
struct segment {
    struct segment *parent;
    uint64_t low, stub_frame, padding;
};

struct fiber {
    struct segment *innermost;
};

static __thread struct fiber *running;

static void set_limit(uint64_t limit) { __asm__ volatile("movq %0, %%fs:0x70" : : "r"(limit)); }

static uint64_t get_limit(void)
{
    uint64_t limit;
    __asm__ volatile("movq %%fs:0x70, %0" : "=r"(limit));
    return limit;
}

// What the thread's own code is compared with meanwhile: nothing of it asks.
static __thread uint64_t system_limit;

// The raw call: libc's touches errno, and may be anybody's.
static uint64_t system_call(uint64_t number, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
    register uint64_t flags __asm__("r10") = d;
    register uint64_t file __asm__("r8") = -1;
    register uint64_t offset __asm__("r9") = 0;
    uint64_t result;
    __asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(a), "S"(b), "d"(c), "r"(flags), "r"(file), "r"(offset) : "rcx", "r11", "memory");
    return result;
}

static struct segment *map(struct segment *parent, uint64_t bytes)
{
    uint64_t total = (bytes + slack_bytes + sizeof(struct segment) + page_bytes - 1) & ~(uint64_t)(page_bytes - 1);
    uint64_t low = system_call(system_mmap, 0, total, 3 /* read, write */, 0x4022 /* private, anonymous, no reserve */);
    if (low > -(uint64_t)page_bytes) return 0;
    struct segment *segment = (struct segment *)(low + total - sizeof(struct segment));
    segment->parent = parent;
    segment->low = low;
    return segment;
}

static void unmap(struct segment *segment)
{
    system_call(system_munmap, segment->low, (uint64_t)(segment + 1) - segment->low, 0, 0);
}

static uint64_t limit_of(const struct segment *segment) { return segment->low + slack_bytes; }

// Called by the stub on the stack that is left. Returns where F's arguments are now.
uint64_t example_grow(uint64_t frame, uint64_t arguments, uint64_t cfa)
{
    struct segment *segment = map(running->innermost, frame + arguments + 64 + 64);
    if (!segment) __builtin_trap();
    segment->stub_frame = cfa - 16;
    running->innermost = segment;
    uint64_t base = (uint64_t)segment - arguments;
    base -= (base - cfa) & 63;
#ifdef EXAMPLE_FORGETS_ARGUMENTS
    // The defect that example-broken has: the last word of more than one stays where it was.
    if (arguments > 8) arguments -= 8;
#endif
    for (uint64_t i = 0; i < arguments / 8; i++) ((uint64_t *)base)[i] = ((uint64_t *)cfa)[i];
    set_limit(limit_of(segment));
    return base;
}

void example_shrink(void)
{
    struct segment *segment = running->innermost;
    running->innermost = segment->parent;
    set_limit(limit_of(segment->parent));
    unmap(segment);
}

uint64_t hsf_fiber_open(void *memory, uint64_t bytes)
{
    struct fiber *fiber = memory;
    fiber->innermost = map(0, bytes);
    return (uint64_t)fiber->innermost & ~(uint64_t)15;
}

void hsf_fiber_close(void *memory)
{
    struct fiber *fiber = memory;
    while (fiber->innermost) {
        struct segment *segment = fiber->innermost;
        fiber->innermost = segment->parent;
        unmap(segment);
    }
}

// The limit that the fiber left behind goes with it: the last word of what it may keep.
static uint64_t *kept_limit(void *memory) { return (uint64_t *)memory + HSF_FIBER_BYTES / 8 - 1; }

void hsf_fiber_enter(void *memory)
{
    running = memory;
    system_limit = get_limit();
    set_limit(*kept_limit(memory) ? *kept_limit(memory) : limit_of(running->innermost));
}

void hsf_fiber_leave(void *memory)
{
    *kept_limit(memory) = get_limit();
    set_limit(system_limit);
    running = 0;
}

uint64_t hsf_fiber_segments(const void *memory, struct hsf_segment *into, uint64_t capacity)
{
    uint64_t count = 0;
    for (struct segment *segment = ((const struct fiber *)memory)->innermost; segment; segment = segment->parent) {
        if (count < capacity) into[count] = (struct hsf_segment){ segment->low, (uint64_t)segment, segment->stub_frame };
        count++;
    }
    return count;
}

uint64_t hsf_fiber_limit(const void *memory, uint64_t *slack)
{
    *slack = 0;
    return limit_of(((const struct fiber *)memory)->innermost);
}

#pragma clang attribute pop
