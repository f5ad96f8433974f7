// t_park.c -- a million park/ready pairs lose no wake-up.
//
// Pairs of goroutines pass a token over two channels: every pass parks one and readies the other. Free pairs
// first, with 1 to 8 cores in use; then pairs whose halves are pinned to different cores, so that every
// wake-up crosses cores and meets them going idle; the same by semaphores and by a condition variable;
// sleepers that time wakes. A lost wake-up ends in the deadlock report or in the time limit.
//
// smp: 8
// timeout: 60
#include "metal.h"

typedef struct Pair {
    chan(int) there, back;
    Semaphore sema_there, sema_back;
    int rounds, core_a, core_b; // -1: not pinned
    WaitGroup *all;
} Pair;

static void chan_a(void *arg) {
    Pair *p = arg;
    if (p->core_a >= 0) CHECK_QUIETLY(goroutine_pin(p->core_a));
    for (int i = 0; i < p->rounds; i++) {
        chan_send(p->there, i);
        CHECK_QUIETLY(chan_recv(p->back) == i + 1);
    }
    waitgroup_done(p->all);
}
static void chan_b(void *arg) {
    Pair *p = arg;
    if (p->core_b >= 0) CHECK_QUIETLY(goroutine_pin(p->core_b));
    for (int i = 0; i < p->rounds; i++) {
        int v = chan_recv(p->there);
        chan_send(p->back, v + 1);
    }
    waitgroup_done(p->all);
}
static void sema_a(void *arg) {
    Pair *p = arg;
    if (p->core_a >= 0) goroutine_pin(p->core_a);
    for (int i = 0; i < p->rounds; i++) {
        semaphore_release(&p->sema_there);
        semaphore_acquire(&p->sema_back);
    }
    waitgroup_done(p->all);
}
static void sema_b(void *arg) {
    Pair *p = arg;
    if (p->core_b >= 0) goroutine_pin(p->core_b);
    for (int i = 0; i < p->rounds; i++) {
        semaphore_acquire(&p->sema_there);
        semaphore_release(&p->sema_back);
    }
    waitgroup_done(p->all);
}

#define PAIRS_MAX 16
static Pair pairs[PAIRS_MAX];
static WaitGroup all;

// `passes` in all, over n pairs; spread: pin the halves of each to neighbouring cores. Returns the passes
// made.
static int64_t run(int n, int64_t passes, bool spread, void (*a)(void *), void (*b)(void *)) {
    int cores = gomaxprocs(0);
    waitgroup_add(&all, 2 * n);
    for (int i = 0; i < n; i++) {
        Pair *p = &pairs[i];
        *p = (Pair){.there = chan_make(int, 0),
                    .back = chan_make(int, 0),
                    .rounds = (int)(passes / 2 / n),
                    .core_a = -1,
                    .core_b = -1,
                    .all = &all};
        if (spread) {
            p->core_a = i % cores;
            p->core_b = (i + 1) % cores;
        }
        go(a, p);
        go(b, p);
    }
    waitgroup_wait(&all);
    return passes / 2 / n * 2 * n;
}

static Mutex mutex;
static Cond cond = {.mutex = &mutex};
static int turn, takers;
static WaitGroup cond_done;
static void take_turns(void *arg) {
    int me = (int)(intptr_t)arg;
    for (int i = 0; i < 2000; i++) {
        mutex_lock(&mutex);
        while (turn != me)
            cond_wait(&cond);
        turn = (turn + 1) % takers;
        cond_broadcast(&cond);
        mutex_unlock(&mutex);
    }
    waitgroup_done(&cond_done);
}

static _Atomic int sleeps;
static WaitGroup sleepers;
static void sleep_often(void *arg) {
    for (int i = 0; i < 50; i++) {
        time_sleep((int64_t)(intptr_t)arg * 7 * MICROSECOND % MILLISECOND);
        fetch_add(&sleeps, 1);
    }
    waitgroup_done(&sleepers);
}

int main(int argc, char **argv) {
    long passes = arg_number(argc, argv, 1, 1000000);
    int most = cpu_count() < 8 ? cpu_count() : 8;
    int64_t total = 0;
    for (int n = 1; n <= most; n++) {
        gomaxprocs(n);
        total += run(n + 1, passes / most, false, chan_a, chan_b);
    }
    check_range("passes of free pairs", total, passes - 64 * most, passes);
    gomaxprocs(most);
    int64_t crossing =
        run(most, passes / 20, true, chan_a, chan_b) + run(most, passes / 20, true, sema_a, sema_b) +
        run(most, passes / 20, false, sema_a, sema_b) + run(1, passes / 20, true, chan_a, chan_b);
    check_range("passes of crossing pairs", crossing, passes / 5 - 64 * most * 4, passes / 5);

    takers = most + 1;
    waitgroup_add(&cond_done, takers);
    for (int i = 0; i < takers; i++)
        go(take_turns, (void *)(intptr_t)i);
    waitgroup_wait(&cond_done);
    check_equal("turn after all rounds", turn, 0);

    waitgroup_add(&sleepers, 100);
    for (int i = 0; i < 100; i++)
        go(sleep_often, (void *)(intptr_t)i);
    waitgroup_wait(&sleepers);
    check_equal("sleeps that ended", load_seq(&sleeps), 5000);
    check_equal("goroutines left", WAIT_UNTIL(goroutine_count() == 1, 20) ? 1 : goroutine_count(), 1);
    return check_end("t_park");
}
