// select.c -- wait for the first of several channel operations.
//
// The first look reads all channels without locks; of the cases that seem ready one is picked at random,
// tried under its lock, and if it was not ready after all, another: most selects end there. Otherwise, as in
// Go (runtime/select.go), all channels are locked in address order and looked at again, so that "nothing is
// ready", hence default or waiting, is true at one moment; then a waiter is queued on each, and the goroutine
// parks. Woken, it takes the waiters of the other cases out again, each under its channel's lock.
//
// The race: two others may find our waiters on two channels at once. A waiter of a select is claimed by a cas
// of g->select_done from 0 to 1 (waitq_pop): the first wins and wakes us, the others drop the waiter from
// their queue and look for another. select_done is set to 0 while we hold all locks, before the first waiter
// is visible, and no waiter of an earlier select of ours is still in any queue, because a select removes them
// all before it returns: so the cas always speaks of the current select. The winner writes the value and
// wake_param under its channel's lock, before g_ready; nobody writes through our waiters once we have taken
// each of the other channels' locks.
//
// Rejected: queueing channel by channel with one lock at a time. It needs no order, but two selects over the
// same two channels can then each find the other half-registered, and one has to undo a claim that a third
// may already have acted on.
//
// Locks: all channels of the cases, by address, equal ones once. They are released while the goroutine parks:
// as soon as the first is free we may be fired, but not run before this core has left our stack (g->on_cpu),
// so reading the cases on it is safe.
//
// Stack: cases and waiters are in the caller's frame, and so are the two lists that are needed:
// cases[k].ready, k < n_ready, are the positions of those that seem ready; cases[k].lock, k < n, of those
// that have a channel, later in the order of locking.
#include "escape.h"
#include "chan.h"
#include "sched.h"
#include "trace.h"

#define noinline __attribute__((noinline))

typedef struct Select {
    SelectCase *cases;
    Waiter *room;
    unsigned total; // cases
    unsigned n, n_ready;
    G *wake; // the other side of a case that was done here: the door readies it, from a small frame
} Select;

// ---- the order of locks

static inline uintptr_t lock_key(const SelectCase *cs, unsigned k) {
    return (uintptr_t)cs[cs[k].lock].c;
}

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
    if (unlikely(s->n > 16)) {
        heap_sort(cs, s->n);
        return;
    }
    // Channels that were made one after the other are in order already.
    for (unsigned k = 1, n = s->n; k < n; k++) {
        uint16_t i = cs[k].lock;
        if (lock_key(cs, k - 1) <= (uintptr_t)cs[i].c) continue;
        unsigned at = k;
        for (; at > 0 && lock_key(cs, at - 1) > (uintptr_t)cs[i].c; at--)
            cs[at].lock = cs[at - 1].lock;
        cs[at].lock = i;
    }
}

static inline bool hint(const SelectCase *sc) {
    return sc->kind == SELECT_SEND ? chan_send_hint(sc->c) : chan_recv_hint(sc->c);
}

// Also makes the list of ready cases anew, exact now but for stale waiters: a channel does not change once it
// is locked.
static void lock_all(Select *s) {
    SelectCase *cs = s->cases;
    Chan *last = NULL;
    unsigned ready = 0;
    for (unsigned k = 0, n = s->n; k < n; k++) {
        uint16_t i = cs[k].lock;
        Chan *c = cs[i].c;
        if (c != last) lock_acquire(&c->lock);
        last = c;
        if (unlikely(hint(&cs[i]))) cs[ready++].ready = i;
    }
    s->n_ready = ready;
}

// Also what g_park_with calls. Equal channels are neighbours in the order: released once, at the first of
// them.
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

// Does sc if it can proceed. Its channel is locked, and stays so.
static Try try_case(const SelectCase *sc, G **wake) {
    Chan *c = sc->c;
    *wake = NULL;
    if (sc->kind == SELECT_SEND) {
        if (unlikely(load_relaxed(&c->closed))) return TRY_CLOSED_SEND;
        return chan_put(c, sc->elem, wake) ? TRY_DONE : TRY_BLOCKED;
    }
    Take t = chan_take(c, sc->elem, wake);
    return t == TAKE_NOTHING ? TRY_BLOCKED : t == TAKE_VALUE ? TRY_DONE : TRY_CLOSED_RECV;
}

// What the looks return instead of a position. The panic is raised by the door, from a small frame: it takes
// some stack itself.
enum { CHOSE_NOTHING = -1, CHOSE_CLOSED_SEND = -2 };

// What follows a case that was done here, with no lock held any more. Returns what the look returns.
static inline int finish(const SelectCase *sc, unsigned i, Try result) {
    if (likely(result == TRY_DONE)) {
        if (sc->ok) *sc->ok = true;
        return (int)i;
    }
    if (result == TRY_CLOSED_SEND) return CHOSE_CLOSED_SEND;
    if (sc->elem) elem_zero(sc->c, sc->elem);
    if (sc->ok) *sc->ok = false;
    return (int)i;
}

// ---- the looks

// Takes one of the ready cases off the list, each with equal chance.
static inline unsigned pick(Select *s) {
    SelectCase *cs = s->cases;
    unsigned j = 0;
    if (s->n_ready > 1) j = (unsigned)((rand_next(p_self()) >> 32) * s->n_ready >> 32);
    unsigned i = cs[j].ready;
    cs[j].ready = cs[--s->n_ready].ready;
    return i;
}

// Fills both lists. Returns the position of default, or -1.
static inline int look(Select *s) {
    SelectCase *cs = s->cases;
    int fallback = -1;
    unsigned m = 0, ready = 0;
    for (unsigned i = 0, n = s->total; i < n; i++) {
        if (likely(cs[i].c != NULL)) {
            cs[m++].lock = (uint16_t)i;
            if (hint(&cs[i])) cs[ready++].ready = (uint16_t)i;
        } else if (cs[i].kind == SELECT_DEFAULT) {
            fallback = (int)i;
        }
    }
    s->n = m;
    s->n_ready = ready;
    return fallback;
}

// Tries the ready cases, one lock at a time. Returns the position of the one that was done, or CHOSE_*.
static inline int try_ready(Select *s) {
    while (s->n_ready > 0) {
        unsigned i = pick(s);
        const SelectCase *sc = &s->cases[i];
        lock_acquire(&sc->c->lock);
        Try r = try_case(sc, &s->wake);
        lock_release(&sc->c->lock);
        if (unlikely(r == TRY_BLOCKED)) continue;
        return finish(sc, i, r);
    }
    return CHOSE_NOTHING;
}

// The same with all locks held; they are released when a case was done.
static noinline int try_ready_locked(Select *s) {
    while (s->n_ready > 0) {
        unsigned i = pick(s);
        const SelectCase *sc = &s->cases[i];
        Try r = try_case(sc, &s->wake);
        if (r == TRY_BLOCKED) continue; // only stale waiters were there
        unlock_all(s);
        return finish(sc, i, r);
    }
    return CHOSE_NOTHING;
}

// All locks held; parks, which releases them.
static int wait_for_one(Select *s) {
    SelectCase *cs = s->cases;
    G *g = g_self();
    Waiter *list = NULL;
    store_relaxed(&g->select_done, 0); // published by the locks
    for (unsigned i = 0, n = s->total; i < n; i++) {
        Chan *c = cs[i].c;
        if (unlikely(!c)) continue;
        Waiter *w = &s->room[i];
        w->g = g;
        w->elem = cs[i].elem;
        w->flags = 0;
        w->index = (uint16_t)i;
        w->select = true;
        w->queued = true;
        w->link = list;
        list = w;
        waitq_push(cs[i].kind == SELECT_SEND ? &c->sendq : &c->recvq, w);
    }
    g->waiting = list;
    watch_wait(s->cases, s->total);
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
        if (unlikely(!ok)) return CHOSE_CLOSED_SEND;
    } else {
        if (unlikely(!ok) && cs[i].elem) elem_zero(cs[i].c, cs[i].elem);
        if (cs[i].ok) *cs[i].ok = ok;
    }
    return (int)i;
}

// Nothing was ready at the first look.
static noinline int select_slow(Select *s, int fallback) {
    // A single channel needs no second look before default: there is no other with which its state could be
    // out of step.
    if (fallback >= 0 && s->n <= 1) return fallback;
    if (unlikely(s->n == 0)) watch_wait(NULL, 0);
    if (unlikely(s->n == 0)) g_park(s->total == 0 ? WAIT_SELECT_NONE : WAIT_SELECT, NULL); // for ever
    order_locks(s);
    lock_all(s);
    if (unlikely(s->n_ready > 0)) {
        int chosen = try_ready_locked(s);
        if (chosen != CHOSE_NOTHING) return chosen;
    }
    if (fallback >= 0) {
        unlock_all(s);
        return fallback;
    }
    return wait_for_one(s);
}

static noinline void trace_chosen(const Select *s, int i) {
    static const uint8_t why[] = {[SELECT_DEFAULT] = TRACE_SELECT_DEFAULT, [SELECT_SEND] = TRACE_SELECT_SEND, [SELECT_RECV] = TRACE_SELECT_RECV};
    const SelectCase *sc = &s->cases[i];
    trace_chan(why[sc->kind], sc->c, (unsigned)i);
}

static noinline int select_general(SelectCase *cases, Waiter *room, unsigned n) {
    Select s; // n and n_ready are look's
    s.cases = cases;
    s.room = room;
    s.total = n;
    s.wake = NULL;
    int fallback = look(&s), chosen = try_ready(&s);
    if (chosen == CHOSE_NOTHING) chosen = select_slow(&s, fallback);
    if (s.wake) g_ready(s.wake);
    if (unlikely(chosen == CHOSE_CLOSED_SEND)) panic_plain("send on closed channel");
    if (TRACING()) trace_chosen(&s, chosen);
    RT_DOOR();
    return chosen;
}

static noinline int door_chosen(int chosen) {
    rt_door_slow();
    return chosen;
}

int chan_select_of(SelectCase *cases, Waiter *room, unsigned n) {
#ifdef RT_DEBUG
    for (unsigned i = 0; i < n; i++)
        if (cases[i].kind == SELECT_SEND && cases[i].c)
            escape_check("select send", cases[i].elem, cases[i].c->elem,
                         (uintptr_t)__builtin_return_address(0));
#endif
    // One operation and default: who only looks and finds nothing needs no lists and saves no registers. One look is enough, as in
    // select_slow.
    if (n == 2 && cases[1].kind == SELECT_DEFAULT && likely(cases[0].c != NULL) && !TRACING() && !hint(cases)) {
        if (unlikely(load_relaxed(&p_self()->request) != 0)) return door_chosen(1); // RT_DOOR
        return 1;
    }
    return select_general(cases, room, n);
}
