// spares.c -- one core, more goroutines that compute than a core keeps spare contexts: each preempted one holds a context, and there is
// always one more.
#include "case.h"

enum { N = 4 };
static AtomicInt32 running;

static void spinner(void *unused) {
    atomic_int32_add(&running, 1);
    for (;;)
        sim_point();
}

int main(void) {
    gomaxprocs(1);
    sched_set_slice(1000000);
    sim_begin(0);
    for (int i = 0; i < N; i++)
        go(spinner, NULL);
    while (atomic_int32_load(&running) < N)
        sim_point();
    return 0;
}
