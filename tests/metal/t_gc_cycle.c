// t_gc_cycle.c -- cycles of the collector beside everything else the scheduler does: call-free loops, sleepers, pinned goroutines, changing
// cores. Cycles end, one after the other, and nothing stands still.
//
// smp: 1 2 4
// expect: cycles: ok
#include "check.h"

static AtomicInt32 stop;
static AtomicInt64 turns[4];

static void spinner(void *arg) {
    int64_t n = 0;
    while (!atomic_int32_load(&stop)) n++;
    atomic_int64_add(&turns[0], n);
}
static void sleeper(void *arg) {
    while (!atomic_int32_load(&stop)) {
        time_sleep(50 * MICROSECOND);
        atomic_int64_add(&turns[1], 1);
    }
}
static void pinned(void *arg) {
    goroutine_pin((int)(intptr_t)arg);
    while (!atomic_int32_load(&stop)) {
        gosched();
        atomic_int64_add(&turns[2], 1);
    }
}
static void changer(void *arg) {
    for (int i = 0; !atomic_int32_load(&stop); i++) {
        gomaxprocs(i % 2 ? cpu_count() : (cpu_count() + 1) / 2);
        if (goroutine_own_core(true)) goroutine_own_core(false);
        atomic_int64_add(&turns[3], 1);
        time_sleep(100 * MICROSECOND);
    }
}
static void collector(void *arg) {
    for (int i = 0; i < 20; i++)
        gc_collect();
    waitgroup_done(arg);
}

int main(void) {
    static WaitGroup done;
    for (int i = 0; i < 5; i++)
        gc_collect();
    for (int i = 0; i < cpu_count(); i++)
        go(spinner, NULL);
    go(sleeper, NULL);
    go(pinned, (void *)(intptr_t)(cpu_count() / 2));
    go(changer, NULL);
    waitgroup_add(&done, 2);
    go(collector, &done);
    go(collector, &done);
    waitgroup_wait(&done);
    for (int i = 1; i < 4; i++)
        while (atomic_int64_load(&turns[i]) == 0)
            gc_collect();
    atomic_int32_store(&stop, 1);
    println("cycles: %s", atomic_int32_load(&failures) ? "failed" : "ok");
    return atomic_int32_load(&failures) != 0;
}
