// switch.h -- the switch from one goroutine to the next without the scheduler, inline for those who park, yield and end (sched.c, g.c).
//
// On the stack of a goroutine that is about to be left, with little room: nothing here calls anything, and what is rare is left to a function that
// the caller calls last. So no registers are saved.
#pragma once
#include "sched.h"
#include "runq.h"

// Puts g, which the caller has just taken from a queue of p, back to the front, for schedule() to wait for or to reload from the system stack.
void sched_put_back(P *p, G *g);

// Acquire pairs with the store in g_switch/g_leave: the saved context is visible once on_cpu is 0 (it yields on another core, see g_yield).
static inline bool switch_not_yet(const G *g) { return g->ctx != NULL || load_acquire(&g->on_cpu); }

// Something asks for the scheduler. A reserved core needs no test: its ring is empty.
static inline bool switch_unwanted(const P *p) {
    // acquire: pairs with sched_set_detour by gc_stacks_done, as in sched_execute
    return unlikely(load_relaxed(&p->request) | load_relaxed(&p->local_count) | load_acquire(&sched.global_high));
}

// What may be switched to at once; NULL: go through schedule(), something asks for it, or what is next is preempted code or still on another core:
// that one, already taken, is then *early.
static inline __attribute__((always_inline)) G *sched_next_quick(P *p, G **early) {
    *early = NULL;
    if (switch_unwanted(p)) return NULL;
    if (load_relaxed(&p->runq.runnext)) {
        G *g = exchange(&p->runq.runnext, NULL); // a thief may have been quicker
        if (likely(g != NULL)) {
            if (unlikely(switch_not_yet(g))) return *early = g, NULL;
            runq_share(p, g, true);
            return g;
        }
    }
    if (unlikely(--p->until_global < 0)) return NULL; // look at the global queue now and then
    G *g = runq_get_ring(p);
    if (g && unlikely(switch_not_yet(g))) return *early = g, NULL;
    return g;
}

// Bookkeeping of a switch to g.
static inline void sched_running(P *p, G *g) {
    g->p = p;
    store_relaxed(&g->state, G_RUNNING);
    hint_add(&p->sched_tick, 1);
}
