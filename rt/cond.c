// cond.c -- Cond: wait for a signal with a mutex released.
//
// The algorithm is that of Go's notifyList. A waiter draws a ticket (c->wait) while it still holds the mutex,
// and queues itself only after unlocking; a signal serves the next ticket (c->notify), whether or not its
// owner has queued by then. Who comes to the queue with a ticket that was served already does not park. So no
// signal after the unlock is missed, and none goes to somebody who came later. Tickets wrap: the difference
// is compared.
#include "addrwait.h"
#include "watch.h"
#include "api/sync.h"

static inline uint32_t load(uint32_t *p) {
    return __atomic_load_n(p, __ATOMIC_SEQ_CST);
}
// Everything is keyed by the address of c->wait; notify changes only under the queue's lock.

void cond_wait(Cond *c) {
    nil_check(c);
    nil_check(c->mutex);
    AddrWaiter w; // addr_push sets the rest
    w.g = g_self();
    w.ticket = __atomic_fetch_add(&c->wait, 1, __ATOMIC_SEQ_CST);
    mutex_unlock(c->mutex);
    AddrQueue *q = addr_queue(&c->wait);
    lock_acquire(&q->lock);
    if ((int32_t)(w.ticket - load(&c->notify)) < 0) {
        lock_release(&q->lock);
    } else {
        addr_push(q, &c->wait, &w, false);
        watch_wait(c, 0);
        g_park(WAIT_COND, &q->lock);
    }
    mutex_lock(c->mutex);
    RT_DOOR();
}

void cond_signal(Cond *c) {
    nil_check(c);
    if (load(&c->wait) != load(&c->notify)) { // else nobody waits who drew a ticket before this call
        AddrQueue *q = addr_queue(&c->wait);
        lock_acquire(&q->lock);
        uint32_t ticket = c->notify;
        AddrWaiter *w = NULL;
        if (ticket != load(&c->wait)) {
            __atomic_store_n(&c->notify, ticket + 1, __ATOMIC_SEQ_CST);
            w = addr_pop_ticket(q, &c->wait, ticket); // NULL: its owner is not there yet, and will see notify
        }
        lock_release(&q->lock);
        if (w) g_ready(w->g);
    }
    RT_DOOR();
}

void cond_broadcast(Cond *c) {
    nil_check(c);
    if (load(&c->wait) != load(&c->notify)) {
        AddrQueue *q = addr_queue(&c->wait);
        lock_acquire(&q->lock);
        __atomic_store_n(&c->notify, load(&c->wait), __ATOMIC_SEQ_CST);
        AddrWaiter *w = addr_pop_all(q, &c->wait);
        lock_release(&q->lock);
        while (w) {
            G *g = w->g;
            w = w->next; // before g runs: the waiter is on its stack
            g_ready_tail(g);
        }
    }
    RT_DOOR();
}
