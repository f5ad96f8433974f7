// inbox.c -- interrupts of a core ready goroutines that wait for them there, while the core goes idle or is still parking them.
#include "case.h"
#include "rt/sched.h"

RUNTIME_TEXT static void interrupt(void *g) { rt_irq_ready(g); }

// The goroutine is not taken off between its request to the device and its park: runtime text. The interrupt comes to the same
// core, at any point from the request on; the inbox is looked at when the park is complete.
RUNTIME_TEXT static void wait_for_device(void) {
    sim_device(core_id(), interrupt, g_self());
    g_park(WAIT_PARK, NULL);
    RT_DOOR();
}

static chan(int) done;

static void other(void *unused) {
    wait_for_device();
    chan_send(done, 1);
}

int main(void) {
    done = chan_make(int, 0);
    sched.external = 1; // the device: no deadlock while it may answer
    sim_begin(0);
    go(other, NULL);
    wait_for_device();
    wait_for_device();
    CHECK(chan_recv(done) == 1);
    return 0;
}
