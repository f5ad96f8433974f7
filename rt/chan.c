// chan.c -- channels: make, send, receive, close.
//
// A buffered channel is a ring of values and two queues of waiting goroutines; an unbuffered one has only the
// queues. Who finds the other side waiting hands the value over directly, into or out of the waiter's stack,
// and makes it runnable; so a woken goroutine never has to look at the channel again, and order is first
// come, first served.
//
// A waiter lives on its goroutine's stack. Others touch it only under c->lock, and not after they have called
// g_ready: the fields that its goroutine reads on waking are in its G. Under the lock a waiter is taken by
// exactly one other goroutine, so g_ready is called once per park; with select see the head of select.c.
//
// Locks: c->lock (RANK_CHAN), never two here. Panics are raised and goroutines readied after its release: a
// woken goroutine does not find it taken. Nothing here allocates except make.
//
// Send and receive have a fast path without calls, for plain waiters and values of 4 and 8 bytes: it saves no
// registers, and leaves by a jump to the function that readies the other side, waits, or does the general
// case (any size, selects, closed). So the frames of those (a Waiter) and of the door do not add up either:
// the chain must fit in the stack slack (HACKING.md).
#include "escape.h"
#include "chan.h"
#include "ready.h"
#include "trace.h"

#define noinline __attribute__((noinline))

// ---- make

static const uint8_t chan_pointers[] = {1 << (offsetof(Chan, buf) / 8)};
static const String chan_type_name = {"runtime.hchan", 13};
static const Type chan_type = {
    .size = sizeof(Chan),
    .ptrdata = offsetof(Chan, buf) + 8,
    .align = 8,
    .field_align = 8,
    .kind = KIND_STRUCT,
    .gcdata = chan_pointers,
    .string = &chan_type_name,
};

Chan *chan_make_of(const Type *elem, intptr_t n) {
    size_t bytes;
    if (elem->size >= 1u << 16) panic_plain("makechan: invalid channel element type");
    if (n < 0 || __builtin_mul_overflow((size_t)n, elem->size, &bytes) || bytes > (size_t)1 << 47)
        panic_plain("makechan: size out of range");
    // The record first: a buffer that is at least as new as the record needs no barrier when it is stored
    // there. One without pointers is part of the record, which then leads nowhere but into itself.
    bool apart = elem->ptrdata != 0 && bytes != 0;
    Chan *c = heap_alloc(sizeof(Chan) + (apart ? 0 : bytes), apart ? &chan_type : NULL, 0);
    c->buf = apart ? heap_alloc(bytes, elem, 0) : (char *)(c + 1);
    c->dataqsiz = (uintptr_t)n;
    c->elem_size = (uint16_t)elem->size;
    c->general = !elem_is_small(c) || WATCHED();
    c->elem = elem;
    c->send_at = c->recv_at = c->buf;
    c->buf_end = c->buf + bytes;
    lock_init(&c->lock, RANK_CHAN);
    RT_DOOR();
    return c;
}

// ---- values, while marking and of other sizes than 8

noinline void elem_shade_slow(const Chan *c, const void *at) {
    if (c->elem->ptrdata != 0) gc_shade_words_slow(at, c->elem->ptrdata);
}

// Up to here a loop is quicker than starting a string instruction.
#define LOOP_WORDS 16u

noinline void elem_copy_words(void *dst, const void *src, size_t bytes) {
    uint64_t *d = dst;
    const uint64_t *s = src;
    size_t words = bytes / 8;
    if (unlikely(words > LOOP_WORDS))
        __asm__ volatile("rep movsq" : "+D"(d), "+S"(s), "+c"(words) : : "memory");
    for (; words > 0; words--)
        *d++ = *s++;
    uint8_t *db = (uint8_t *)d;
    const uint8_t *sb = (const uint8_t *)s;
    for (bytes %= 8; bytes > 0; bytes--) // no pointers in such a type: its alignment would be 8
        *db++ = *sb++;
}

noinline void elem_zero_words(void *dst, size_t bytes) {
    uint64_t *d = dst;
    size_t words = bytes / 8;
    if (unlikely(words > LOOP_WORDS))
        __asm__ volatile("rep stosq" : "+D"(d), "+c"(words) : "a"(0) : "memory");
    for (; words > 0; words--)
        *d++ = 0;
    uint8_t *db = (uint8_t *)d;
    for (bytes %= 8; bytes > 0; bytes--)
        *db++ = 0;
}

noinline void elem_take_words(void *dst, void *src, size_t bytes) {
    if (dst) elem_copy_words(dst, src, bytes);
    elem_zero_words(src, bytes);
}

// ---- send

static noinline void block_for_ever(WaitReason why) {
    watch_wait(NULL, 0);
    g_park(why, NULL);
    rt_throw("goroutine woken that waits for ever");
}

static noinline void send_panic(void) {
    panic_plain("send on closed channel");
}

// Queues the caller in q and parks; true: handed over, false: closed. c->lock held; released here. G is
// reread behind the park, so that the switch has less to save. No door is needed after a park: it passes the scheduler
// when something asks for that, and whoever comes back has just reread the request (gogo.asm).
static inline bool wait_in(Chan *c, WaitQueue *q, Waiter *w, const void *elem, WaitReason why) {
    G *g = g_self();
    w->link = NULL;
    w->g = g;
    w->elem = (void *)elem;
    w->flags = 0;
    g->waiting = w;
    waitq_push(q, w);
    g_park(why, &c->lock);
    g = g_self();
    g->waiting = NULL;
    return g->wake_ok;
}

// c->lock held; released here.
static noinline void send_wait(Chan *c, const void *elem) {
    Waiter w;
    if (unlikely(!wait_in(c, &c->sendq, &w, elem, WAIT_CHAN_SEND))) send_panic();
}

static noinline void send_closed(Chan *c) {
    lock_release(&c->lock);
    send_panic();
}

// The other side has been served, and no lock is held. Its usual case is wake_quick.
static noinline bool wake_true(G *g) {
    g_ready(g);
    RT_DOOR();
    return true;
}
static noinline bool door_true(void) {
    rt_door_slow();
    return true;
}
static noinline bool wake_rest(P *p, G *kicked) {
    ready_rest(p, kicked);
    RT_DOOR();
    return true;
}
static inline __attribute__((always_inline)) bool wake_quick(G *g) {
    P *p = p_self();
    if (!ready_is_plain(p, g)) return wake_true(g);
    G *kicked = ready_next(p, g);
    if (unlikely(kicked != NULL) || ready_unheard(p)) return wake_rest(p, kicked);
    if (unlikely(load_relaxed(&p->request) != 0)) return door_true(); // RT_DOOR
    return true;
}
static noinline void wake(G *g) {
    wake_true(g);
}

// Every case. c->lock held; released here.
static noinline void send_general(Chan *c, const void *elem) {
    trace_chan(TRACE_CHAN_SEND, c, 0);
    watch_wait(c, 0);
    if (unlikely(load_relaxed(&c->closed))) return send_closed(c);
    G *g;
    if (!chan_put(c, elem, &g)) return send_wait(c, elem);
    lock_release(&c->lock);
    if (g) return wake(g);
    RT_DOOR();
}

static noinline void send_contended(Chan *c, const void *elem) {
    lock_acquire(&c->lock);
    send_general(c, elem);
}

void chan_send_from(Chan *c, const void *elem) {
    if (unlikely(!c)) return block_for_ever(WAIT_CHAN_SEND_NIL);
    escape_check("chan send", elem, c->elem, (uintptr_t)__builtin_return_address(0));
    if (unlikely(!lock_try(&c->lock))) return send_contended(c, elem);
    if (unlikely(!elem_is_quick(c) || load_relaxed(&c->closed))) return send_general(c, elem);
    Waiter *w = load_relaxed(&c->recvq.head);
    if (w) { // chan_put's first half
        if (unlikely(w->select)) return send_general(c, elem);
        store_relaxed(&c->recvq.head, w->next);
        if (likely(w->elem != NULL)) elem_copy_small(c, w->elem, elem);
        G *g = waiter_fire(w, true);
        lock_release(&c->lock);
        wake_quick(g);
        return;
    }
    uintptr_t n = load_relaxed(&c->qcount); // its second half
    if (n == c->dataqsiz) return send_wait(c, elem);
    char *slot = c->send_at, *after = slot + c->elem_size;
    elem_copy_small(c, slot, elem);
    if (after == c->buf_end) after = c->buf;
    c->send_at = after;
    store_relaxed(&c->qcount, n + 1);
    lock_release(&c->lock);
    RT_DOOR();
}

bool chan_try_send_from(Chan *c, const void *elem) {
    bool done = false;
    if (!c || !chan_send_hint(c)) goto out;
    escape_check("chan send", elem, c->elem, (uintptr_t)__builtin_return_address(0));
    lock_acquire(&c->lock);
    if (unlikely(load_relaxed(&c->closed))) send_closed(c);
    G *g;
    done = chan_put(c, elem, &g);
    lock_release(&c->lock);
    if (g) {
        trace_chan(TRACE_SELECT_SEND, c, 0);
        return wake_true(g);
    }
out:
    trace_chan(done ? TRACE_SELECT_SEND : TRACE_SELECT_DEFAULT, c, !done);
    RT_DOOR();
    return done;
}

bool chan_offer(Chan *c, const void *elem) {
    G *g;
    lock_acquire(&c->lock);
    bool done = chan_put(c, elem, &g);
    lock_release(&c->lock);
    if (g) g_ready(g);
    return done;
}

// ---- receive

// Takes the oldest buffered value. c->lock held, c->qcount = n > 0. Its twin is in chan_recv_into.
static inline void take_buffered(Chan *c, void *elem, uintptr_t n) {
    char *slot = c->recv_at, *after = slot + c->elem_size;
    elem_take(c, elem, slot);
    c->recv_at = after == c->buf_end ? c->buf : after;
    store_relaxed(&c->qcount, n - 1);
}

static noinline Take take_general(const Chan *c, void *elem, const void *from) {
    elem_copy(c, elem, from);
    return TAKE_VALUE;
}

// The buffer is not empty, and was full if a sender waits. c->lock held, c->qcount = n.
static noinline Take take_from_buffer(Chan *c, void *elem, uintptr_t n, G **wake) {
    Waiter *w = waitq_pop(&c->sendq);
    take_buffered(c, elem, n);
    if (!w) return TAKE_VALUE;
    // The sender's value goes where the oldest was, which is now the place of the newest.
    elem_copy(c, c->send_at, w->elem);
    c->send_at = c->recv_at;
    store_relaxed(&c->qcount, n);
    *wake = waiter_fire(w, true);
    return TAKE_VALUE;
}

Take chan_take(Chan *c, void *elem, G **wake) {
    *wake = NULL;
    uintptr_t n = load_relaxed(&c->qcount);
    if (n > 0) return take_from_buffer(c, elem, n, wake);
    Waiter *w = waitq_pop(&c->sendq);
    if (!w) return load_relaxed(&c->closed) ? TAKE_CLOSED : TAKE_NOTHING;
    *wake = waiter_fire(w, true); // readied by the caller after the release: w stays until then
    if (!elem) return TAKE_VALUE;
    if (unlikely(!elem_is_quick(c))) return take_general(c, elem, w->elem);
    elem_copy_small(c, elem, w->elem);
    return TAKE_VALUE;
}

static noinline bool recv_closed(Chan *c, void *elem) {
    if (elem) elem_zero(c, elem);
    RT_DOOR();
    return false;
}

// c->lock held; released here.
static noinline bool recv_wait(Chan *c, void *elem) {
    Waiter w;
    if (unlikely(!wait_in(c, &c->recvq, &w, elem, WAIT_CHAN_RECV))) return recv_closed(c, w.elem);
    return true;
}

// Every case. c->lock held; released here.
static noinline bool recv_general(Chan *c, void *elem) {
    trace_chan(TRACE_CHAN_RECV, c, 0);
    watch_wait(c, 0);
    G *g;
    Take t = chan_take(c, elem, &g);
    if (t == TAKE_NOTHING) return recv_wait(c, elem);
    lock_release(&c->lock);
    if (g) return wake_true(g);
    if (t == TAKE_CLOSED) return recv_closed(c, elem);
    RT_DOOR();
    return true;
}

static noinline bool recv_contended(Chan *c, void *elem) {
    lock_acquire(&c->lock);
    return recv_general(c, elem);
}

static noinline bool recv_nil(void) {
    block_for_ever(WAIT_CHAN_RECV_NIL);
    return false;
}

bool chan_recv_into(Chan *c, void *elem) {
    if (unlikely(!c)) return recv_nil();
    if (unlikely(!lock_try(&c->lock))) return recv_contended(c, elem);
    if (unlikely(!elem_is_quick(c) || !elem)) return recv_general(c, elem);
    uintptr_t n = load_relaxed(&c->qcount);
    Waiter *w = load_relaxed(&c->sendq.head);
    if (n == 0) { // chan_take's other cases
        if (!w) return unlikely(load_relaxed(&c->closed)) ? recv_general(c, elem) : recv_wait(c, elem);
        if (unlikely(w->select)) return recv_general(c, elem);
        store_relaxed(&c->sendq.head, w->next);
        elem_copy_small(c, elem, w->elem);
        G *g = waiter_fire(w, true);
        lock_release(&c->lock);
        return wake_quick(g);
    }
    if (w) return recv_general(c, elem);
    char *slot = c->recv_at, *after = slot + c->elem_size; // take_buffered
    elem_take_small(c, elem, slot);
    if (after == c->buf_end) after = c->buf;
    c->recv_at = after;
    store_relaxed(&c->qcount, n - 1);
    lock_release(&c->lock);
    if (unlikely(load_relaxed(&p_self()->request) != 0)) return door_true(); // RT_DOOR
    return true;
}

bool chan_try_recv_into(Chan *c, void *elem, bool *ok) {
    Take t = TAKE_NOTHING;
    if (c && chan_recv_hint(c)) {
        G *g;
        lock_acquire(&c->lock);
        t = chan_take(c, elem, &g);
        lock_release(&c->lock);
        if (g) g_ready(g);
        if (t == TAKE_CLOSED && elem) elem_zero(c, elem);
    }
    if (ok) *ok = t == TAKE_VALUE;
    trace_chan(t != TAKE_NOTHING ? TRACE_SELECT_RECV : TRACE_SELECT_DEFAULT, c, t == TAKE_NOTHING);
    RT_DOOR();
    return t != TAKE_NOTHING;
}

// ---- close

// Moves everybody who waits in q to the list. c->lock held.
static Waiter **close_queue(WaitQueue *q, Waiter **tail) {
    for (Waiter *w; (w = waitq_pop(q)); tail = &w->next) {
        *tail = w;
        waiter_fire(w, false);
    }
    return tail;
}

void chan_close_of(Chan *c) {
    if (!c) panic_plain("close of nil channel");
    trace_chan(TRACE_CHAN_CLOSE, c, 0);
    lock_acquire(&c->lock);
    if (load_relaxed(&c->closed)) {
        lock_release(&c->lock);
        panic_plain("close of closed channel");
    }
    store_release(&c->closed, 1); // pairs with the hints
    // One queue is empty except when both sides of one select wait here. The waiters are ours now, so their
    // links are.
    Waiter *list = NULL;
    Waiter **tail = close_queue(&c->recvq, &list);
    tail = close_queue(&c->sendq, tail);
    *tail = NULL;
    lock_release(&c->lock);
    while (list) {
        G *g = list->g;
        list = list->next; // before g runs: the waiter is on its stack
        g_ready_tail(g);
    }
    RT_DOOR();
}
