// arm.c -- a device answers while the scheduler programs the timer: the retry that the interrupt has armed is neither overwritten nor
// forgotten, and lets the goroutine run that waits for the device, although the other one computes and its core has no tick.
#include "case.h"
#include "rt/sched.h"

enum { ROUNDS = 3 };
static G *waiter, *asked;
static volatile int woken;

static void fire(void *unused) {}
RUNTIME_TEXT static void interrupt(void *unused) { rt_irq_ready(asked); }

RUNTIME_TEXT static void park(void) {
    waiter = g_self();
    g_park(WAIT_PARK, NULL);
}
static void wait_for_device(void *unused) {
    for (;;) {
        park();
        woken++;
    }
}

// The scheduler takes us off and, as nobody else is there, on again; on its way it programs the timer for the later deadline.
RUNTIME_TEXT static void ask_and_yield(void) {
    asked = waiter;
    waiter = NULL;
    sim_device(0, interrupt, NULL);
    g_yield();
}

int main(void) {
    gomaxprocs(1);
    sched_set_slice(1000000);
    sched.external = 1; // the device: no deadlock while it may answer
    Timer *later = timer_func(10 * SECOND, fire, NULL);
    sim_begin(0);
    go(wait_for_device, NULL);
    for (int i = 0; i < ROUNDS; i++) {
        while (!waiter)
            gosched();
        while (rt_ps[0]->slice_armed) // nobody else waits for the core: its tick ends
            sim_point();
        timer_reset(later, 10 * SECOND);
        timer_stop(timer_func(5 * SECOND, fire, NULL)); // the machine's timer is set to this one still
        ask_and_yield();
        while (woken == i)
            sim_point();
    }
    return 0;
}
