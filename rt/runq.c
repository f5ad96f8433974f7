// runq.c -- a P's own queue of runnable goroutines.
//
// A ring: only the owner adds; owner and thieves take. One shared queue would be simpler, but each wake-up would fight
// for its lock. In front of the ring stands one slot, runnext: a goroutine that was just made ready by the running one
// goes there and runs next, so that two goroutines that talk to each other stay together. (Go: proc.go, runqput ff.)
//
// Invariants: tail - head <= RUNQ_SIZE (both wrap); only the owner writes tail; a slot in [head, tail) does not change until
// head passes it. Orders: the owner publishes a slot by store_release(tail), thieves load_acquire(tail); a taker commits by
// cas(head), the owner's load_acquire(head) before it reuses a slot pairs with that.
// Locks: none, except that overflow takes sched.lock (sched_put_global_batch). The owner's paths are inline in runq.h.
#include "runq.h"
#include "sched.h"

// So that the next 128 additions are cheap again.
void runq_spill(void *p) {
    RunQ *q = &((P *)p)->runq;
    uint32_t n = RUNQ_BATCH, head = load_acquire(&q->head);
    if (load_relaxed(&q->tail) - head < n || !cas(&q->head, &head, head + n)) return;
    // The slots are ours now: thieves are past them, and only the owner writes slots.
    GList batch = {0};
    for (uint32_t i = 0; i < n; i++)
        glist_push(&batch, load_relaxed(&q->slot[(head + i) % RUNQ_SIZE]));
    sched_put_global_batch(&batch);
}

void runq_put_kicked(P *p, G *g) { runq_put(p, g); }

// The end of a slice may come when the goroutine is about to park, and its request then comes to nothing: one that sleeps so shortly
// that it is due again before it has parked, or two that wake each other, would go on by runnext, slice after slice. When the ring is
// empty, runnext has a turn of its own, and the global queue the next.
G *runq_get_in_turn(P *p) {
    if (likely(!p->slice_spent)) return runq_get(p);
    hint_store(&p->slice_spent, false);
    G *g = runq_get_ring(p);
    if (g) return g;
    p->until_global = 1;
    return exchange(&p->runq.runnext, NULL); // a thief may have been quicker
}

uint32_t runq_length(const P *p) {
    const RunQ *q = &p->runq;
    uint32_t n = load_acquire(&q->tail) - load_acquire(&q->head);
    if (n > RUNQ_SIZE) n = 0; // head moved between the two loads
    return n + (load_acquire(&q->runnext) != NULL);
}

bool runq_empty(const P *p) {
    const RunQ *q = &p->runq;
    // head, tail and runnext cannot be read at once: if tail did not change meanwhile, nothing moved from runnext
    // to the ring between the loads, so "all empty" was true at one moment.
    for (;;) {
        uint32_t head = load_seq(&q->head), tail = load_seq(&q->tail);
        G *next = load_seq(&q->runnext);
        if (tail == load_seq(&q->tail)) return head == tail && next == NULL;
    }
}

G *runq_steal(P *p, P *victim, bool next_too) {
    RunQ *v = &victim->runq, *q = &p->runq;
    uint32_t head = load_acquire(&v->head);
    for (;;) {
        uint32_t tail = load_acquire(&v->tail), n = tail - head;
        n -= n / 2;
        if (n > RUNQ_SIZE / 2) { // head and tail are from different moments
            head = load_acquire(&v->head);
            continue;
        }
        if (n > RUNQ_BATCH) n = RUNQ_BATCH;
        if (n == 0) {
            if (!next_too || !load_relaxed(&v->runnext)) return NULL;
            return exchange(&v->runnext, NULL);
        }
        // Copy into our free slots first: nobody sees them before we publish tail. p's ring is empty (it is looking for work).
        uint32_t mine = load_relaxed(&q->tail);
        for (uint32_t i = 0; i < n; i++)
            store_relaxed(&q->slot[(mine + i) % RUNQ_SIZE], load_relaxed(&v->slot[(head + i) % RUNQ_SIZE]));
        if (!cas(&v->head, &head, head + n)) continue;
        G *g = load_relaxed(&q->slot[(mine + n - 1) % RUNQ_SIZE]);
        if (n > 1) store_release(&q->tail, mine + n - 1);
        return g;
    }
}
