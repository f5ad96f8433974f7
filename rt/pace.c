// pace.c -- the pacer at work: what pacer.c reckons with, and where its results go.
//
// gc_look_at is the number of live bytes at which somebody who allocates comes here (gc_pace_look): to begin a cycle, or, when the memory limit decides, to
// reckon again, because what is not heap grows as well; each look halves the distance, so there are few.
//
// Lock: pace_lock (RANK_GC) guards the pacer and the limiter outside of stops; while marking only the coordinator writes them.
#include "gcrun.h"
#include "api/gc.h"
#include "lib.h"
#include "memstats.h"

#define LOOK_STEP  (256u << 10) // bytes between two looks, at least
#define LIMITED_STEP (64u << 10)  // the same while the CPU limiter lets a cycle wait
#define LIMITER_NS 1000000 // a window, at least
#define KEEP_SHARE 32             // default memory limit: all but one part of so many

GcPace gc_pace;
static Lock pace_lock = LOCK_INIT(RANK_GC);
static _Atomic int64_t last_end_ns;

static PacerMemory memory_now(void) {
    uint64_t objects;
    PacerMemory m;
    PageStats s = page_stats();
    m.used = s.total - s.free;
    m.live = load_relaxed(&heap.live_bytes);
    heap_in_use(&objects, &m.heap);
    return m;
}

// pace_lock held, or the world stopped. System stack.
static void reckon(void) {
    PacerMemory m = memory_now();
    if (gc_pace.pacer.sweep_trigger && heap_sweep_done()) gc_pace.pacer.sweep_trigger = 0;
    gc_pace.memory = m;
    hint_store(&gc_pace.goal, pacer_goal(&gc_pace.pacer, &m)); // gc_ahead reads it
    uint64_t trigger = pacer_trigger(&gc_pace.pacer, &m), look = trigger;
    if (gc_pace.pacer.limit != NO_LIMIT && trigger > m.live) {
        uint64_t half = (trigger - m.live) / 2;
        look = m.live + (half > LOOK_STEP ? half : trigger - m.live < LOOK_STEP ? trigger - m.live : LOOK_STEP);
    }
    gc_pace.trigger = trigger;
    store_relaxed(&gc_pace.look_at, look);
}

uint64_t gc_goal(void) { return hint_load(&gc_pace.goal); }

void gc_pace_look(void *due) {
    *(uint64_t *)due = 0;
    if (load_relaxed(&gc.phase) != GC_OFF) return;
    if (unlikely(load_relaxed(&gc_pace.limiting))) gc_limiter_update(plat_now_ns(), WINDOW_PROGRAM, false);
    lock_acquire(&pace_lock);
    bool first = !gc_pace.due;
    if (first) {
        reckon();
        uint64_t live = load_relaxed(&heap.live_bytes);
        gc_pace.due = live >= gc_pace.trigger;
        if (gc_pace.due && unlikely(load_relaxed(&gc_pace.limiting)) && pacer_limited(&gc_pace.pacer, &gc_pace.memory)) { // the program's turn first
            gc_pace.due = false;
            store_relaxed(&gc_pace.look_at, live + LIMITED_STEP);
        }
        if (gc_pace.due) store_relaxed(&gc_pace.look_at, 0); // until stop 1 whoever allocates comes here, and waits for it
    }
    bool now = gc_pace.due;
    lock_release(&pace_lock);
    if (now && first) gc_trigger();
    *(uint64_t *)due = now;
}

int64_t gc_pace_period_end(void) {
    if (hint_load(&gc_pace.pacer.percent) < 0 || gc_pace.period_ns == TIME_NEVER || load_relaxed(&gc.phase) != GC_OFF) return TIME_NEVER;
    return load_relaxed(&last_end_ns) + gc_pace.period_ns;
}

bool gc_pace_period_over(void) {
    int64_t last = load_relaxed(&last_end_ns), now = plat_now_ns();
    if (hint_load(&gc_pace.pacer.percent) < 0 || now - last < gc_pace.period_ns) return false;
    return cas(&last_end_ns, &last, now); // one of them asks
}

// ---- the cycle: world stopped

void gc_pace_begin(GcCycle *c) {
    lock_acquire(&pace_lock);
    gc_pace.pacer.triggered = load_relaxed(&heap.live_bytes);
    gc_pace.pacer.sweep_trigger = 0;
    gc_pace.due = false;
    gc_pace.limiter_workers = 0;
    c->goal = gc_pace.goal; // as it was, or the trace would hide an overshoot
    reckon();
    store_relaxed(&gc_pace.look_at, UINT64_MAX);
    lock_release(&pace_lock);
    store_relaxed(&c->scanned, 0);
}

uint64_t gc_pace_ratio(uint64_t scanned) {
    PacerMemory m = gc_pace.memory;
    uint64_t live = load_relaxed(&heap.live_bytes), grown = live > m.live ? live - m.live : 0;
    m.used += grown;
    m.heap += grown;
    m.live = live;
    return pacer_assist_ratio(&gc_pace.pacer, &m, scanned, live + gc_pace.pacer.root_scan);
}

static void sweep_pace(void) {
    uint64_t live = load_relaxed(&heap.live_bytes), pages = load_relaxed(&heap.pages_unswept);
    store_relaxed(&heap.sweep_basis_live, live);
    store_relaxed(&heap.pages_to_sweep, pages);
    store_relaxed(&heap.sweep_pages_per_mb, pacer_sweep_ratio(live, gc_pace.trigger, pages));
}

// After heap_sweep_begin.
void gc_pace_end(const GcCycle *c) {
    lock_acquire(&pace_lock);
    uint64_t roots = gc_root_bytes();
    PacerCycle f = {
        .live = c->heap1, .marked = c->heap2, .heap_scan = c->scan_work > roots ? c->scan_work - roots : 0, .root_scan = roots,
        .wall_ns = c->mark_term_ns - c->mark_ns, .procs = c->procs,
        .assist_ns = load_relaxed(&c->assist_ns), .idle_ns = c->idle_ns,
    };
    pacer_end_cycle(&gc_pace.pacer, &f);
    // A short cycle is perhaps a single turn, all of its time. What was counted as the program's and was not counts twice.
    int64_t more = c->dedicated_ns + c->fraction_ns - gc_pace.limiter_workers;
    if (more > 0) cpu_limiter_add(&gc_pace.limiter, c->procs, 0, 2 * more);
    store_relaxed(&heap.live_bytes, c->heap2);
    reckon();
    sweep_pace();
    store_relaxed(&last_end_ns, plat_now_ns());
    lock_release(&pace_lock);
}

// ---- the CPU limiter. Windows end before and after stops, and while marking at an assist, not too often.

static int64_t idle_sum(int64_t now) {
    int64_t sum = 0;
    for (int i = 0; i < sched.nproc; i++) {
        int64_t since = hint_load(&rt_ps[i]->idle_since);
        sum += hint_load(&rt_ps[i]->idle_ns) + (since ? now - since : 0); // one that wakes just now is counted a little wrong, once
    }
    return sum;
}

void gc_limiter_update(int64_t now, LimiterWindow what, bool always) {
    GcPace *g = &gc_pace;
    if (!always && now - load_relaxed(&g->limiter_ns) < LIMITER_NS) return;
    if (!lock_try(&pace_lock)) return; // somebody is at it
    int64_t wall = now - load_relaxed(&g->limiter_ns), assists = load_relaxed(&gc_cycle.assist_ns), idle = idle_sum(now);
    if (wall > 0) { // else an assist has looked at the clock after who asks for the stop
        int64_t total = wall * sched.nproc, neither = idle - g->limiter_idle, collector = 0;
        if (what == WINDOW_MARKING) {
            g->limiter_workers += total / 4;
            collector = total / 4 + assists - g->limiter_assists;
        }
        if (neither > 0) total -= neither;
        if (what == WINDOW_STOPPED) collector = total;
        cpu_limiter_add(&g->limiter, sched.nproc, total > collector ? total - collector : 0, collector);
        store_relaxed(&g->limiting, g->limiter.limiting);
        store_relaxed(&g->limiter_ns, now);
        g->limiter_assists = assists;
        g->limiter_idle = idle;
    }
    lock_release(&pace_lock);
}

// ---- settings

static uint64_t default_limit(void) {
    uint64_t total = page_stats().total;
    return total - total / KEEP_SHARE;
}

void gc_pace_init(void) {
    uint64_t limit = rt_knobs.gomemlimit_given ? rt_knobs.gomemlimit : default_limit();
    pacer_init(&gc_pace.pacer, rt_knobs.gogc, limit);
    gc_pace.period_ns = rt_knobs.gcforce_ms ? rt_knobs.gcforce_ms * 1000000ll : TIME_NEVER;
    store_relaxed(&gc_pace.limiter_ns, plat_now_ns());
    store_relaxed(&last_end_ns, plat_now_ns());
    reckon();
}

static void reckon_locked(void *unused) {
    lock_acquire(&pace_lock);
    reckon();
    sweep_pace();
    lock_release(&pace_lock);
}

int gc_set_percent(int percent) {
    gc_exclude();
    int old = gc_pace.pacer.percent;
    hint_store(&gc_pace.pacer.percent, percent < 0 ? -1 : percent); // interrupts of core 0 look at it
    sys_call(reckon_locked, NULL);
    gc_admit();
    RT_DOOR();
    return old;
}

int64_t gc_set_memory_limit(int64_t bytes) {
    gc_exclude();
    uint64_t old = gc_pace.pacer.limit;
    if (bytes >= 0) {
        gc_pace.pacer.limit = bytes == INT64_MAX ? NO_LIMIT : (uint64_t)bytes;
        sys_call(reckon_locked, NULL);
    }
    gc_admit();
    RT_DOOR();
    return old > INT64_MAX ? INT64_MAX : (int64_t)old;
}
