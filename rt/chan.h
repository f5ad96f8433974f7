// chan.h -- the channel record, its queues and the locked halves of send and receive, for chan.c, select.c
// and time.c.
//
// Invariants, under c->lock:
//   dataqsiz > 0: senders wait only while the buffer is full, receivers only while it is empty
//   dataqsiz == 0: senders or receivers wait, not both, except both sides of one select
//   closed: nobody waits
// A waiter that belongs to a select may be stale: another channel has already fired it. waitq_pop drops
// those.
#pragma once
#include "core.h"
#include "watch.h"
#include "api/chan.h"

// Waiting goroutines, oldest first. head is also read without the lock, as a hint. tail has no meaning while
// head is NULL, nor the first waiter's prev.
typedef struct WaitQueue {
    _Atomic(Waiter *) head;
    Waiter *tail;
} WaitQueue;

typedef struct Chan {
    _Atomic uintptr_t qcount; // values in the buffer; read without the lock by len and by hints
    uintptr_t dataqsiz;       // room in the buffer; constant, as buf to buf_end, elem and elem_size
    char *buf; // the only field that the collector follows: the rest points inside it or to stacks
    Lock lock; // guards everything below, and qcount for writing
    uint16_t elem_size;
    uint16_t general;        // constant: values are not small, or somebody looks at channels (rt_watch); the trace's hook is in the general case
    _Atomic uint32_t closed; // 0 -> 1 once
    char *send_at, *recv_at; // next slot to fill, oldest value
    char *buf_end;
    WaitQueue recvq, sendq;
    const Type *elem;
} Chan;
_Static_assert(offsetof(Chan, qcount) == 0 && offsetof(Chan, dataqsiz) == 8,
               "gccgo's code reads len and cap here");

// ---- values

void elem_copy_words(void *dst, const void *src, size_t bytes);
void elem_zero_words(void *dst, size_t bytes);
void elem_take_words(void *dst, void *src, size_t bytes);

// Values are copied word by word: a word that holds a pointer never moves in pieces that the collector could
// see half of.
//
// While marking, what is overwritten is shaded first: dst may be a buffer, or a place in a heap object that a
// receiver named; so is what leaves a buffer, which the receiver alone holds from then on. (A place on a
// parked goroutine's stack would need none: nobody has read it since stop 1, nor ever will. To tell it from
// the heap would cost more.) What is written needs nothing, as everywhere (gc.h). The paths for small values
// do not shade: they are only taken when there is no marking (elem_is_quick).

// Most values have 8 bytes, or 4 (C's int).
static inline bool elem_is_small(const Chan *c) {
    return ((c->elem_size - 4) & ~4u) == 0;
}
// And may be copied as it is. The collector's flag changes only at stops: it holds for the whole operation.
static inline bool elem_is_quick(const Chan *c) { return (c->general | load_relaxed(&gc.barrier)) == 0; }
void elem_shade_slow(const Chan *c, const void *at);
static inline void elem_shade(const Chan *c, const void *at) {
    if (unlikely(load_relaxed(&gc.barrier) != 0)) elem_shade_slow(c, at);
}
static inline void elem_copy_small(const Chan *c, void *dst, const void *src) {
    if (c->elem_size == 8)
        *(uint64_t *)dst = *(const uint64_t *)src;
    else
        *(uint32_t *)dst = *(const uint32_t *)src;
}
// Copies a value out of a buffer and clears its slot, or the buffer would keep alive what was sent.
static inline void elem_take_small(const Chan *c, void *dst, void *src) {
    if (c->elem_size == 8) {
        uint64_t v = *(uint64_t *)src;
        *(uint64_t *)src = 0;
        *(uint64_t *)dst = v;
    } else {
        *(uint32_t *)dst = *(uint32_t *)src; // no pointer
    }
}
static inline void elem_copy(const Chan *c, void *dst, const void *src) {
    elem_shade(c, dst);
    if (likely(elem_is_small(c)))
        elem_copy_small(c, dst, src);
    else
        elem_copy_words(dst, src, c->elem_size);
}
static inline void elem_take(const Chan *c, void *dst, void *src) { // dst may be NULL
    if (unlikely(load_relaxed(&gc.barrier) != 0)) {
        elem_shade_slow(c, src);
        if (dst) elem_shade_slow(c, dst);
    }
    if (likely(elem_is_small(c) && dst))
        elem_take_small(c, dst, src);
    else
        elem_take_words(dst, src, c->elem_size);
}
static inline void elem_zero(const Chan *c, void *dst) {
    elem_shade(c, dst);
    elem_zero_words(dst, c->elem_size);
}

// ---- queues; c->lock held

static inline void waitq_push(WaitQueue *q, Waiter *w) {
    w->next = NULL;
    if (load_relaxed(&q->head)) {
        w->prev = q->tail;
        q->tail->next = w;
    } else {
        store_relaxed(&q->head, w);
    }
    q->tail = w;
}

// Takes the oldest waiter that is still there to be woken; NULL: none. The caller owns its wake-up: it must
// g_ready it after release.
static inline Waiter *waitq_pop(WaitQueue *q) {
    for (;;) {
        Waiter *w = load_relaxed(&q->head);
        if (!w) return NULL;
        store_relaxed(&q->head, w->next);
        if (likely(!w->select)) return w;
        w->queued = false;
        uint32_t open = 0; // pairs with the other channels' cas; see the head of select.c
        if (cas(&w->g->select_done, &open, 1)) return w;
    }
}

static inline void waitq_remove(WaitQueue *q, Waiter *w) {
    if (load_relaxed(&q->head) == w) {
        store_relaxed(&q->head, w->next);
        return;
    }
    w->prev->next = w->next;
    if (w->next)
        w->next->prev = w->prev;
    else
        q->tail = w->prev;
}

// What the woken goroutine finds. Before c->lock is released; then g_ready.
static inline G *waiter_fire(Waiter *w, bool ok) {
    G *g = w->g;
    g->wake_param = w;
    g->wake_ok = ok;
    return g;
}

// ---- the locked halves. c->lock held and kept; never block. *wake: goroutine to g_ready after the release,
// or NULL.

// Sends *elem if a receiver waits or the buffer has room. c is not closed.
static inline bool chan_put(Chan *c, const void *elem, G **wake) {
    Waiter *w = waitq_pop(&c->recvq);
    if (w) {
        if (w->elem) elem_copy(c, w->elem, elem);
        *wake = waiter_fire(w, true);
        return true;
    }
    *wake = NULL;
    uintptr_t n = load_relaxed(&c->qcount);
    if (n == c->dataqsiz) return false;
    char *slot = c->send_at, *after = slot + c->elem_size;
    elem_copy(c, slot, elem);
    c->send_at = after == c->buf_end ? c->buf : after;
    store_relaxed(&c->qcount, n + 1);
    return true;
}

typedef enum { TAKE_NOTHING, TAKE_VALUE, TAKE_CLOSED } Take;
// Receives into *elem (may be NULL). TAKE_CLOSED: closed and empty, *elem untouched.
Take chan_take(Chan *c, void *elem, G **wake);

// Hints without the lock: could the operation proceed now? False is true at some moment during the call.
static inline bool chan_send_hint(const Chan *c) {
    // A closed channel never gets unready: that it was open first, then not ready, makes "open and not ready"
    // true in between.
    if (load_acquire(&c->closed)) return true;
    return load_relaxed(&c->recvq.head) != NULL || load_acquire(&c->qcount) < c->dataqsiz;
}
static inline bool chan_recv_hint(const Chan *c) {
    // First "nothing there", then "open": it was open when nothing was there.
    if (load_acquire(&c->qcount) != 0 || load_acquire(&c->sendq.head) != NULL) return true;
    return load_acquire(&c->closed) != 0;
}

// Non-blocking send without the door: timers, on the system stack. Not on a closed channel.
bool chan_offer(Chan *c, const void *elem);
