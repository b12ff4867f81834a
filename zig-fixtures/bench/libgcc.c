// libgcc's split-stack runtime under the same machine code: the attribute route's object of unit.zig, linked by gcc, whose __morestack it
// then calls. Usage: MEASURE COUNT [unblocked]; the last asks libgcc not to block signals around every split.
// Keep in step with kit.zig (workloads, edge, turns and their places, report).

#define _GNU_SOURCE
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef uint64_t (*workload)(uint64_t, uint64_t);
struct workloads { workload hot, deep, shallow, fib, calls; };
extern const struct workloads bench_split;

extern void __splitstack_block_signals(int *new_value, int *old_value);

enum { edge_bytes = 2048, edge_levels_max = 4096, turns = 8 };

static volatile uint64_t sink;

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return time.tv_sec * 1e9 + time.tv_nsec;
}

static double timed(workload f, uint64_t a, uint64_t b, uint64_t units)
{
    double began = now();
    sink = f(a, b);
    return (now() - began) / units;
}

static void go(const cpu_set_t *allowed, int turn)
{
    int first = -1, last = 0;
    for (int number = 0; number < CPU_SETSIZE; number++) {
        if (!CPU_ISSET(number, allowed)) continue;
        if (first < 0) first = number;
        last = number;
    }
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(turn % 2 == 0 ? first : last, &set);
    sched_setaffinity(0, sizeof set, &set);
}

static double least(workload f, uint64_t a, uint64_t b, uint64_t units)
{
    double best = 1e300;
    cpu_set_t allowed;
    sched_getaffinity(0, sizeof allowed, &allowed);
    for (int turn = 0; turn < turns; turn++) {
        go(&allowed, turn);
        double next = timed(f, a, b, units);
        if (next < best) best = next;
    }
    sched_setaffinity(0, sizeof allowed, &allowed);
    return best;
}

static uint64_t edge(void)
{
    uint64_t levels = 0;
    while (levels < edge_levels_max && bench_split.hot(levels, 1) <= edge_bytes) levels++;
    return levels;
}

static void hot(uint64_t count)
{
    edge(); // it moves when something has returned over it
    uint64_t levels = edge();
    if (levels == edge_levels_max) {
        fputs("no call crosses a segment's edge\n", stderr);
        exit(1);
    }
    printf("hot.split %.4f\n", least(bench_split.hot, levels, count, count));
    printf("hot.in_place %.4f\n", least(bench_split.hot, 0, count, count));
}

static void deep(uint64_t levels)
{
    printf("deep.first %.4f\n", timed(bench_split.deep, levels, 0, levels));
    printf("deep.warm %.4f\n", least(bench_split.deep, levels, 0, levels));
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        fputs("usage: MEASURE COUNT [unblocked]\n", stderr);
        return 1;
    }
    if (argc > 3 && strcmp(argv[3], "unblocked") == 0) {
        int block = 0;
        __splitstack_block_signals(&block, NULL);
    }
    uint64_t count = strtoull(argv[2], NULL, 10);
    if (strcmp(argv[1], "hot") == 0) hot(count);
    else if (strcmp(argv[1], "deep") == 0) deep(count);
    else {
        fprintf(stderr, "there is no measure %s here\n", argv[1]);
        return 1;
    }
    return 0;
}
