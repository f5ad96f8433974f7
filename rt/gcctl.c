// gcctl.c -- who wants a cycle of the collector, who waits for one, and the coordinator that runs them.
//
// The coordinator is a system goroutine of high priority. It sleeps until somebody wants a cycle (gc_trigger:
// the heap has grown; gc_request: the program, or want of memory), then runs it (gc.c), and sleeps once more
// within: until marking seems done.
//
// Cycles are counted: whoever wants one names the number (begun + 1) and waits for `ended` to reach it.
//
// gc_exclude keeps cycles out: who changes the set of cores, or what the pacer reckons with, does not meet
// one. Cycles and those who keep them out take turns: at the end of a cycle the first that waits to exclude
// owns the exclusion before anything else can begin, and when it admits cycles, one that was asked for comes
// before the next exclusion. So neither goroutines that collect in a loop nor such that set GOGC in a loop
// keep the other kind waiting for more than one turn, even on one core, where who is woken may always find
// that the others were faster.
//
// Locks: ctl.lock (RANK_GC) guards ctl.
#include "gcrun.h"
#include "lib.h"
#include "mem.h"
#include "runq.h"
#include "trace.h"
#include "api/gc.h"

static struct {
    Lock lock;
    G *coordinator;
    bool parked;                   // it waits; whoever clears this readies it
    bool running;                  // a cycle is under way
    bool excluded;                 // somebody owns the exclusion: gc_exclude
    bool forced;                   // why the next one begins
    uint64_t begun, ended, target; // cycles; target: begin until so many have begun
    uint64_t marking;              // the latest that has passed stop 1
    GList starters;                // allocating goroutines that wait for its stop 1 or 2
    GList waiters;                 // who waits for `ended`; all of them look again
    GList excluders;               // who waits for its turn to exclude, in order; woken as the owner
} ctl = {.lock = LOCK_INIT(RANK_GC)};

G *gc_coordinator(void) {
    return ctl.coordinator;
}

// ---- waking and waiting

// ctl.lock held; the caller readies what it returns (may be NULL) after the lock.
static G *take_coordinator(void) {
    if (!ctl.parked) return NULL;
    ctl.parked = false;
    return ctl.coordinator;
}

void gc_wake_coordinator(void) {
    lock_acquire(&ctl.lock);
    G *g = take_coordinator();
    lock_release(&ctl.lock);
    if (g) g_ready(g);
}

uint64_t gc_request(bool forced) {
    lock_acquire(&ctl.lock);
    uint64_t mine = ctl.begun + 1;
    ctl.target = mine;
    ctl.forced |= forced;
    G *g = ctl.running ? NULL : take_coordinator();
    lock_release(&ctl.lock);
    if (g) g_ready(g);
    return mine;
}

void gc_trigger(void) {
    G *g = NULL;
    lock_acquire(&ctl.lock);
    if (ctl.target == ctl.begun) { // perhaps behind stop 2 of the one under way, which is not over before its
                                   // waiters are ready
        ctl.target++;
        if (!ctl.running) g = take_coordinator();
    }
    lock_release(&ctl.lock);
    if (g) g_ready(g);
}

static void ready_all(GList *l) {
    for (G *g; (g = glist_pop(l));)
        g_ready_tail(g);
}

// Allocation does not run ahead of a cycle: between the trigger and stop 1 nobody assists, when all is marked
// there is nothing to assist with, and the coordinator may have to wait for a core. Off the goroutine's
// stack, like whole_cycle.
static void wait_marking_off_stack(void *goroutine) {
    G *g = goroutine;
    P *p = p_self();
    if (WATCHED()) watch_left(g, LEFT_FOR_GC);
    g->gc_wait_from = plat_now_ns();
    lock_acquire(&ctl.lock);
    bool wait = gc_ahead() && (load_relaxed(&gc.phase) == GC_MARK || ctl.marking < ctl.target);
    if (wait) {
        g->wait_reason = WAIT_GC_CYCLE;
        store_relaxed(&g->state, G_WAITING);
        glist_push(&ctl.starters, g);
    }
    lock_release(&ctl.lock);
    if (!wait) gc_resume(p, g);
    schedule();
}

void gc_wait_marking(void) {
    g_leave(g_self(), wait_marking_off_stack, g_self());
}

void gc_release_starters(void) {
    lock_acquire(&ctl.lock);
    ctl.marking = ctl.begun;
    GList woken = ctl.starters;
    ctl.starters = (GList){0};
    lock_release(&ctl.lock);
    int64_t now = plat_now_ns();
    for (const G *g = woken.head; g; g = g->next)
        stall_count(STALL_WAIT, g->gc_wait_from, now);
    ready_all(&woken);
}

void gc_resume(P *p, G *g) {
    store_relaxed(&g->state, G_RUNNABLE);
    p->inherited++;
    sched_execute(p, g);
}

// A whole cycle for one goroutine, off its stack: an allocation that has found no memory has little of it
// left.
typedef struct WholeCycle {
    G *g;
    uint64_t n;     // number of the cycle; 0: not asked for yet
    uint64_t swept; // a whole word: a half written one would still hold what an earlier frame left there
} WholeCycle;

static void whole_cycle_off_stack(void *arg) {
    WholeCycle *w = arg; // on the stack of g
    G *g = w->g;
    P *p = p_self();
    if (WATCHED()) watch_left(g, LEFT_FOR_GC);
    if (!w->n) w->n = gc_request(true);
    lock_acquire(&ctl.lock);
    bool ended = ctl.ended >= w->n;
    if (!ended) {
        g->wait_reason = WAIT_GC_CYCLE;
        store_relaxed(&g->state, G_WAITING);
        glist_push(&ctl.waiters, g);
    }
    lock_release(&ctl.lock);
    if (!ended) schedule();
    w->swept = gc_sweep_all(p);
    if (w->swept) gc_resume(p, g);
    sched_requeue_preempted(p, g, load_relaxed(&p->request));
    schedule();
}

static void whole_cycle(void) {
    WholeCycle w = {g_self(), 0, false};
    do
        g_leave(w.g, whole_cycle_off_stack, &w);
    while (!w.swept);
}

void gc_exclude(void) {
    lock_acquire(&ctl.lock);
    if (ctl.running || ctl.excluded) {
        glist_push(&ctl.excluders, g_self());
        g_park(WAIT_GC_CYCLE, &ctl.lock);
        return;
    }
    ctl.excluded = true;
    lock_release(&ctl.lock);
}

// ctl.lock held, no cycle runs, nobody excludes one: the exclusion belongs to the first who waits for it (may
// be NULL), whom the caller readies after the lock.
static G *hand_over_exclusion(void) {
    G *g = glist_pop(&ctl.excluders);
    ctl.excluded = g != NULL;
    return g;
}

void gc_admit(void) {
    lock_acquire(&ctl.lock);
    RT_ASSERT(ctl.excluded && !ctl.running);
    ctl.excluded = false;
    G *g = ctl.target != ctl.begun ? take_coordinator() : hand_over_exclusion();
    lock_release(&ctl.lock);
    if (g) g_ready(g);
}

// ---- the coordinator

void gc_wait_marked(void) {
    lock_acquire(&ctl.lock);
    while (!load_seq(&gc_cycle.seems_done)) {
        ctl.parked = true;
        g_park(WAIT_GC_COORDINATOR, &ctl.lock);
        lock_acquire(&ctl.lock);
    }
    lock_release(&ctl.lock);
}

static void coordinator_main(void *unused) {
    for (;;) {
        lock_acquire(&ctl.lock);
        while (ctl.target == ctl.begun || ctl.excluded) {
            ctl.parked = true;
            g_park(WAIT_GC_COORDINATOR, &ctl.lock);
            lock_acquire(&ctl.lock);
        }
        ctl.begun++;
        ctl.running = true;
        gc_cycle.forced = ctl.forced;
        ctl.forced = false;
        lock_release(&ctl.lock);
        gc_run_cycle();
        gc_assists_end();
        gc_report_marked(&gc_cycle);
        if (rt_knobs.gctrace) gc_trace_cycle(&gc_cycle);
        lock_acquire(&ctl.lock);
        hint_store(&ctl.ended, ctl.begun);
        ctl.running = false;
        GList woken = ctl.waiters;
        ctl.waiters = (GList){0};
        G *excluder = hand_over_exclusion();
        lock_release(&ctl.lock);
        if (excluder) g_ready(excluder);
        ready_all(&woken);
    }
}

void gc_init(void) {
    P *p = p_self();
    G *g = g_new(coordinator_main, NULL, 0);
    if (!g) rt_throw("out of memory: no room for the collector's goroutine");
    g->system = true;
    p->n_created--; // system goroutines do not count, and have no number
    p->goid_next--;
    g->id = 0;
    g->priority = PRIORITY_HIGH;
    g_set_special(g);
    ctl.coordinator = g; // G_WAITING: its first cycle readies it
    ctl.parked = true;
    gc_dismiss();
    gc_pace_init();
    if (rt_knobs.gcsummary) taken_init(plat_now_ns());
    gc.verify = rt_knobs.gcverify;
    sched.clear_vectors = gc.verify;
    gc.poison = rt_knobs.gcverify || rt_knobs.gcpoison;
    gc.stress = rt_knobs.gcstress;
}

// ---- doors

void gc_collect(void) {
    whole_cycle();
    RT_DOOR();
}

bool gc_force(void) {
    if (on_system_stack() || !g_self()) return false;
    whole_cycle();
    return true;
}
