// select.c -- wait for the first of several channel operations.
//
// The idea is Go's (runtime/select.go). A first look goes over the cases in random order and takes the first that can proceed, one
// channel lock at a time: most selects end there. Otherwise all channels are locked in address order, and looked at again (so that
// "nothing is ready", hence default or waiting, is true at one moment); then a waiter is queued on each, and the goroutine
// parks. Woken, it takes the waiters of the other cases out again, each under its channel's lock.
//
// The race: two others may find our waiters on two channels at once. A waiter of a select is claimed by a cas of
// g->select_done from 0 to 1 (waitq_pop): the first wins and wakes us, the others drop the waiter from their queue and look for
// another. select_done is set to 0 while we hold all locks, before the first waiter is visible, and no waiter of an earlier select of ours is
// still in any queue, because a select removes them all before it returns: so the cas always speaks of the current select. The
// winner writes the value and wake_param under its channel's lock, before g_ready; nobody writes through our waiters once
// we have taken each of the other channels' locks.
//
// Rejected: queueing channel by channel with one lock at a time. It needs no order, but two selects over the same two channels can
// then each find the other half-registered, and one has to undo a claim that a third may already have acted on.
//
// Locks: all channels of the cases, by address, equal ones once. They are released while the goroutine parks: as soon as
// the first is free we may be fired, but not run before this core has left our stack (g->on_cpu), so reading the cases on it is safe.
//
// Stack: cases and waiters are in the caller's frame, and so are both orders (fields poll and lock).
#include "chan.h"
#include "sched.h"

#define noinline __attribute__((noinline))

typedef struct Select {
    SelectCase *cases;
    Waiter *room;
    unsigned n; // cases with a channel: length of both orders
} Select;

// ---- the orders

// Fills poll with the cases that have a channel, in random order; returns the position of default, or -1.
static int shuffle(Select *s, unsigned n) {
    SelectCase *cs = s->cases;
    P *p = p_self();
    int fallback = -1;
    unsigned m = 0;
    for (unsigned i = 0; i < n; i++) {
        if (!cs[i].c) {
            if (cs[i].kind == SELECT_DEFAULT) fallback = (int)i;
            continue;
        }
        unsigned j = (unsigned)(((rand_next(p) >> 32) * (m + 1)) >> 32); // 0..m, inside-out Fisher-Yates
        cs[m].poll = cs[j].poll;
        cs[j].poll = (uint16_t)i;
        m++;
    }
    s->n = m;
    return fallback;
}

static inline uintptr_t lock_key(const SelectCase *cs, unsigned k) { return (uintptr_t)cs[cs[k].lock].c; }

static void sift_down(SelectCase *cs, unsigned at, unsigned n) {
    uint16_t moving = cs[at].lock;
    uintptr_t key = (uintptr_t)cs[moving].c;
    for (unsigned child; (child = 2 * at + 1) < n; at = child) {
        if (child + 1 < n && lock_key(cs, child + 1) > lock_key(cs, child)) child++;
        if (lock_key(cs, child) <= key) break;
        cs[at].lock = cs[child].lock;
    }
    cs[at].lock = moving;
}

// n log n for many cases.
static noinline void heap_sort(SelectCase *cs, unsigned n) {
    for (unsigned i = n / 2; i-- > 0;)
        sift_down(cs, i, n);
    for (unsigned end = n; end-- > 1;) {
        uint16_t top = cs[0].lock;
        cs[0].lock = cs[end].lock;
        cs[end].lock = top;
        sift_down(cs, 0, end);
    }
}

static void order_locks(const Select *s) {
    SelectCase *cs = s->cases;
    for (unsigned k = 0; k < s->n; k++) {
        uint16_t i = cs[k].poll;
        unsigned at = k;
        if (s->n <= 16) {
            for (; at > 0 && lock_key(cs, at - 1) > (uintptr_t)cs[i].c; at--)
                cs[at].lock = cs[at - 1].lock;
        }
        cs[at].lock = i;
    }
    if (unlikely(s->n > 16)) heap_sort(cs, s->n);
}

static void lock_all(const Select *s) {
    Chan *last = NULL;
    for (unsigned k = 0; k < s->n; k++) {
        Chan *c = s->cases[s->cases[k].lock].c;
        if (c != last) lock_acquire(&c->lock);
        last = c;
    }
}

// Also what g_park_with calls. Equal channels are neighbours in the order: released once, at the first of them.
static void unlock_all(void *arg) {
    const Select *s = arg;
    for (unsigned k = s->n; k-- > 0;) {
        Chan *c = s->cases[s->cases[k].lock].c;
        if (k > 0 && c == s->cases[s->cases[k - 1].lock].c) continue;
        lock_release(&c->lock);
    }
}

// ---- one case

typedef enum { TRY_BLOCKED, TRY_DONE, TRY_CLOSED_SEND, TRY_CLOSED_RECV } Try;

static inline bool hint(const SelectCase *sc) {
    return sc->kind == SELECT_SEND ? chan_send_hint(sc->c) : chan_recv_hint(sc->c);
}

// Does sc if it can proceed. Its channel is locked, and stays so.
static noinline Try try_case(const SelectCase *sc, G **wake) {
    Chan *c = sc->c;
    *wake = NULL;
    if (sc->kind == SELECT_SEND) {
        if (unlikely(load_relaxed(&c->closed))) return TRY_CLOSED_SEND;
        return chan_put(c, sc->elem, wake) ? TRY_DONE : TRY_BLOCKED;
    }
    Take t = chan_take(c, sc->elem, wake);
    return t == TAKE_NOTHING ? TRY_BLOCKED : t == TAKE_VALUE ? TRY_DONE : TRY_CLOSED_RECV;
}

// What follows a case that was done here, with no lock held any more.
static noinline void finish(const SelectCase *sc, Try result, G *wake) {
    if (wake) g_ready(wake);
    if (unlikely(result == TRY_CLOSED_SEND)) panic_plain("send on closed channel");
    if (unlikely(result == TRY_CLOSED_RECV) && sc->elem) elem_zero(sc->c, sc->elem);
    if (sc->ok) *sc->ok = result == TRY_DONE;
}

// ---- the three looks; each returns the position of the case that was done, or -1

static int look_quickly(const Select *s) {
    for (unsigned k = 0; k < s->n; k++) {
        unsigned i = s->cases[k].poll;
        const SelectCase *sc = &s->cases[i];
        if (!hint(sc)) continue;
        G *wake;
        lock_acquire(&sc->c->lock);
        Try r = try_case(sc, &wake);
        lock_release(&sc->c->lock);
        if (r == TRY_BLOCKED) continue;
        finish(sc, r, wake);
        return (int)i;
    }
    return -1;
}

// All locks held; released when a case was done.
static int look_locked(Select *s) {
    for (unsigned k = 0; k < s->n; k++) {
        unsigned i = s->cases[k].poll;
        const SelectCase *sc = &s->cases[i];
        if (!hint(sc)) continue;
        G *wake;
        Try r = try_case(sc, &wake);
        if (r == TRY_BLOCKED) continue; // only stale waiters were there
        unlock_all(s);
        finish(sc, r, wake);
        return (int)i;
    }
    return -1;
}

// All locks held; parks, which releases them.
static int wait_for_one(Select *s) {
    SelectCase *cs = s->cases;
    G *g = g_self();
    Waiter *list = NULL;
    store_relaxed(&g->select_done, 0); // published by the locks
    for (unsigned k = 0; k < s->n; k++) {
        unsigned i = cs[k].lock;
        Waiter *w = &s->room[i];
        w->g = g;
        w->elem = cs[i].elem;
        w->index = (uint16_t)i;
        w->select = w->queued = true;
        w->link = list;
        list = w;
        waitq_push(cs[i].kind == SELECT_SEND ? &cs[i].c->sendq : &cs[i].c->recvq, w);
    }
    g->waiting = list;
    g_park_with(WAIT_SELECT, unlock_all, s);
    g->waiting = NULL;
    const Waiter *fired = g->wake_param;
    bool ok = g->wake_ok;
    for (Waiter *w = list; w; w = w->link) {
        if (w == fired) continue; // whoever fired it has taken it out
        Chan *c = cs[w->index].c;
        lock_acquire(&c->lock);
        if (w->queued) waitq_remove(cs[w->index].kind == SELECT_SEND ? &c->sendq : &c->recvq, w);
        lock_release(&c->lock);
    }
    unsigned i = fired->index;
    if (cs[i].kind == SELECT_SEND) {
        if (unlikely(!ok)) panic_plain("send on closed channel");
    } else {
        if (unlikely(!ok) && cs[i].elem) elem_zero(cs[i].c, cs[i].elem);
        if (cs[i].ok) *cs[i].ok = ok;
    }
    return (int)i;
}

int chan_select_of(SelectCase *cases, Waiter *room, unsigned n) {
    Select s = {.cases = cases, .room = room};
    int fallback = shuffle(&s, n);
    int chosen = look_quickly(&s);
    // A single channel that is not ready needs no second look: there is no other with which its state could be out of step.
    if (chosen < 0 && fallback >= 0 && s.n <= 1) chosen = fallback;
    if (chosen < 0) {
        if (unlikely(s.n == 0)) g_park(n == 0 ? WAIT_SELECT_NONE : WAIT_SELECT, NULL); // for ever
        order_locks(&s);
        lock_all(&s);
        chosen = look_locked(&s);
        if (chosen < 0 && fallback >= 0) {
            unlock_all(&s);
            chosen = fallback;
        }
        if (chosen < 0) chosen = wait_for_one(&s);
    }
    RT_DOOR();
    return chosen;
}
