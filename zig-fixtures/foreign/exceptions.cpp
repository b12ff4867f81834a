// C++ code in chains C++ → Zig → C++: throws, catches, destroys.
#include <cstdint>

extern "C" uint32_t foreign_state_wrong(void);

typedef void (*callback)(void *);

// Destructors that ran, wrong states seen.
extern "C" { uint32_t foreign_destroyed, foreign_cxx_failures; }

static void check() {
    if (foreign_state_wrong() != 0) foreign_cxx_failures++;
}

namespace {
struct Thrown {
    uint64_t number;
    explicit Thrown(uint64_t n) : number(n) {}
    virtual ~Thrown() {}
};
struct Special : Thrown {
    explicit Special(uint64_t n) : Thrown(n) {}
};

// Checks a local of the frame that is unwound, too.
struct Local {
    volatile uint64_t words[40];
    uint64_t number;
    explicit Local(uint64_t n) : number(n) {
        for (unsigned i = 0; i < 40; i++) words[i] = n * 31 + i;
    }
    ~Local() {
        check();
        for (unsigned i = 0; i < 40; i++)
            if (words[i] != number * 31 + i) foreign_cxx_failures++;
        foreign_destroyed++;
    }
};
}

extern "C" void foreign_throw(uint64_t number, uint32_t kind) {
    check();
    Local local(number);
    switch (kind) {
        case 0: throw Thrown(number);
        case 1: throw Special(number);
        default: throw (int)number;
    }
}

// Calls f(context) and gives what it threw, times 10 and with a digit for how it was caught; 0: nothing.
extern "C" uint64_t foreign_try(callback f, void *context) {
    Local local(11);
    try {
        f(context);
    } catch (Special &special) {
        check();
        return special.number * 10 + 2;
    } catch (Thrown &thrown) {
        check();
        return thrown.number * 10 + 1;
    } catch (int number) {
        check();
        return (uint64_t)number * 10 + 3;
    }
    check();
    return 0;
}

// Lets an exception through, once it has called back in its handler and in a destructor.
extern "C" void foreign_pass(callback f, callback in_handler, void *context) {
    Local local(23);
    try {
        f(context);
    } catch (Special &) {
        check();
        in_handler(context);
        check();
        throw;
    }
}

extern "C" uint32_t foreign_repeat(callback f, void *context, uint32_t times) {
    uint32_t caught = 0;
    for (uint32_t i = 0; i < times; i++) {
        try {
            f(context);
        } catch (Thrown &thrown) {
            check();
            caught += thrown.number == 5;
        }
    }
    return caught;
}

// Handles `number`, lets `f` wait inside the handler, and says which exception it then handles.
extern "C" uint64_t foreign_handle_long(callback f, void *context, uint64_t number) {
    try {
        try {
            throw Thrown(number);
        } catch (Thrown &) {
            f(context);
            throw;
        }
    } catch (Thrown &thrown) {
        return thrown.number;
    }
}

// ── Thread-local objects ─────────────────────────────────────────────────────────────────────────────────────────

static callback at_exit;
static void *at_exit_context;

namespace {
struct AtExit {
    uint32_t used = 0;
    ~AtExit() {
        check();
        at_exit(at_exit_context);
        check();
    }
};
}
static thread_local AtExit at_thread_exit;

// The calling thread's object exists from here on; its destructor calls f(context).
extern "C" uint32_t foreign_thread_local(callback f, void *context) {
    at_exit = f;
    at_exit_context = context;
    return ++at_thread_exit.used;
}
