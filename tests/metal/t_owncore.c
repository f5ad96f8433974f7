// t_owncore.c -- a core of one's own: nobody else runs there, its owner is not disturbed, and it still
// answers stops.
//
// smp: 2 4
#include "metal.h"

static _Atomic int owned = -1; // core; -1: none
static _Atomic bool stop, measure;
static _Atomic int64_t intrusions, seen;
static WaitGroup all;

static void work(void *unused) {
    while (!load_relaxed(&stop)) {
        if (load_seq(&measure)) {
            int core = core_id();
            if (core == load_seq(&owned) && load_seq(&measure) && core == core_id())
                fetch_add(&intrusions, 1);
            fetch_add(&seen, 1);
        }
        for (volatile int i = 0; i < 3000; i++) {
        }
        if (load_relaxed(&seen) % 3 == 0) gosched();
    }
    waitgroup_done(&all);
}
static void child(void *unused) {
    if (core_id() == load_seq(&owned)) fetch_add(&intrusions, 1);
    waitgroup_done(&all);
}

static void owner(void *unused) {
    check_true("a core of its own", goroutine_own_core(true));
    int core = core_id();
    store_seq(&owned, core);
    store_seq(&measure, true);
    uint32_t slices = g_self()->slices;
    uint64_t turns = 0;
    int64_t until = plat_now_ns() + 200 * MILLISECOND;
    while (plat_now_ns() < until || load_relaxed(&seen) < 200) {
        turns++;
        CHECK_QUIETLY(core_id() == core);
        if (turns % 100000 == 0) { // what it starts or wakes runs elsewhere
            waitgroup_add(&all, 1);
            go(child, NULL);
        }
    }
    gosched();
    time_sleep(MILLISECOND);
    CHECK_QUIETLY(core_id() == core);
    check_equal("slices that the owner lost", g_self()->slices - slices, 0);
    store_seq(&measure, false);
    store_seq(&owned, -1);
    check_true("given back", goroutine_own_core(false));
    waitgroup_done(&all);
}

static void owner_that_ends(void *unused) {
    CHECK_QUIETLY(goroutine_own_core(true));
    waitgroup_done(&all);
}

static chan(int) answer;
static void last_core(void *unused) {
    int granted = goroutine_own_core(true);
    chan_send(answer, granted);
}

int main(int argc, char **argv) {
    int cores = gomaxprocs(0);
    answer = chan_make(int, 1);
    gomaxprocs(1);
    go(last_core, NULL);
    check_equal("the last shared core is refused", chan_recv(answer), 0);
    gomaxprocs(cores);
    if (cores == 1) return check_end("t_owncore");

    sched_set_slice(MILLISECOND);
    waitgroup_add(&all, 2 * cores + 1);
    for (int i = 0; i < 2 * cores; i++)
        go(work, NULL);
    go(owner, NULL);
    check_true("the owner gets its core", WAIT_UNTIL(load_seq(&owned) >= 0, 60));
    int mine = load_seq(&owned);
    // A stop of the world while the core is owned; the owned core stays in use.
    if (cores > 2) {
        int n = gomaxprocs(0);
        bool keep = mine < cores - 1;
        if (keep) {
            check_equal("cores before", gomaxprocs(cores - 1), n);
            gomaxprocs(cores);
        }
    }
    check_true("pinning to it is refused",
               load_seq(&owned) < 0 || !goroutine_pin(mine) || load_seq(&owned) < 0);
    goroutine_pin(-1);
    check_true("the owner ends", WAIT_UNTIL(load_seq(&owned) < 0, 60));
    check_at_least("looks of the others while it was owned", load_seq(&seen), 200);
    check_equal("others that ran there", load_seq(&intrusions), 0);
    store_seq(&stop, true);
    waitgroup_wait(&all);

    // Owners that end without giving back: as many as there are cores, many times.
    for (int i = 0; i < 50; i++) {
        waitgroup_add(&all, 1);
        go(owner_that_ends, NULL);
        waitgroup_wait(&all);
        CHECK_QUIETLY(WAIT_UNTIL(goroutine_count() == 1, 20)); // the core is free when its owner is gone
    }
    check_equal("goroutines left", WAIT_UNTIL(goroutine_count() == 1, 20) ? 1 : goroutine_count(), 1);
    return check_end("t_owncore");
}
