// t_prio.c -- priority classes: HIGH before others and at once, LOW only when nothing else wants the core.
//
// On one core. Order is told by what goroutines wrote down, not by times.
//
// smp: 2
#include "metal.h"

#define STEPS_MAX 64
static char order[STEPS_MAX + 1]; // one core: writers take turns, at places of their own
static _Atomic int steps;
static _Atomic bool stop;
static WaitGroup all;
static volatile uint64_t low_turns, normal_turns;
static G *normal_g;

static void note(char c) {
    int i = fetch_add(&steps, 1);
    if (i < STEPS_MAX) order[i] = c;
}

static chan(int) gate;
static _Atomic(G *) at_gate[12];
static _Atomic int came;
static void wait_at_gate(void *arg) {
    store_release(&at_gate[fetch_add(&came, 1)], g_self());
    goroutine_priority((Priority)(intptr_t)arg);
    chan_recv(gate);
    note("hnl"[(intptr_t)arg]);
    waitgroup_done(&all);
}

static void spin_normal(void *unused) {
    normal_g = g_self();
    while (!load_relaxed(&stop))
        normal_turns++;
    waitgroup_done(&all);
}
static void spin_low(void *unused) {
    goroutine_priority(PRIORITY_LOW);
    while (!load_relaxed(&stop))
        low_turns++;
    waitgroup_done(&all);
}

static _Atomic int wakes;
static _Atomic bool wakes_over;
static void wake_high(void *unused) {
    goroutine_priority(PRIORITY_HIGH);
    for (int i = 0; i < 50; i++) {
        time_sleep(MILLISECOND);
        fetch_add(&wakes, 1);
    }
    store_seq(&wakes_over, true);
    waitgroup_done(&all);
}

// The gate is the first thing for which they wait. Who comes to it when it is open goes through at once: those
// of class high, too, are of class normal before their first turn.
static bool all_wait(void) {
    for (int i = 0; i < 12; i++) {
        G *g = load_acquire(&at_gate[i]); // pairs with the store above
        if (!g || load_relaxed(&g->state) != G_WAITING) return false;
    }
    return true;
}

int main(int argc, char **argv) {
    gomaxprocs(1);
    check_equal("class at birth", goroutine_priority(PRIORITY_NORMAL), PRIORITY_NORMAL);

    // Everybody waits; a closed channel readies all of them; the classes run in their order.
    gate = chan_make(int, 0);
    waitgroup_add(&all, 12);
    static const char kinds[] = "lnhlnhlnhlnh";
    for (int i = 0; i < 12; i++)
        go(wait_at_gate, (void *)(intptr_t)(kinds[i] == 'h' ? 0 : kinds[i] == 'n' ? 1 : 2));
    for (int i = 0; i < 60000 && !all_wait(); i++)
        time_sleep(MILLISECOND); // not gosched: class low would never come to the gate
    check_true("all wait at the gate", all_wait());
    chan_close(gate);
    waitgroup_wait(&all);
    say("order %s\n", order);
    int last_high = -1, first_normal = 99, last_normal = -1, first_low = 99;
    for (int i = 0; i < 12; i++) {
        if (order[i] == 'h') last_high = i;
        if (order[i] == 'n' && i < first_normal) first_normal = i;
        if (order[i] == 'n') last_normal = i;
        if (order[i] == 'l' && i < first_low) first_low = i;
    }
    check_true("all of high ran before any of normal", last_high < first_normal);
    check_true("all of normal ran before any of low", last_normal < first_low);

    // A spinner of class normal: one of class high, woken by time, does not wait for the end of a (long)
    // slice; low gets nothing.
    sched_set_slice(10 * SECOND);
    waitgroup_add(&all, 3);
    go(spin_low, NULL);
    go(spin_normal, NULL);
    go(wake_high, NULL);
    goroutine_priority(PRIORITY_HIGH);
    uint64_t low_before = 0;
    while (!load_seq(&wakes_over)) {
        time_sleep(5 * MILLISECOND);
        if (!low_before && normal_turns) low_before = low_turns + 1;
    }
    check_equal("wakes of class high beside the spinner", load_seq(&wakes), 50);
    check_equal("slices that the spinner used up", normal_g->slices, 0);
    check_at_least("turns of the normal spinner", (int64_t)normal_turns, 1);
    check_equal("turns of the low one while the normal one ran", (int64_t)(low_turns + 1 - low_before), 0);
    sched_set_slice(10 * MILLISECOND);
    store_seq(&stop, true);
    waitgroup_wait(&all);

    // With nothing else to do, class low runs.
    store_seq(&stop, false);
    low_turns = 0;
    waitgroup_add(&all, 1);
    go(spin_low, NULL);
    time_sleep(20 * MILLISECOND);
    while (!low_turns)
        time_sleep(MILLISECOND);
    store_seq(&stop, true);
    waitgroup_wait(&all);
    check_at_least("turns of the low one alone", (int64_t)low_turns, 1);
    return check_end("t_prio");
}
