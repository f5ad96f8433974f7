// runq.h -- run queues: the per-P ring that thieves may take from, and plain lists under a lock.
#pragma once
#include "core.h"

// All of these: scheduler or runtime text on the owner's core, never an interrupt. None blocks.

// The ring is full: a batch goes to the global queue, unless a thief was quicker. p is the caller's; by sys_call, because it takes a lock.
void runq_spill(void *p);

// Adds g at the tail of the ring of p (the caller's). False: it is full.
static inline bool runq_try_put(P *p, G *g) {
    RunQ *q = &p->runq;
    uint32_t tail = load_relaxed(&q->tail); // only we write it
    uint32_t head = load_acquire(&q->head); // pairs with the takers' cas: they are done with the slots before head
    if (unlikely(tail - head >= RUNQ_SIZE)) return false;
    store_relaxed(&q->slot[tail % RUNQ_SIZE], g);
    store_release(&q->tail, tail + 1); // pairs with runq_steal's acquire
    return true;
}
// The same, spilling a batch to the global queue when the ring is full.
static inline void runq_put(P *p, G *g) {
    while (!runq_try_put(p, g))
        sys_call(runq_spill, p);
}

void runq_put_kicked(P *p, G *g); // runq_put, out of line

// Makes g the next goroutine of p (the caller's); the one that was next moves to the ring's tail. A full barrier.
static inline void runq_put_next(P *p, G *g) {
    G *kicked = exchange(&p->runq.runnext, g); // pairs with the exchange of takers
    if (unlikely(kicked != NULL)) runq_put_kicked(p, kicked);
}

// Takes the oldest goroutine of the ring of p (the caller's). NULL: empty.
static inline G *runq_get_ring(P *p) {
    RunQ *q = &p->runq;
    uint32_t head = load_acquire(&q->head);
    for (;;) {
        if (head == load_relaxed(&q->tail)) return NULL;
        G *g = load_relaxed(&q->slot[head % RUNQ_SIZE]);
        if (likely(cas(&q->head, &head, head + 1))) return g;
    }
}

// Adds g at the tail of the ring of p (the caller's) and takes the oldest. False: the ring is empty or full, and nothing was done. *taken NULL: thieves have
// taken all, g too; else this was a full barrier between both.
static inline bool runq_rotate(P *p, G *g, G **taken) {
    RunQ *q = &p->runq;
    uint32_t head = load_acquire(&q->head), tail = load_relaxed(&q->tail), end = tail + 1; // as runq_try_put
    if (unlikely(tail - head - 1 >= RUNQ_SIZE - 1)) return false;
    store_relaxed(&q->slot[tail % RUNQ_SIZE], g);
    store_release(&q->tail, end);
    for (;;) {
        *taken = load_relaxed(&q->slot[head % RUNQ_SIZE]);
        if (likely(cas(&q->head, &head, head + 1))) return true;
        if (head == end) return *taken = NULL, true;
    }
}

// It shares the slice of the goroutine that readied it, and is not counted as a turn: while some keep readying each other,
// the slice ends take them out one by one, to the global queue, until others have theirs.
// Whoever is interrupted for others, again and again, does not begin a new slice each time: those behind would never run.
static inline void runq_share(P *p, const G *g, bool shares) {
    if (unlikely(g == p->interrupted)) {
        hint_store(&p->tick_seen, p_turn(p) + !shares);
        p->interrupted = NULL;
    }
    hint_add(&p->inherited, shares);
}

// Takes the next goroutine of p (the caller's): runnext first. NULL: empty.
static inline G *runq_get(P *p) {
    RunQ *q = &p->runq;
    if (load_relaxed(&q->runnext)) {
        G *g = exchange(&q->runnext, NULL); // a thief may have been quicker
        if (likely(g != NULL)) {
            bool shares = g->ctx == NULL; // else it was not readied, but preempted and put back to the front
            runq_share(p, g, shares);
            p->until_global += shares;
            return g;
        }
    }
    return runq_get_ring(p);
}

// The same for the scheduler, after the end of a slice the ring before runnext, once.
G *runq_get_in_turn(P *p);

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

// Moves all of `more` to l's tail.
static inline void glist_append(GList *l, GList *more) {
    if (!more->head) return;
    if (l->tail) l->tail->next = more->head;
    else l->head = more->head;
    l->tail = more->tail;
    l->n += more->n;
    *more = (GList){0};
}
