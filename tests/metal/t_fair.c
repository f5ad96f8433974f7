// t_fair.c -- nobody starves on one core.
//
// Three traps for a scheduler with a "next" slot and a local queue: two goroutines that ready each other for
// ever would keep the core between themselves; local work would hide the global queue; a goroutine that
// yields all the time would hide what was preempted. All kinds run together on one core, and each must get
// turns.
//
// smp: 4
#include "metal.h"

#define ENOUGH 20

static _Atomic bool stop;
static _Atomic int ended;
static _Atomic int64_t passes, yields, wakes;
static G *spinner[2];
static chan(int) there, back;

static void ping(void *unused) {
    while (!load_relaxed(&stop)) {
        chan_send(there, 1);
        chan_recv(back);
        fetch_add(&passes, 1);
    }
    chan_close(there);
    fetch_add(&ended, 1);
}
static void pong(void *unused) {
    chan_for(v, there) chan_send(back, v);
    fetch_add(&ended, 1);
}
static void yielder(void *unused) {
    while (!load_relaxed(&stop)) {
        fetch_add(&yields, 1);
        gosched();
    }
    fetch_add(&ended, 1);
}
static void spin(void *arg) { // preempted ones go to the global queue
    *(G **)arg = g_self();
    while (!load_relaxed(&stop)) {
    }
    fetch_add(&ended, 1);
}
static void sleeper(void *unused) {
    while (!load_relaxed(&stop)) {
        time_sleep(MILLISECOND);
        fetch_add(&wakes, 1);
    }
    fetch_add(&ended, 1);
}

static bool all_had_turns(void) {
    return load_relaxed(&passes) >= ENOUGH && load_relaxed(&yields) >= ENOUGH &&
           load_relaxed(&wakes) >= ENOUGH && spinner[0] && spinner[1] && spinner[0]->slices >= ENOUGH &&
           spinner[1]->slices >= ENOUGH;
}

// Alone with a pinned goroutine that always yields: it is in the core's own list, what was preempted in the
// global queue.
static _Atomic bool pinned_stop;
static void pinned_yielder(void *unused) {
    CHECK_QUIETLY(goroutine_pin(0));
    while (!load_relaxed(&pinned_stop))
        gosched();
    fetch_add(&ended, 1);
}
static void spin_a_while(void *unused) {
    int64_t until = time_now_ns() + 20 * MILLISECOND;
    while (time_now_ns() < until) {
    }
    store_seq(&pinned_stop, true);
    fetch_add(&ended, 1);
}
static void beside_a_pinned_one(void) {
    go(pinned_yielder, NULL);
    go(spin_a_while, NULL);
    int64_t give_up = time_now_ns() + 20 * SECOND;
    while (load_seq(&ended) != 2 && time_now_ns() < give_up)
        time_sleep(100 * MILLISECOND); // longer than slices
    check_true("a preempted goroutine goes on beside a pinned one that yields", load_seq(&pinned_stop));
    store_seq(&pinned_stop, true);
    check_true("both end", WAIT_UNTIL(load_seq(&ended) == 2, 20));
    store_seq(&ended, 0);
}

int main(int argc, char **argv) {
    gomaxprocs(1);
    sched_set_slice(MILLISECOND);
    beside_a_pinned_one();
    there = chan_make(int, 0);
    back = chan_make(int, 0);
    go(ping, NULL);
    go(pong, NULL);
    go(yielder, NULL);
    go(sleeper, NULL);
    go(spin, &spinner[0]);
    go(spin, &spinner[1]);
    int64_t give_up = time_now_ns() + 60 * SECOND;
    while (!all_had_turns() && time_now_ns() < give_up)
        time_sleep(5 * MILLISECOND);
    check_at_least("passes of the pair", load_seq(&passes), ENOUGH);
    check_at_least("turns of the one that yields", load_seq(&yields), ENOUGH);
    check_at_least("turns of the one that sleeps", load_seq(&wakes), ENOUGH);
    check_at_least("slices of spinner 1", spinner[0] ? spinner[0]->slices : 0, ENOUGH);
    check_at_least("slices of spinner 2", spinner[1] ? spinner[1]->slices : 0, ENOUGH);
    store_seq(&stop, true);
    check_true("all end when told", WAIT_UNTIL(load_seq(&ended) == 6, 60));
    return check_end("t_fair");
}
