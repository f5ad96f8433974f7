// ready.h -- the usual case of g_ready (sched.c), inline for those who call it last (channels).
#pragma once
#include "runq.h"
#include "watch.h"

// May g, parked, be queued on p (the caller's) at once? Not if it still stands on its core's stack, may not run here, or somebody looks.
static inline bool ready_is_plain(const P *p, const G *g) {
    // Acquire pairs with the store in g_switch/g_leave: the saved context is visible once on_cpu is 0.
    return likely(!(load_acquire(&g->on_cpu) | RT_WATCH | g->special | p->reserved_by_g));
}

// Makes such a one the next of p. Returns who was that before, or NULL. The xchg is the full barrier between queue and idle_count.
static inline G *ready_next(P *p, G *g) {
    RT_ASSERT(load_relaxed(&g->state) == G_WAITING);
    store_relaxed(&g->state, G_RUNNABLE); // published by the queue operation
    return exchange(&p->runq.runnext, g);
}

// A goroutine was queued, and a barrier lies behind it: must somebody hear of it? An idle core, or this one's timer.
static inline bool ready_unheard(P *p) {
    barrier_local(); // as in sched_slice_wanted
    return unlikely(load_relaxed(&sched.idle_count) != 0 || !p->slice_armed);
}

// The rest: `kicked`, if any, moves to the ring's tail; wakes an idle core, begins a slice, if they are wanted.
void ready_rest(P *p, G *kicked);
