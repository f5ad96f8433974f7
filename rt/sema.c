// sema.c -- counting semaphores in one word.
//
// The word holds the free permits; who finds none waits on its address (addrwait.c). A release that finds a
// waiter gives it the permit, so a waiter is woken once, with what it waits for. (Go only wakes it, to
// compete with others for the permit: a mutex's waiter that is on its way to a busy core can then be
// overtaken again and again without ever coming to notice that it starves. Competition for a mutex is the
// business of mutex.c, where the time is kept; here it was tried, and t_sync saw waits of seconds.)
//
// No lost wake-up (Dekker): acquire counts itself in q->waiters, then looks at the word again; release adds
// to the word, then reads q->waiters. Both are sequentially consistent, so one of them sees the other.
#include "addrwait.h"
#include "sema.h"
#include "watch.h"
#include "api/sync.h"

bool sema_try_acquire(uint32_t *count) {
    uint32_t n = __atomic_load_n(count, __ATOMIC_SEQ_CST);
    while (n != 0)
        if (__atomic_compare_exchange_n(count, &n, n - 1, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
            return true;
    return false;
}

void sema_acquire(uint32_t *count, bool front, WaitReason why) {
    if (sema_try_acquire(count)) return;
    AddrQueue *q = addr_queue(count);
    lock_acquire(&q->lock);
    atomic_fetch_add_explicit(&q->waiters, 1, memory_order_seq_cst);
    if (sema_try_acquire(count)) {
        fetch_add(&q->waiters, (uint32_t)-1);
        lock_release(&q->lock);
        return;
    }
    watch_wait(count, 0);
    AddrWaiter w; // addr_push sets the rest
    w.g = g_self();
    addr_push(q, count, &w, front);
    g_park(why, &q->lock); // returns with the permit
}

void sema_release(uint32_t *count, bool run_it) {
    __atomic_add_fetch(count, 1, __ATOMIC_SEQ_CST);
    AddrQueue *q = addr_queue(count);
    if (load_seq(&q->waiters) == 0) return;
    lock_acquire(&q->lock);
    AddrWaiter *w = addr_first(q, count);
    if (w && sema_try_acquire(count)) { // else somebody has just taken the permit: the waiters go on waiting
        addr_pop(q, count);
        fetch_add(&q->waiters, (uint32_t)-1);
    } else {
        w = NULL;
    }
    lock_release(&q->lock);
    if (!w) return;
    g_ready(w->g);
    if (run_it) g_yield();
}

// ---- the public one

void semaphore_acquire(Semaphore *s) {
    nil_check(s);
    sema_acquire(&s->count, false, WAIT_SEMA);
    RT_DOOR();
}

bool semaphore_try_acquire(Semaphore *s) {
    nil_check(s);
    bool ok = sema_try_acquire(&s->count);
    RT_DOOR();
    return ok;
}

void semaphore_release(Semaphore *s) {
    nil_check(s);
    sema_release(&s->count, false);
    RT_DOOR();
}
