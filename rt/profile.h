// profile.h -- profiles: where time goes, where memory comes from, where goroutines are and what they wait for (docs/seeing.md).
#pragma once
#include "core.h"

enum { PROFILE_CPU = 1, PROFILE_HEAP = 2, PROFILE_GOROUTINE = 4, PROFILE_MUTEX = 8, PROFILE_BLOCK = 16 };
extern uint32_t profile_wanted; // constant after rt_main

void profile_start(void);          // rt_main: knobs, tables. Before the other cores run
void profile_core_begins(P *p);    // p's core, before it enters the scheduler
void profile_goroutines(void *unused); // where each of them is: world stopped, or the other cores frozen. System stack
void profile_write_out(void);      // to the side channel. System stack; others may still run

// Interrupt: a sample of this core, if it is time, and the next time. TIME_NEVER: none.
int64_t profile_tick(P *p, const TrapFrame *tf, int64_t now);
// watch.c: g, which waited since g->wait_since_ns, is about to be ready; by: who says so, running on this core, or NULL. System stack.
void profile_waited(G *g, const G *by);

// ---- profile_heap.c
void profile_heap_start(uint64_t rate);
void profile_heap_write_out(int64_t duration);
void profile_heap_marked(void);    // world stopped, marking is over, nothing is swept yet
// alloc.c, while gc.profiled: an object was made. Goroutine's or system stack.
void profile_alloc_slow(void *object);
static inline void profile_alloc(void *object, size_t size) {
    P *p = p_self();
    p->alloc_left -= (int64_t)size;
    if (p->alloc_left < 0) profile_alloc_slow(object);
}
