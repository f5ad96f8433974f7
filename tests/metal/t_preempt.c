// t_preempt.c -- loops without calls share the cores.
//
// Twice as many spinners as cores, none of which ever calls anything, and a goroutine that counts beside
// them. All must progress, and the spinners' used-up slices must agree within a factor of two once each has
// had its share. Counts, not times: cores of an emulator stop for long whenever the host wants.
//
// smp: 1 4
#include "metal.h"

#define SPINNERS_MAX (2 * PLAT_MAX_CPUS)
#define ENOUGH       20 // slices of each spinner

typedef struct Spinner {
    G *g;
    volatile uint64_t turns;
    char pad[48];
} Spinner;
static Spinner spinners[SPINNERS_MAX];
static _Atomic bool stop;
static _Atomic int ended;
static _Atomic uint64_t beside;

static void spin(void *arg) {
    Spinner *s = arg;
    hint_store(&s->g, g_self());
    while (!load_relaxed(&stop))
        hint_store(&s->turns, s->turns + 1);
    fetch_add(&ended, 1);
}

static void count_beside(void *unused) {
    while (!load_relaxed(&stop)) {
        fetch_add(&beside, 1);
        __builtin_ia32_pause(); // an emulator that runs all cores on one thread goes on with the next one here
        gosched();
    }
    fetch_add(&ended, 1);
}

typedef struct Slices {
    int64_t least, most;
} Slices;
static Slices slices(int n) {
    Slices s = {INT64_MAX, 0};
    for (int i = 0; i < n; i++) {
        const G *g = hint_load(&spinners[i].g);
        int64_t used = g ? hint_load(&g->slices) : 0;
        if (used < s.least) s.least = used;
        if (used > s.most) s.most = used;
    }
    return s;
}
// A core that the host keeps from running takes its spinner's slices with it: with time that evens out,
// unless the scheduler is unfair.
static bool fair_so_far(int n) {
    Slices s = slices(n);
    return s.least >= ENOUGH && s.most <= 2 * s.least;
}

int main(int argc, char **argv) {
    int n = 2 * gomaxprocs(0);
    sched_set_slice(arg_number(argc, argv, 1, 1000) * 1000);
    go(count_beside, NULL);
    for (int i = 0; i < n; i++)
        go(spin, &spinners[i]);
    check_true("every spinner had 20 slices, none twice as many as another", WAIT_UNTIL(fair_so_far(n), 25));
    Slices s = slices(n);
    say("slices %ld to %ld\n", s.least, s.most);
    int64_t turns = INT64_MAX;
    for (int i = 0; i < n; i++)
        if ((int64_t)hint_load(&spinners[i].turns) < turns) turns = (int64_t)hint_load(&spinners[i].turns);
    check_at_least("turns of the slowest spinner", turns, 1);
    check_at_least("turns of the goroutine beside them", (int64_t)load_seq(&beside), ENOUGH);
    check_at_least("preemptions in application text", SUM_OVER_CORES(n_preempt_async), n * ENOUGH);
    store_seq(&stop, true);
    check_true("all end when told", WAIT_UNTIL(load_seq(&ended) == n + 1, 60));
    return check_end("t_preempt");
}
