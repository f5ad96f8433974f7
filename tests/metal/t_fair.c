// t_fair.c -- nobody starves on one core.
//
// Three traps for a scheduler with a "next" slot and a local queue: two goroutines that ready each other for
// ever would keep the core between themselves; local work would hide the global queue; a goroutine that
// yields all the time would hide what was preempted. All kinds run together on one core, and each must get
// turns.
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

int main(int argc, char **argv) {
    gomaxprocs(1);
    sched_set_slice(MILLISECOND);
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
