// timer.c -- stopping a timer races with its firing, and a sleeper with both: stopped means that it does not fire.
#include "case.h"

static AtomicInt32 fired;
static Timer *t;
static chan(int) done;

static void fire(void *unused) { atomic_int32_add(&fired, 1); }

static void stopper(void *unused) {
    int stopped = timer_stop(t);
    time_sleep(1000);
    if (stopped) CHECK(atomic_int32_load(&fired) == 0);
    chan_send(done, stopped);
}

int main(void) {
    done = chan_make(int, 0);
    sim_begin(SIM_TIME);
    t = timer_func(500, fire, NULL);
    go(stopper, NULL);
    time_sleep(700);
    int stopped = chan_recv(done);
    while (!stopped && atomic_int32_load(&fired) == 0) // its goroutine is on the way
        time_sleep(100);
    CHECK(atomic_int32_load(&fired) == !stopped);
    return 0;
}
