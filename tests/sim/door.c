// door.c -- on one core, a loop that interrupts meet only inside of the runtime gives way to another goroutine at its door.
//
// The flag is no atomic: so the loop's own text has no point, and no interrupt can take the goroutine off there.
#include "case.h"

static chan(int) empty;
static volatile bool stop;

static void other(void *unused) { stop = true; }

int main(void) {
    gomaxprocs(1);
    sched_set_slice(1000000);
    empty = chan_make(int, 1);
    sim_begin(0);
    go(other, NULL);
    int v;
    while (!stop)
        CHECK(!chan_try_recv(empty, &v, (bool *)0));
    return 0;
}
