// retry.c -- a device answers when a door has made its last check, and the caller then computes: only the interrupt's retry
// lets the goroutine run that waits for the device, since its core has no tick.
#include "case.h"
#include "rt/sched.h"

static G *waiter;
static volatile bool woken;

RUNTIME_TEXT static void interrupt(void *unused) { rt_irq_ready(waiter); }

RUNTIME_TEXT static void park(void) {
    waiter = g_self();
    g_park(WAIT_PARK, NULL);
}

RUNTIME_TEXT static void door(void) {
    RT_DOOR();
    sim_device(0, interrupt, NULL); // too late
    sim_point();
}

static void wait_for_device(void *unused) {
    park();
    woken = true;
}

int main(void) {
    gomaxprocs(1);
    sched_set_slice(1000000);
    sched.external = 1; // the device: no deadlock while it may answer
    sim_begin(0);
    go(wait_for_device, NULL);
    while (!waiter)
        gosched();
    while (rt_ps[0]->slice_armed) // nobody else waits for the core: its tick ends
        sim_point();
    door();
    while (!woken)
        sim_point();
    return 0;
}
