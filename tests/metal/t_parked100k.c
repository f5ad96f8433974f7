// t_parked100k.c -- 100,000 parked goroutines in a small machine, and all the memory back after them.
//
// smp: 2
// mem: 512M
#include "metal.h"

static chan(int) gate;
static WaitGroup all;
static _Atomic int64_t waiting, passed;

static void wait_at_gate(void *unused) {
    fetch_add(&waiting, 1);
    int v;
    CHECK_QUIETLY(!chan_recv_ok(gate, &v));
    fetch_add(&passed, 1);
    waitgroup_done(&all);
}

int main(int argc, char **argv) {
    long n = arg_number(argc, argv, 1, 100000);
    for (int round = 0; round < 2; round++) {
        store_seq(&waiting, 0);
        store_seq(&passed, 0);
        gate = chan_make(int, 0);
        PageStats before = pages_now();
        waitgroup_add(&all, (int)n);
        for (long i = 0; i < n; i++)
            go(wait_at_gate, NULL);
        check_true("all have arrived", WAIT_UNTIL(load_seq(&waiting) == n, 120));
        time_sleep(20 * MILLISECOND); // the last ones park
        PageStats during = pages_now();
        check_equal("goroutines", goroutine_count(), n + 1);
        say("%s: %lu bytes per parked goroutine\n", round ? "again" : "first",
            (before.free - during.free) / (size_t)n);
        check_at_most("bytes per goroutine", (int64_t)(before.free - during.free) / n,
                      2560); // segment, G, a share of the caches
        chan_close(gate);
        waitgroup_wait(&all);
        check_equal("passed", load_seq(&passed), n);
        check_equal("goroutines left", WAIT_UNTIL(goroutine_count() == 1, 20) ? 1 : goroutine_count(), 1);
        for (int i = 0; i < 1000; i++)
            gosched(); // the cores give their dead goroutines' stacks back
        PageStats after = pages_now();
        SegStats segs = segments_now();
        say("segments in use %lu, cached %lu, lone halves %lu\n", segs.in_use[0], segs.cached[0],
            segs.lone_halves);
        // G records stay, for reuse (as Go's): the first round makes them, the second must find them.
        int64_t kept = (int64_t)before.free - (int64_t)after.free;
        if (round == 0)
            check_at_most("bytes kept per goroutine", kept / n, 512);
        else
            check_at_most("bytes kept by the second round", kept, (int64_t)cpu_count() << 20);
    }
    return check_end("t_parked100k");
}
