// t_gc_stop.c -- call-free loops on every core do not hold up a stop: cores come to it out of the middle of the loop (or out of marking), every
// stop counts all cores, and each loop goes on where it was.
//
// smp: 2 4
#include "metal.h"
#include "rt/gcrun.h"

enum { CYCLES = 30 };
static _Atomic int stop;
static _Atomic int running;

typedef struct Spin {
    uint64_t turns, sum;
} Spin;

// Two values that agree only if no turn was lost or done twice.
static void spin(void *arg) {
    Spin *s = arg;
    uint64_t turns = 0, sum = 0;
    fetch_add(&running, 1);
    while (!load_relaxed(&stop)) {
        turns++;
        sum += turns;
        __asm__ volatile("" : "+r"(turns), "+r"(sum));
    }
    s->turns = turns;
    s->sum = sum;
    fetch_add(&running, -1);
}

int main(void) {
    static Spin spins[PLAT_MAX_CPUS];
    int n = cpu_count();
    for (int i = 0; i < n; i++)
        go(spin, &spins[i]);
    check_true("all loops have begun", WAIT_UNTIL(load_relaxed(&running) == n, 20));
    uint64_t before[STOP_WAYS], came = 0, total = 0;
    for (int w = 0; w < STOP_WAYS; w++)
        before[w] = stop_sums.ways[w];
    uint64_t stops = stop_sums.n[STOP_FOR_MARKING] + stop_sums.n[STOP_FOR_END];
    for (int i = 0; i < CYCLES; i++)
        gc_collect();
    stops = stop_sums.n[STOP_FOR_MARKING] + stop_sums.n[STOP_FOR_END] - stops;
    store_relaxed(&stop, 1);
    for (int w = 0; w < STOP_WAYS; w++) {
        uint64_t k = stop_sums.ways[w] - before[w];
        say("%s: %lu\n", stop_way_names[w], k);
        total += k;
        if (w == STOP_ASYNC || w == STOP_WORKER) came += k;
    }
    check_at_least("stops", (int64_t)stops, 2 * CYCLES);
    check_equal("cores that came", (int64_t)total, (int64_t)stops * (n - 1));
    check_at_least("out of loops and marking", (int64_t)came, (int64_t)total / 2);
    check_equal("at a call, where there is none", (int64_t)(stop_sums.ways[STOP_CALL] - before[STOP_CALL]), 0);
    check_true("all loops have ended", WAIT_UNTIL(load_relaxed(&running) == 0, 20));
    for (int i = 0; i < n; i++)
        CHECK_QUIETLY(spins[i].sum == spins[i].turns * (spins[i].turns + 1) / 2 || spins[i].turns >> 32);
    return check_end("t_gc_stop");
}
