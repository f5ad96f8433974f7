// t_highfair.c -- a goroutine of high priority that wakes more often than slices end does not let one of two goroutines that only calculate keep the core for ever.
// smp: 1
// timeout: 120
#include "metal.h"

enum { CHANGES = 4, WAKES = 3000 };
static _Atomic int stop;
static _Atomic uint64_t last, changes, wakes;
static chan(int) over;

static void calculate(void *arg) {
    while (!load_relaxed(&stop)) {
        if (load_relaxed(&last) == (uint64_t)arg) continue;
        store_relaxed(&last, (uint64_t)arg);
        fetch_add(&changes, 1);
    }
}

static void often(void *arg) {
    goroutine_priority(PRIORITY_HIGH);
    while (load_relaxed(&changes) < CHANGES && fetch_add(&wakes, 1) < WAKES)
        time_sleep(MILLISECOND);
    store_relaxed(&stop, 1);
    chan_send(over, 1);
}

int main(int argc, char **argv) {
    over = chan_make(int, 1);
    go(often, NULL);
    gosched();
    go(calculate, (void *)1);
    go(calculate, (void *)2);
    chan_recv(over); // sleeping, it would take the place in front from whoever was interrupted
    say("%lu wakes\n", load_relaxed(&wakes));
    check_at_least("the two have taken turns", (int64_t)load_relaxed(&changes), CHANGES);
    return check_end("t_highfair");
}
