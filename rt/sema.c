// sema.c -- counting semaphores in one word.
//
// The word holds the free permits; who finds none waits on its address (addrwait.c). As in Go, a release adds the permit first and then
// wakes a waiter, which competes with running goroutines for it: a permit is never idle while its new owner is on the way to a core. With
// `handoff` the releaser takes the permit again on the waiter's behalf.
//
// No lost wake-up (Dekker): acquire counts itself in q->waiters, then looks at the word again; release adds to the word, then reads
// q->waiters. Both are sequentially consistent, so one of them sees the other.
#include "addrwait.h"
#include "sema.h"
#include "api/sync.h"

bool sema_try_acquire(uint32_t *count) {
    uint32_t n = __atomic_load_n(count, __ATOMIC_SEQ_CST);
    while (n != 0)
        if (__atomic_compare_exchange_n(count, &n, n - 1, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) return true;
    return false;
}

void sema_acquire(uint32_t *count, bool front, WaitReason why) {
    if (sema_try_acquire(count)) return;
    AddrWaiter w; // addr_push sets the rest
    w.g = g_self();
    w.granted = false;
    AddrQueue *q = addr_queue(count);
    do {
        lock_acquire(&q->lock);
        atomic_fetch_add_explicit(&q->waiters, 1, memory_order_seq_cst);
        if (sema_try_acquire(count)) {
            fetch_add(&q->waiters, (uint32_t)-1);
            lock_release(&q->lock);
            return;
        }
        addr_push(q, count, &w, front);
        g_park(why, &q->lock);
    } while (!w.granted && !sema_try_acquire(count));
}

void sema_release(uint32_t *count, bool handoff) {
    __atomic_add_fetch(count, 1, __ATOMIC_SEQ_CST);
    AddrQueue *q = addr_queue(count);
    if (load_seq(&q->waiters) == 0) return;
    lock_acquire(&q->lock);
    AddrWaiter *w = addr_pop(q, count);
    if (w) fetch_add(&q->waiters, (uint32_t)-1);
    lock_release(&q->lock);
    if (!w) return;
    G *g = w->g;
    bool granted = handoff && sema_try_acquire(count);
    w->granted = granted; // published by g_ready
    g_ready(g);
    // The permit would lie unused until the waiter runs: let it run now.
    if (granted) g_yield();
}

// ---- the public one

void semaphore_acquire(Semaphore *s) {
    sema_acquire(&s->count, false, WAIT_SEMA);
    RT_DOOR();
}

bool semaphore_try_acquire(Semaphore *s) {
    bool ok = sema_try_acquire(&s->count);
    RT_DOOR();
    return ok;
}

void semaphore_release(Semaphore *s) {
    sema_release(&s->count, false);
    RT_DOOR();
}
