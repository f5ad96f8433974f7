// handover.c -- two goroutines are queued while one woken core searches: it finds the first and hands the search on, so a second
// core comes for the other, although both goroutines and the one that made them keep their cores.
#include "case.h"

enum { N = 2 };
static AtomicInt32 ran;

static void other(void *unused) {
    atomic_int32_add(&ran, 1);
    while (atomic_int32_load(&ran) < N)
        sim_point();
}

int main(void) {
    sched_set_slice(SECOND);
    sim_begin(0);
    if (cpu_count() < N + 1) return 0;
    for (int i = 0; i < N; i++)
        go(other, NULL);
    while (atomic_int32_load(&ran) < N)
        sim_point();
    return 0;
}
