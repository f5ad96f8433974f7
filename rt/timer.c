// timer.c -- each core's heap of deadlines.
//
// A P's armed timers are in a heap with four children a node, p->timers.v, earliest first; t->index says
// where. The first deadline is published in p->timer_next for the scheduler, which programs the machine's
// timer and calls timers_run; interrupts only make the core enter the scheduler. A timer is armed on the core
// that arms it, and fires there.
//
// Locks and races. p->timers_lock guards the heap and, of each timer in it, everything but f, arg, fire. Any
// core may stop a timer: it reads t->p, takes that P's lock, and rereads t->p: if it is still the same,
// nobody else can take it out. t->p becomes non-NULL by a cas from NULL under the lock of the P that it will
// name, so two cores that arm one timer at once do not put it into two heaps: the loser finds it armed. To
// rearm one that is in another core's heap both locks are held, in the order of the cores: the timer is never
// seen unarmed in between, or a stop that comes then would report that it had fired. timers_move rewrites
// t->p without locks, but only with the world stopped, when no core is inside these functions (runtime text
// stops only at its door). A fired one-shot is taken out, then fires from a copy with the lock dropped:
// "stopped in time" and "fired" are decided under the lock.
//
// A sleeper's timer, on its own stack, is armed before it parks. Its own core alone can fire it, in the
// scheduler, hence not before the goroutine has parked.
//
// The array is the runtime's own memory (page allocator, doubled under the lock); armed timers are roots of the
// collector. It looks at an array in pieces, from index 0 up, each under the lock, while timers come and go
// (root.c). So that it misses none that was armed at stop 1, one that leaves the array is shaded, and so is
// one that is put anywhere: it may come from a place not seen yet to one that was. A timer that timers_run is
// about to fire has left the array, so what its copy leads to is marked, too.
#include "timer.h"
#include "trace.h"

typedef struct Timer Timer;

#define ARITY     4u
#define FIRST_CAP (PAGE_SIZE / sizeof(Timer *))
// timers_run fires no more than this at once, so that a stop or a more urgent goroutine does not wait for all
// of a large batch.
#define RUN_MAX 256

// ---- heap; p->timers_lock held

static inline void put(Timer **v, uint32_t i, Timer *t) {
    gc_shade(t);
    v[i] = t;
    t->index = i;
}

static void sift_up(Timer **v, uint32_t i) {
    Timer *t = v[i];
    while (i > 0) {
        uint32_t parent = (i - 1) / ARITY;
        if (v[parent]->when <= t->when) break;
        put(v, i, v[parent]);
        i = parent;
    }
    put(v, i, t);
}

static void sift_down(Timer **v, uint32_t n, uint32_t i) {
    Timer *t = v[i];
    for (uint32_t child; (child = ARITY * i + 1) < n;) {
        uint32_t end = child + ARITY < n ? child + ARITY : n, least = child;
        for (uint32_t c = child + 1; c < end; c++)
            if (v[c]->when < v[least]->when) least = c;
        if (v[least]->when >= t->when) break;
        put(v, i, v[least]);
        i = least;
    }
    put(v, i, t);
}

// v[i]->when has changed.
static void sift(struct TimerHeap *h, uint32_t i) {
    if (i > 0 && h->v[i]->when < h->v[(i - 1) / ARITY]->when)
        sift_up(h->v, i);
    else
        sift_down(h->v, h->n, i);
}

static void heap_remove(struct TimerHeap *h, uint32_t i) {
    Timer *last = h->v[--h->n];
    gc_shade(h->v[i]);
    if (i == h->n) return;
    put(h->v, i, last);
    sift(h, i);
}

// Published for the scheduler and idle.c's deadlock check.
static inline void publish(P *p) {
    store_release(&p->timer_next, p->timers.n ? p->timers.v[0]->when : TIME_NEVER);
}

// Doubles the array; on failure cap stays. System stack.
static void grow(void *arg) {
    struct TimerHeap *h = arg;
    uint32_t cap = h->cap ? 2 * h->cap : (uint32_t)FIRST_CAP;
    size_t old_pages = h->cap * sizeof *h->v / PAGE_SIZE, pages = cap * sizeof *h->v / PAGE_SIZE;
    Timer **v = page_alloc_large(pages);
    if (!v) return;
    for (uint32_t i = 0; i < h->n; i++)
        v[i] = h->v[i];
    if (h->v) page_free_large(h->v, old_pages);
    h->v = v;
    h->cap = cap;
}

// ---- arm, disarm

int64_t timer_deadline(int64_t ns) {
    int64_t when, now = plat_now_ns();
    if (ns <= 0) return now;
    return __builtin_add_overflow(now, ns, &when) || when == TIME_NEVER ? TIME_NEVER - 1 : when;
}

bool timer_disarm(Timer *t) {
    for (;;) {
        P *p = load_acquire(&t->p);
        if (!p) return false;
        lock_acquire(&p->timers_lock);
        bool here = load_relaxed(&t->p) == p;
        if (here) {
            heap_remove(&p->timers, t->index);
            store_release(&t->p, NULL); // pairs with the cas in timer_arm
            publish(p);                 // later than what p's machine timer is set to: one idle tick
        }
        lock_release(&p->timers_lock);
        if (here) return true;
    }
}

// Locks p's heap and that of `other`, if there is another, in the order of the cores.
static void lock_both(P *p, P *other) {
    if (other && other != p && other->id < p->id) lock_acquire(&other->timers_lock);
    lock_acquire(&p->timers_lock);
    if (other && other != p && other->id > p->id) lock_acquire(&other->timers_lock);
}
static void unlock_both(P *p, P *other) {
    if (other && other != p) lock_release(&other->timers_lock);
    lock_release(&p->timers_lock);
}

// Room for one more. The lock is held; p is the caller's core.
static inline bool reserve(struct TimerHeap *h) {
    if (unlikely(h->n == h->cap)) sys_call(grow, h);
    return h->n < h->cap;
}

ArmResult timer_arm(Timer *t, int64_t when, int64_t period) {
    P *p = p_self(), *at; // stays: runtime text is not preempted
    struct TimerHeap *h = &p->timers;
    ArmResult result;
    for (;; unlock_both(p, at)) { // again when the timer was moved between looking and locking
        at = load_acquire(&t->p);
        lock_both(p, at);
        if (load_relaxed(&t->p) != at) continue;
        if (at != p && !reserve(h)) {
            unlock_both(p, at);
            return ARM_NO_MEMORY;
        }
        result = at ? ARM_WAS_ARMED : ARM_WAS_IDLE;
        P *none = NULL;
        if (!at && !cas(&t->p, &none, p)) continue; // another core was quicker, under its own lock
        if (at && at != p) {
            heap_remove(&at->timers, t->index);
            publish(at); // later than what its machine timer is set to: one idle tick
            store_release(&t->p, p);
        }
        t->when = when;
        t->period = period;
        if (at == p) {
            sift(h, t->index);
        } else {
            h->v[h->n] = t;
            sift_up(h->v, h->n++);
        }
        break;
    }
    int64_t before = load_relaxed(&p->timer_next);
    publish(p);
    bool earlier = load_relaxed(&p->timer_next) < before;
    unlock_both(p, at);
    if (earlier) sched_timer_changed(p);
    return result;
}

// ---- for the scheduler

int64_t timers_run(P *p, int64_t now) {
    struct TimerHeap *h = &p->timers;
    lock_acquire(&p->timers_lock);
    for (int left = RUN_MAX; left > 0 && h->n > 0 && h->v[0]->when <= now; left--) {
        Timer *t = h->v[0];
        // Not p: another core that arms t at the same time tries its cas there under its own lock.
        Timer copy = {.when = t->when, .period = t->period, .f = t->f, .arg = t->arg, .arg2 = t->arg2, .seq = t->seq, .fire = t->fire};
        if (t->period > 0) {
            // The next multiple of the period that lies ahead: ticks that nobody could have seen are not made
            // up for.
            int64_t periods = (now - t->when) / t->period + 1;
            if (__builtin_mul_overflow(periods, t->period, &periods) ||
                __builtin_add_overflow(t->when, periods, &t->when))
                t->when = TIME_NEVER - 1;
            sift_down(h->v, h->n, 0);
        } else {
            heap_remove(h, 0);
            store_release(&t->p, NULL); // from here t may be rearmed, or gone
        }
        publish(p);
        lock_release(&p->timers_lock);
        trace_note(TRACE_TIMER, 0, NULL, (uint64_t)(now - copy.when));
        copy.fire(&copy, now);
        lock_acquire(&p->timers_lock);
    }
    int64_t next = load_relaxed(&p->timer_next);
    lock_release(&p->timers_lock);
    return next;
}

void timers_move(P *from, P *to) {
    struct TimerHeap *f = &from->timers, *h = &to->timers;
    while (f->n > 0) {
        if (h->n == h->cap) {
            grow(h);
            if (h->n == h->cap) rt_fatal("out of memory (cannot move timers to another core)");
        }
        Timer *t = f->v[--f->n];
        store_relaxed(&t->p, to); // world stopped
        h->v[h->n] = t;
        sift_up(h->v, h->n++);
    }
    publish(from);
    publish(to);
}
