// t_pin.c -- a pinned goroutine runs on its core and nowhere else.
//
// smp: 4
#include "metal.h"

static WaitGroup all;
static _Atomic bool stop;
static _Atomic uint64_t background;
static uint64_t rounds[PLAT_MAX_CPUS];

static void pinned(void *arg) {
    int core = (int)(intptr_t)arg;
    CHECK_QUIETLY(goroutine_pin(core));
    chan(int) own = chan_make(int, 1);
    for (int i = 0; i < 300; i++) {
        CHECK_QUIETLY(core_id() == core);
        gosched();
        CHECK_QUIETLY(core_id() == core);
        chan_send(own, i);
        CHECK_QUIETLY(chan_recv(own) == i);
        if (i % 30 == 0) time_sleep(100 * MICROSECOND);
        for (volatile int k = 0; k < 20000; k++) {
        }
        CHECK_QUIETLY(core_id() == core);
        __atomic_fetch_add(&rounds[core], 1, __ATOMIC_RELAXED);
    }
    waitgroup_done(&all);
}
static void spin(void *unused) { // somebody to be preempted by, and to compete with
    while (!load_relaxed(&stop))
        fetch_add(&background, 1);
    waitgroup_done(&all);
}
static void wander(void *unused) { // pins itself here and there
    for (int i = 0; i < 500; i++) {
        int core = i % gomaxprocs(0);
        CHECK_QUIETLY(goroutine_pin(core));
        CHECK_QUIETLY(core_id() == core);
    }
    CHECK_QUIETLY(goroutine_pin(-1));
    waitgroup_done(&all);
}

int main(int argc, char **argv) {
    int cores = gomaxprocs(0), per_core = 3;
    sched_set_slice(500 * MICROSECOND);
    waitgroup_add(&all, cores * per_core + 2);
    for (int i = 0; i < cores; i++)
        for (int k = 0; k < per_core; k++)
            go(pinned, (void *)(intptr_t)i);
    go(wander, NULL);
    go(wander, NULL);
    waitgroup_wait(&all);
    for (int i = 0; i < cores; i++)
        check_equal("rounds on a core", (int64_t)rounds[i], per_core * 300);
    waitgroup_add(&all, cores);
    for (int i = 0; i < cores; i++)
        go(spin, NULL);
    waitgroup_add(&all, cores);
    for (int i = 0; i < cores; i++)
        go(pinned, (void *)(intptr_t)i);
    check_true("pinned goroutines beside spinners progress",
               WAIT_UNTIL(({
                              bool done = true;
                              for (int i = 0; i < cores; i++)
                                  done = done && __atomic_load_n(&rounds[i], __ATOMIC_RELAXED) >=
                                                     (uint64_t)(per_core + 1) * 300;
                              done;
                          }),
                          60));
    store_seq(&stop, true);
    waitgroup_wait(&all);
    check_true("no such core is refused", !goroutine_pin(cpu_count()));
    check_true("release works when not pinned", goroutine_pin(-1));
    return check_end("t_pin");
}
