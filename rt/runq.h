// runq.h -- run queues: the per-P ring that thieves may take from, and plain lists under a lock.
#pragma once
#include "core.h"

// All of these: scheduler or runtime text on the owner's core, never an interrupt. None blocks.

// Makes g the next goroutine of p (the caller's); the one that was next moves to the ring's tail.
void runq_put_next(P *p, G *g);
// Adds g at the tail, spilling half to the global queue when the ring is full.
void runq_put(P *p, G *g);
// Takes the next goroutine of p (the caller's): runnext first. NULL: empty.
G *runq_get(P *p);
bool runq_empty(const P *p); // any core; exact only when p is idle or stopped
uint32_t runq_length(const P *p);
// Takes half of victim's ring into p's; returns one of them to run. `next_too`: takes its runnext if there is nothing else.
G *runq_steal(P *p, P *victim, bool next_too);

static inline void glist_push(GList *l, G *g) { // tail
    g->next = NULL;
    if (l->tail) l->tail->next = g;
    else l->head = g;
    l->tail = g;
    l->n++;
}
static inline G *glist_pop(GList *l) {
    G *g = l->head;
    if (!g) return NULL;
    l->head = g->next;
    if (!l->head) l->tail = NULL;
    l->n--;
    g->next = NULL;
    return g;
}
