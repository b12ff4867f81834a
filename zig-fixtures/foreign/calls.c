// C code that calls back: it knows nothing of segments, and keeps a local array whose bytes it checks after each callback.
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

uint32_t foreign_state_wrong(void);

typedef void (*callback)(void *);

// Wrong states and damaged locals that C code saw, for the program to look at.
uint32_t foreign_c_failures;

static void check(void) {
    if (foreign_state_wrong() != 0) foreign_c_failures++;
}

void foreign_touch(const void *pointer) { (void)pointer; }

// Needs `bytes` of stack itself (a multiple of 8), all of which it writes.
uint64_t foreign_fill(uint32_t bytes) {
    volatile uint64_t local[bytes / 8];
    uint64_t sum = 0;
    for (uint32_t i = 0; i < bytes / 8; i++) local[i] = i * 7;
    for (uint32_t i = 0; i < bytes / 8; i++) sum += local[i];
    check();
    return sum;
}

void foreign_apply(callback f, void *context) {
    volatile unsigned char local[700];
    for (unsigned i = 0; i < sizeof local; i++) local[i] = (unsigned char)(i ^ 0x5a);
    check();
    f(context);
    check();
    for (unsigned i = 0; i < sizeof local; i++)
        if (local[i] != (unsigned char)(i ^ 0x5a)) foreign_c_failures++;
}

typedef uint64_t (*many_callback)(double, float, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t);

// Arguments on the stack.
uint64_t foreign_many(many_callback f, uint64_t x) {
    return f(8.5, 9.25F, x, x + 1, x + 2, x + 3, x + 4, x + 5, x + 6, x + 7, x + 10) + 1;
}

// kinds: 'i' int, 'l' long long, 'd' double, 'D' long double, 's' string.
double foreign_mixed(const char *kinds, ...) {
    va_list list;
    va_start(list, kinds);
    double sum = 0;
    for (; *kinds; kinds++) switch (*kinds) {
        case 'i': sum += va_arg(list, int); break;
        case 'l': sum += (double)va_arg(list, long long); break;
        case 'd': sum += va_arg(list, double); break;
        case 'D': sum += (double)va_arg(list, long double); break;
        case 's': sum += (double)strlen(va_arg(list, const char *)); break;
    }
    va_end(list);
    check();
    return sum;
}

// ── Jumps ────────────────────────────────────────────────────────────────────────────────────────────────────────

struct jump {
    sigjmp_buf target;
    void *builtin[5];
    uint32_t kind;
};

_Noreturn void __longjmp_chk(struct __jmp_buf_tag[1], int);

_Noreturn void foreign_jump(struct jump *jump) {
    check();
    switch (jump->kind) {
        case 0: longjmp(jump->target, 7);
        case 1: siglongjmp(jump->target, 7);
        case 2: __longjmp_chk(jump->target, 7);
        default: __builtin_longjmp(jump->builtin, 1);
    }
}

// Calls f(context), which may end in foreign_jump. How often it did, of `times`; `blocked` shows what signal mask is left.
uint32_t foreign_land(struct jump *jump, callback f, void *context, uint32_t times) {
    volatile uint32_t landed = 0, done = 0;
    volatile unsigned char local[300];
    memset((void *)local, 0x3c, sizeof local);
    while (done < times) {
        done++;
        int got = sigsetjmp(jump->target, jump->kind == 1);
        if (got == 0) {
            f(context);
        } else {
            check();
            if (got != 7) foreign_c_failures++;
            landed++;
        }
        for (unsigned i = 0; i < sizeof local; i++)
            if (local[i] != 0x3c) foreign_c_failures++;
    }
    return landed;
}

// The same with the compiler's own jump, which no library sees. The code that lands says so to the runtime, before it calls back.
uint64_t hs_fiber_realign(void);

uint32_t foreign_land_unseen(struct jump *jump, callback f, void *context, callback landed_at) {
    jump->kind = 3;
    if (__builtin_setjmp(jump->builtin) == 0) {
        f(context);
        return 0;
    }
    if (hs_fiber_realign() == 0) foreign_c_failures++;
    check();
    landed_at(0);
    check();
    return 1;
}

// A jump target that lies outside any fiber.
uint32_t foreign_mark(struct jump *jump) { return (uint32_t)sigsetjmp(jump->target, 0); }

// 1: SIGUSR1 is blocked.
uint32_t foreign_signal_blocked(void) {
    sigset_t now;
    pthread_sigmask(SIG_BLOCK, 0, &now);
    return (uint32_t)sigismember(&now, SIGUSR1);
}

void foreign_signal_block(uint32_t how) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    pthread_sigmask(how ? SIG_BLOCK : SIG_UNBLOCK, &set, 0);
}

// A target in the caller's memory; null: too little of it.
struct jump *foreign_jump_init(void *memory, size_t bytes, uint32_t kind) {
    struct jump *jump = memory;
    if (bytes < sizeof *jump) return 0;
    jump->kind = kind;
    return jump;
}
