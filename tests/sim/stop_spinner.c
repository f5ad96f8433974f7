// stop_spinner.c -- the world stops although another core computes without a call and has no tick: the stopper's request takes the
// goroutine off where it stands.
#include "case.h"
#include "rt/plat.h"

static AtomicBool running, stop;
static WaitGroup all;

static void spinner(void *unused) {
    atomic_bool_store(&running, true);
    while (!atomic_bool_load(&stop))
        sim_point();
    waitgroup_done(&all);
}

int main(void) {
    sched_set_slice(SECOND);
    sim_begin(0);
    if (cpu_count() == 1) return 0;
    waitgroup_add(&all, 1);
    go(spinner, NULL);
    while (!atomic_bool_load(&running))
        plat_spin(0);
    gomaxprocs(1);
    gomaxprocs(2);
    atomic_bool_store(&stop, true);
    waitgroup_wait(&all);
    return 0;
}
