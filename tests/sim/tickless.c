// tickless.c -- one core is owned by a goroutine, the other computes and has no tick since nobody waits. What the owner starts
// goes to the global queue, and the computing core must come to look there.
#include "case.h"
#include "rt/plat.h"
#include "rt/sched.h"

static AtomicBool running, stop;
static WaitGroup all;

static void spinner(void *unused) {
    atomic_bool_store(&running, true);
    while (!atomic_bool_load(&stop))
        sim_point();
    waitgroup_done(&all);
}
static void other(void *unused) {
    atomic_bool_store(&stop, true);
    waitgroup_done(&all);
}

int main(void) {
    gomaxprocs(2);
    sched_set_slice(1000000);
    sim_begin(0);
    if (cpu_count() == 1) return 0;
    CHECK(goroutine_own_core(true));
    waitgroup_add(&all, 2);
    go(spinner, NULL);
    while (!atomic_bool_load(&running))
        plat_spin(0);
    go(other, NULL);
    waitgroup_wait(&all);
    goroutine_own_core(false);
    return 0;
}
