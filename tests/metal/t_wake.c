// t_wake.c -- a core that was woken on its way to sleep does not sleep.
//
// The runtime looks at its queues, then calls plat_idle; whoever queues work in between sets p->wake. The
// window is a few instructions, so it is played here: p->wake is set, then plat_idle called, on a core that
// no timer and nobody else wakes.
#include "metal.h"

#define ROUNDS 100

static _Atomic int rounds;

static ON_SYSTEM_STACK void sleep_after_wake(void *unused) {
    P *p = p_self();
    fetch_or(&p->wake, WAKE_LOOK);
    plat_idle(p);
    store_relaxed(&p->wake, 0);
}

static void sleeper(void *unused) {
    CHECK_QUIETLY(goroutine_pin(1));
    while (load_relaxed(&rounds) < ROUNDS) {
        sys_call(sleep_after_wake, NULL);
        fetch_add(&rounds, 1);
    }
}

int main(void) {
    check_true("main stays on core 0", goroutine_pin(0));
    go(sleeper, NULL);
    check_true("every sleep ends at once", WAIT_UNTIL(load_relaxed(&rounds) == ROUNDS, 3));
    return check_end("t_wake");
}
