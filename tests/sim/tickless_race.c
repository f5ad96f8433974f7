// tickless_race.c -- as tickless, but what the owner starts comes to the global queue just when the other core's tick finds nobody waiting
// and ends: the owner still sees a core with a tick, so it is the tick that must look again.
#include "case.h"
#include "rt/plat.h"
#include "rt/sched.h"

enum { ROUNDS = 4, LEAD_NS = 500 }; // about what `go` takes until it queues
static AtomicBool running, stop;
static AtomicInt32 ran;

static void spinner(void *unused) {
    atomic_bool_store(&running, true);
    while (!atomic_bool_load(&stop))
        sim_point();
}
static void other(void *unused) { atomic_int32_add(&ran, 1); }

int main(void) {
    gomaxprocs(2);
    sched_set_slice(40000);
    sim_begin(0);
    if (cpu_count() == 1) return 0;
    CHECK(goroutine_own_core(true));
    const P *p = rt_ps[1 - core_id()];
    go(spinner, NULL);
    while (!atomic_bool_load(&running))
        plat_spin(0);
    for (int i = 0; i < ROUNDS; i++) {
        while (hint_load(&p->slice_armed) && plat_now_ns() + LEAD_NS < p->slice_end)
            sim_point();
        go(other, NULL);
        while (atomic_int32_load(&ran) == i)
            plat_spin(0);
    }
    atomic_bool_store(&stop, true);
    goroutine_own_core(false);
    return 0;
}
