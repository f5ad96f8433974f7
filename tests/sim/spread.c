// spread.c -- goroutines are queued beside one that computes and keeps its core: another core runs them, even if it was just about to
// sleep when they came.
#include "case.h"
#include "rt/plat.h"

static AtomicInt32 ran;

static void other(void *unused) { atomic_int32_add(&ran, 1); }

int main(void) {
    sched_set_slice(SECOND);
    sim_begin(0);
    for (int i = 1; i <= 2; i++) {
        go(other, NULL);
        go(other, NULL);
        while (atomic_int32_load(&ran) != 2 * i && cpu_count() > 1)
            plat_spin(0); // others first, or they would hardly get on
    }
    return 0;
}
