// gc_share.c -- every core is in a loop of the program: marking takes 25 % of all cores' time, on dedicated cores and in turns on the others, for
// whatever number of cores. Time is simulated and cores proceed alike (SIM_FAIR), so no other load of the machine that runs this counts.
#include "case.h"
#include "rt/gcrun.h"

// Each word that is scanned is a point, hence time; making objects is not counted.
enum { OBJECTS = 32, CELLS = 4096, CYCLES = 2 };
TYPE_CELL(Cell, void *);

Cell *kept[OBJECTS]; // not static: nobody reads it
static _Atomic int stop;

static void spin(void *unused) {
    while (!load_relaxed(&stop))
        sim_point();
}

int main(void) {
    gc_set_percent(-1);
    for (int i = 0; i < OBJECTS; i++)
        kept[i] = make_array(Cell, CELLS);
    sched_set_slice(100000); // the coordinator waits for a core so long
    int n = cpu_count();
    sim_begin(SIM_FAIR);
    for (int i = 0; i < n; i++)
        go(spin, NULL);
    gc_collect(); // by its end all cores have found a goroutine
    int64_t all = 0, workers = 0, others = 0;
    for (int i = 0; i < CYCLES; i++) {
        gc_collect();
        all += (gc_cycle.mark_term_ns - gc_cycle.mark_ns) * n;
        workers += gc_cycle.dedicated_ns + gc_cycle.fraction_ns;
        others += gc_cycle.idle_ns + load_relaxed(&gc_cycle.assist_ns);
        print("cycle %d: marking %ld us, dedicated %ld us of %d cores, turns %ld us, share %ld/1000, idle cores %ld us\n", (int)gc.cycle,
               (long)(gc_cycle.mark_term_ns - gc_cycle.mark_ns) / 1000, (long)gc_cycle.dedicated_ns / 1000, gc_cycle.dedicated,
               (long)gc_cycle.fraction_ns / 1000, (long)(gc_cycle.share * 1000 / SHARE_ONE), (long)gc_cycle.idle_ns / 1000);
    }
    store_relaxed(&stop, 1);
    print("%d cores: workers' part %ld/1000\n", n, (long)(workers * 1000 / all));
    // Go's rule: five cores have one that marks, seven have two, and no turns: that is near enough to a quarter.
    int64_t want = n == 5 ? 200 : n == 7 ? 286 : 250;
    CHECK(workers * 1000 / all >= want - 30);
    CHECK(workers * 1000 / all <= want + 30);
    CHECK(others * 1000 / all <= 5);
    CHECK(gc_cycle.dedicated == (n == 7 ? 2 : n / 4));
    return 0;
}
