// fair.c -- on one core, two goroutines that wake each other all the time share one slice: a third has its turn.
#include "case.h"

static chan(int) there, back;
static volatile bool stop;

static void other(void *unused) {
    for (;;)
        chan_send(back, chan_recv(there));
}
static void third(void *unused) { stop = true; }

int main(void) {
    gomaxprocs(1);
    sched_set_slice(1000000);
    there = chan_make(int, 0);
    back = chan_make(int, 0);
    sim_begin(0);
    go(third, NULL);
    go(other, NULL); // next; the third waits in the ring
    for (int i = 0; !stop; i++) {
        chan_send(there, i);
        CHECK(chan_recv(back) == i);
    }
    return 0;
}
