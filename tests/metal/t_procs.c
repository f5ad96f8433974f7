// t_procs.c -- the number of cores in use changes under load.
//
// Spinners, pairs on channels, sleepers and allocating goroutines run while main changes gomaxprocs at
// random. No goroutine may be lost with a core that is switched off, no timer either, and nobody may run on a
// core that is not in use.
//
// smp: 4
// timeout: 60
#include "metal.h"

static _Atomic bool stop;
static WaitGroup all;
static _Atomic int64_t passes, sleeps, allocations, born;
static volatile uint64_t spun[8];
static chan(int) there, back;

static void ping(void *unused) {
    while (!load_relaxed(&stop)) {
        chan_send(there, 1);
        chan_recv(back);
        fetch_add(&passes, 1);
    }
    chan_close(there);
    waitgroup_done(&all);
}
static void pong(void *unused) {
    chan_for(v, there) chan_send(back, v);
    waitgroup_done(&all);
}
static void spin(void *arg) {
    while (!load_relaxed(&stop))
        hint_store(&spun[(intptr_t)arg], spun[(intptr_t)arg] + 1);
    waitgroup_done(&all);
}
static void sleeper(void *arg) {
    while (!load_relaxed(&stop)) {
        time_sleep((int64_t)(intptr_t)arg * 100 * MICROSECOND);
        fetch_add(&sleeps, 1);
    }
    waitgroup_done(&all);
}
static void born_and_gone(void *unused) {
    fetch_add(&born, 1);
}
static void parent(void *unused) {
    while (!load_relaxed(&stop)) {
        go(born_and_gone, NULL);
        i64 *p = new (i64);
        CHECK_QUIETLY(*p == 0);
        fetch_add(&allocations, 1);
        time_sleep(200 * MICROSECOND);
    }
    waitgroup_done(&all);
}

typedef struct Counts {
    int64_t passes, sleeps, allocations;
    uint64_t spun[8];
} Counts;
static void read_counts(Counts *c) {
    c->passes = load_seq(&passes);
    c->sleeps = load_seq(&sleeps);
    c->allocations = load_seq(&allocations);
    for (int i = 0; i < 8; i++)
        c->spun[i] = hint_load(&spun[i]);
}
static bool all_moved(const Counts *then) {
    Counts now;
    read_counts(&now);
    bool moved =
        now.passes > then->passes && now.sleeps > then->sleeps && now.allocations > then->allocations;
    for (int i = 0; i < 8; i++)
        moved = moved && now.spun[i] > then->spun[i];
    return moved;
}

int main(int argc, char **argv) {
    int changes = (int)arg_number(argc, argv, 1, 200), most = cpu_count();
    uint32_t seed = (uint32_t)arg_number(argc, argv, 2, 12345);
    sched_set_slice(MILLISECOND);
    there = chan_make(int, 0);
    back = chan_make(int, 0);
    waitgroup_add(&all, 2 + 8 + 10 + 2);
    go(ping, NULL);
    go(pong, NULL);
    for (intptr_t i = 0; i < 8; i++)
        go(spin, (void *)i);
    for (intptr_t i = 1; i <= 10; i++)
        go(sleeper, (void *)i);
    for (int i = 0; i < 2; i++)
        go(parent, NULL);
    int now = gomaxprocs(0), stuck = 0;
    for (int i = 0; i < changes; i++) {
        seed = seed * 1103515245 + 12345;
        int n = 1 + (int)(seed >> 16) % most;
        CHECK_QUIETLY(gomaxprocs(n) == now);
        now = n;
        CHECK_QUIETLY(gomaxprocs(0) == n);
        CHECK_QUIETLY(core_id() < n);
        if (i % 20 == 19) { // everybody still moves
            Counts then;
            read_counts(&then);
            if (!WAIT_UNTIL(all_moved(&then), 20)) {
                say("FAIL after %d changes, with %d cores in use: somebody does not move\n", i + 1, n);
                stuck++;
                break;
            }
        } else if (i % 3)
            gosched();
    }
    check_equal("times somebody stood still", stuck, 0);
    if (stuck) return check_end("t_procs");
    store_seq(&stop, true);
    waitgroup_wait(&all);
    check_equal("goroutines left", WAIT_UNTIL(goroutine_count() == 1, 20) ? 1 : goroutine_count(), 1);
    check_equal("children that ran", load_seq(&born), load_seq(&allocations));
    return check_end("t_procs");
}
