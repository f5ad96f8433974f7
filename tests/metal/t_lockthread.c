// t_lockthread.c -- LockOSThread: the locked goroutine keeps its core, with one core too; others still run
// there.
//
// smp: 1 4
#include "metal.h"

static WaitGroup all;
static _Atomic bool stop;
static _Atomic int64_t others;

static void other(void *unused) {
    while (!load_relaxed(&stop)) {
        fetch_add(&others, 1);
        gosched();
    }
    waitgroup_done(&all);
}
static void locked(void *unused) {
    chan(int) own = chan_make(int, 1);
    lock_os_thread();
    lock_os_thread(); // nests
    int core = core_id();
    for (int i = 0; i < 500; i++) {
        gosched();
        chan_send(own, i);
        CHECK_QUIETLY(chan_recv(own) == i);
        if (i % 50 == 0) time_sleep(100 * MICROSECOND);
        for (volatile int k = 0; k < 5000; k++) {
        }
        CHECK_QUIETLY(core_id() == core);
        if (i == 250) unlock_os_thread(); // the outer one still holds
    }
    unlock_os_thread();
    unlock_os_thread(); // one too many does nothing
    waitgroup_done(&all);
}
static void ends_locked(void *unused) {
    lock_os_thread();
    waitgroup_done(&all);
}
// A reused goroutine record must not inherit the lock.
static void is_free(void *unused) {
    CHECK_QUIETLY(g_self()->pinned == -1 && g_self()->pin_depth == 0);
    waitgroup_done(&all);
}

static void round_with(int cores) {
    gomaxprocs(cores);
    store_seq(&stop, false);
    store_seq(&others, 0);
    WaitGroup *wg = &all;
    waitgroup_add(wg, 4 + 3);
    for (int i = 0; i < 3; i++)
        go(other, NULL);
    for (int i = 0; i < 4; i++)
        go(locked, NULL);
    bool done = WAIT_UNTIL(goroutine_count() == 4, 60);
    check_equal("goroutines when the locked ones have ended", done ? 4 : goroutine_count(), 4);
    store_seq(&stop, true);
    waitgroup_wait(wg);
    check_at_least("turns of the others", load_seq(&others), 100);
    for (int i = 0; i < 100; i++) {
        waitgroup_add(wg, 2);
        go(ends_locked, NULL);
        go(is_free, NULL);
        waitgroup_wait(wg);
    }
}

int main(int argc, char **argv) {
    int cores = gomaxprocs(0);
    sched_set_slice(500 * MICROSECOND);
    // main itself, locked while goroutines come and go
    gomaxprocs(1);
    lock_os_thread();
    round_with(1);
    unlock_os_thread();
    round_with(cores);
    return check_end("t_lockthread");
}
