// fair_sleep.c -- on one core, a goroutine sleeps so shortly that it is due again before it has parked: another, which is ready,
// has its turn when the slice is over, although the slice's end may come when the sleeper is on its way to sleep.
#include "case.h"

static volatile bool stop;

static void other(void *unused) { stop = true; }

int main(void) {
    gomaxprocs(1);
    sched_set_slice(20000);
    sim_begin(0);
    go(other, NULL);
    while (!stop)
        time_sleep(20);
    return 0;
}
