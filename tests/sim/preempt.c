// preempt.c -- goroutines that compute without calling anything are taken off when their slice is over, wherever they are.
#include "case.h"

static AtomicBool stop;
static WaitGroup all;

static void spinner(void *unused) {
    while (!atomic_bool_load(&stop))
        sim_point();
    waitgroup_done(&all);
}

int main(void) {
    sched_set_slice(50000);
    sim_begin(SIM_TIME);
    waitgroup_add(&all, 2);
    go(spinner, NULL);
    go(spinner, NULL);
    gosched();
    time_sleep(2000);
    atomic_bool_store(&stop, true);
    waitgroup_wait(&all);
    return 0;
}
