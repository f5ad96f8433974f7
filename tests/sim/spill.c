// spill.c -- a core's ring is full when another core comes to steal from it: of the half that goes to the global queue and the half that
// is stolen, each goroutine runs once.
#include "case.h"

enum { FULL = 256, MORE = 3 };
static AtomicInt32 ran[FULL + MORE];
static WaitGroup all;

static void leaf(void *arg) {
    CHECK(atomic_int32_add(arg, 1) == 1);
    waitgroup_done(&all);
}

int main(void) {
    int cores = cpu_count();
    sched_set_slice(SECOND);
    gomaxprocs(1);
    waitgroup_add(&all, FULL + MORE);
    for (int i = 0; i < FULL; i++)
        go(leaf, &ran[i]);
    sim_begin(0);
    gomaxprocs(cores);
    for (int i = FULL; i < FULL + MORE; i++)
        go(leaf, &ran[i]);
    waitgroup_wait(&all);
    for (int i = 0; i < FULL + MORE; i++)
        CHECK(atomic_int32_load(&ran[i]) == 1);
    return 0;
}
