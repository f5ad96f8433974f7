// t_sleepspin.c -- a sleeper wakes on time beside a goroutine that never calls anything, on a core with
// nothing else to do.
//
// The spinner is alone on its core but for the sleeper, so no slice tick helps: the sleeper's own deadline
// must take the core. A tick that comes while the core is between two goroutines must not be forgotten; many
// short sleeps hit those moments.
//
// smp: 2
#include "metal.h"

static _Atomic bool stop;
static _Atomic int ended;
static volatile uint64_t turns;

static void spin(void *unused) {
    while (!load_relaxed(&stop))
        turns++;
    fetch_add(&ended, 1);
}

int main(int argc, char **argv) {
    long sleeps = arg_number(argc, argv, 1, 10000);
    gomaxprocs(1);
    sched_set_slice(10 * SECOND);
    go(spin, NULL);
    int64_t start = time_now_ns(), latest = 0;
    for (long i = 0; i < sleeps && time_now_ns() - start < 60 * SECOND; i++) {
        int64_t before = time_now_ns(), ns = (i * 37 % 100) * MICROSECOND / 2;
        time_sleep(ns);
        int64_t late = time_now_ns() - before - ns;
        if (late > latest) latest = late;
    }
    check_at_most("latest wake-up, ns", latest,
                  5 * SECOND); // half a slice: an emulator's core may stand still for long
    check_at_least("turns of the spinner", (int64_t)turns, 1);
    store_seq(&stop, true);
    check_true("the spinner ends when told", WAIT_UNTIL(load_seq(&ended) == 1, 30));
    return check_end("t_sleepspin");
}
