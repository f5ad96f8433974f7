// units: rt/gcwork.c
// test_gcwork.c -- who marks how long: 1 to 64 cores that are busy all the time, each with a clock of its own that this test moves. Marking takes
// 25 % of all of it; no turn is longer than it may be; no dedicated core is one that a goroutine owns.
#include "test.h"
#include "rt/gcrun.h"
#include "rt/runq.h"
#include "rt/trace.h"

// ---- what gcwork.c stands on
Sched sched;
P *rt_ps[PLAT_MAX_CPUS];
Gc gc;
GcPace gc_pace;
bool trace_wanted;
void trace_note_slow(TraceKind kind, unsigned why, const G *g, uint64_t arg) {}
static int64_t now_ns;
static int64_t piece_ns;      // between two questions whether it is enough
static bool work_left = true; // marking never ends
static unsigned woken, given;

int64_t plat_now_ns(void) { return now_ns; }
void plat_spin(unsigned turns) {}
void sched_arm(P *p) {}
bool sched_work_exists(void) { return false; }
void sched_wake_one(void) {}
void sched_put_global(G *g) { given++; }
int64_t gc_pace_period_end(void) { return TIME_NEVER; }
bool gc_pace_period_over(void) { return false; }
void gc_trigger(void) {}
bool runq_empty(const P *p) { return load_relaxed(&p->runq.runnext) == NULL; }
bool gc_work_exists(void) { return work_left; }
void gc_work_flush(P *p) {}
void gc_barrier_flush(P *p) {}
void gc_wake_coordinator(void) { woken++; }
void gc_credit_add(int64_t work) {}
void taken_from(int32_t share) {}
void taken_until(int32_t share) {}
int32_t taken_core(void) { return 0; }
void stall_count(StallCause cause, int64_t from, int64_t to) {}
bool heap_sweep_step(size_t pages) { return false; }
uint64_t gc_drain(P *p, uint64_t budget, bool (*enough)(P *p)) {
    uint64_t work = 0;
    while (work_left && (budget == 0 || work < budget) && !enough(p)) {
        now_ns += piece_ns;
        work += 8192;
    }
    return work;
}

// ---- the cores
static P *cores(int n) {
    static P p[64];
    memset(p, 0, sizeof p);
    sched.nproc = sched.ncpu = n;
    for (int i = 0; i < n; i++) {
        p[i].id = (uint32_t)i;
        store_relaxed(&p[i].state, P_RUNNING);
        rt_ps[i] = &p[i];
    }
    return p;
}

static void begin(void) {
    gc.cycle++;
    store_relaxed(&gc.phase, GC_MARK);
    gc_share_out(&gc_cycle);
    gc_cycle.mark_ns = now_ns = 1000000;
}

// Runs until all clocks have passed `wall` since marking began. Ticks come late by up to `late`. Dedicated cores are left now and then by a request.
static void run(int n, int64_t wall, int64_t late) {
    int64_t clock[64];
    for (int i = 0; i < n; i++)
        clock[i] = gc_cycle.mark_ns;
    for (unsigned round = 0;; round++) {
        int i = 0;
        for (int k = 1; k < n; k++)
            if (clock[k] < clock[i]) i = k;
        if (clock[i] >= gc_cycle.mark_ns + wall) return;
        P *p = rt_ps[i];
        int64_t tick = p->gc.next_turn;
        if (tick == TIME_NEVER) { // no worker here
            clock[i] = gc_cycle.mark_ns + wall;
            continue;
        }
        if (tick > clock[i]) clock[i] = tick + (late ? (int64_t)(round * 2654435761u % (uint64_t)late) : 0);
        now_ns = clock[i];
        if (p->gc.worker == GC_DEDICATED) { // a request after a millisecond, served in no time
            int64_t until = now_ns + 1000000;
            p->gc.turn_end = TIME_NEVER;
            while (now_ns < until) {
                store_relaxed(&p->request, 0);
                int64_t was = now_ns;
                work_left = true;
                store_relaxed(&p->request, REQ_TIMER);
                gc_worker_turn(p);
                if (now_ns == was) now_ns += piece_ns, hint_store(&p->gc.dedicated_ns, p->gc.dedicated_ns + piece_ns);
            }
        } else {
            CHECK(gc_worker_turn(p));
            CHECK(now_ns - clock[i] <= 250000 + piece_ns);
            CHECK(gc_next_turn(p) >= now_ns); // goroutines have their turn
        }
        clock[i] = now_ns;
    }
}

static void shares(void) {
    for (int n = 1; n <= 64; n++) {
        P *p = cores(n);
        piece_ns = 7000;
        begin();
        int64_t wall = 100000000;
        run(n, wall, 20000);
        int64_t spent = 0;
        for (int i = 0; i < n; i++)
            spent += p[i].gc.worker == GC_DEDICATED ? wall : p[i].gc.fraction_ns;
        int64_t permille = spent * 1000 / (wall * n);
        // Go's rule: as many whole cores as are within 30 % of a quarter; else one fewer, and turns.
        if (gc_cycle.share) {
            if (permille < 240 || permille > 260) printf("%d cores\n", n);
            CHECK(permille >= 240 && permille <= 260);
        } else {
            int d = gc_cycle.dedicated;
            CHECK(10 * abs(4 * d - n) <= 3 * n);
        }
        gc_dismiss();
        CHECK_EQ(gc_next_turn(&p[0]), TIME_NEVER);
    }
}

// Dedicated cores and share for small numbers, reckoned by hand.
static void table(void) {
    static const struct {
        int n, dedicated, permille;
    } want[] = {{1, 0, 250}, {2, 0, 250}, {3, 0, 250}, {4, 1, 0}, {5, 1, 0}, {6, 1, 99}, {7, 2, 0}, {8, 2, 0}, {10, 3, 0}, {16, 4, 0}, {64, 16, 0}};
    for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
        cores(want[i].n);
        begin();
        CHECK_EQ(gc_cycle.dedicated, want[i].dedicated);
        CHECK_EQ(gc_cycle.share * 1000 / SHARE_ONE, want[i].permille);
    }
}

// Owned cores do not mark, and their number does not count.
static void owned(void) {
    P *p = cores(8);
    p[1].reserved_by_g = p[2].reserved_by_g = p[5].reserved_by_g = p[7].reserved_by_g = true;
    for (int round = 0; round < 8; round++) {
        begin();
        CHECK_EQ(gc_cycle.shared, 4);
        CHECK_EQ(gc_cycle.dedicated, 1);
        for (int i = 0; i < 8; i++) {
            CHECK(!p[i].reserved_by_g || p[i].gc.worker == GC_NO_WORKER);
            if (!p[i].reserved_by_g) continue;
            CHECK(!gc_worker_turn(&p[i]));
            CHECK(!gc_idle_turn(&p[i]));
            CHECK(!gc_idle_wanted(&p[i]));
        }
    }
}

// A core without goroutines is dedicated before one that has some; which one changes from cycle to cycle.
static void chosen(void) {
    P *p = cores(8);
    static G g;
    for (int i = 0; i < 8; i++)
        if (i != 3 && i != 6) store_relaxed(&p[i].runq.runnext, &g);
    for (int round = 0; round < 8; round++) {
        begin();
        CHECK_EQ(p[3].gc.worker, GC_DEDICATED);
        CHECK_EQ(p[6].gc.worker, GC_DEDICATED);
    }
    unsigned seen = 0;
    for (int i = 0; i < 8; i++)
        store_relaxed(&p[i].runq.runnext, NULL);
    for (int round = 0; round < 8; round++) {
        begin();
        for (int i = 0; i < 8; i++)
            if (p[i].gc.worker == GC_DEDICATED) seen |= 1u << i;
    }
    CHECK_EQ(seen, 255);
}

// The last marker that finds nothing tells the coordinator, once.
static void ends(void) {
    P *p = cores(2);
    begin();
    store_relaxed(&gc_cycle.markers, 0);
    store_relaxed(&gc_cycle.seems_done, 0);
    woken = 0;
    work_left = true;
    gc_marker_enter();
    gc_marker_enter();
    gc_marker_leave(&p[0]);
    work_left = false;
    CHECK_EQ(woken, 0);
    CHECK(!gc_idle_wanted(&p[0])); // the other one is still at it
    gc_marker_leave(&p[1]);
    CHECK_EQ(woken, 1);
    CHECK(!gc_idle_wanted(&p[0]));
    gc_marker_enter();
    gc_marker_leave(&p[1]);
    CHECK_EQ(woken, 1);
    store_relaxed(&gc_cycle.seems_done, 0); // stop 2 was in vain: nobody is there, so whoever comes by looks
    CHECK(gc_idle_wanted(&p[0]));
    CHECK(gc_worker_turn(&p[0]));
    CHECK_EQ(woken, 2);
    work_left = true;
    CHECK(gc_idle_wanted(&p[0]));
}

int main(void) {
    RUN(table);
    RUN(shares);
    RUN(owned);
    RUN(chosen);
    RUN(ends);
    return test_done();
}
