// sched.c -- run, park, ready: how goroutines come on and off a core. Where they wait meanwhile: queues.c.
//
// A parking goroutine switches straight to the next one of its core when nothing else wants the scheduler's attention (no request,
// no pinned or prioritised work); otherwise the core goes through schedule() on its system stack. Both take from the queues in
// the order of sched_find.
//
// Lost wake-ups are excluded by three handshakes:
// 1. park / ready: the parking goroutine is G_WAITING before the lock that guards its waiter is released; whoever finds the waiter
//    calls g_ready, which waits until the core has left the goroutine's stack (on_cpu) before it queues it. No deadlock: a waker
//    is never in the middle of a switch itself (park's fast path readies nobody; inbox and timers are served on the system
//    stack after the goroutine was left), and a core in the middle of a switch takes no lock and waits for nothing.
// 2. ready / idle (Dekker): ready queues g, full barrier, reads idle_count; an idling core enters the idle set, full barrier, looks
//    at all queues again. One of them sees the other.
// 3. request / switch: a request bit is set before the poison or IPI; the scheduler takes all bits by exchange before it
//    looks at what they mean, and whoever writes a guard rereads them (gogo.asm).
#include "ready.h"
#include "schedtrace.h"
#include "switch.h"
#include "watch.h"

Sched sched = {
    .lock = LOCK_INIT(RANK_SCHED),
    .slice_ns = 10 * 1000 * 1000,
    .max_stack = STACK_LIMIT,
};
P *rt_ps[PLAT_MAX_CPUS];

// ---- slices

// The slice tick must be programmed from the moment when somebody waits on this core. slice_armed comes last: a tick in between
// must not see an armed slice that is over.
void sched_slice_begin(P *p) {
    hint_store(&p->tick_seen, p_turn(p) - 1); // the running goroutine gets at least one whole slice
    p->slice_end = plat_now_ns() + sched.slice_ns;
    barrier_local();
    hint_store(&p->slice_armed, true);
    sched_arm(p);
}

// ---- ready

// Everything but "normal goroutine, may run anywhere"; by sys_call, because it takes locks and programs timers.
static void ready_special(void *goroutine) {
    G *g = goroutine;
    if (g->pinned >= 0) {
        sched_put_pinned(g);
        return;
    }
    sched_put_global(g);
    if (g->priority == PRIORITY_HIGH) sched_urge();
    else sched_wake_one();
}

static __attribute__((noinline)) void wait_off_cpu(G *g) {
    for (unsigned turns = 0; load_acquire(&g->on_cpu); turns++)
        plat_spin(turns);
}

static __attribute__((noinline)) void ready_watched(G *g) {
    wait_off_cpu(g);
    if (WATCHED()) watch_ready(g);
}

static inline void ready_prepare(G *g) {
    RT_ASSERT(load_relaxed(&g->state) == G_WAITING);
    // Acquire pairs with the store in g_switch/g_leave: the saved context is visible once on_cpu is 0.
    if (unlikely(load_acquire(&g->on_cpu) | RT_WATCH)) ready_watched(g);
    store_relaxed(&g->state, G_RUNNABLE); // published by the queue operation
}

// (g_ready's and the channels' usual case is in ready.h.)
static inline bool is_special(const P *p, const G *g) {
    return g->special | p->reserved_by_g;
}

// What g_ready leaves, called last so that it saves no registers: a goroutine that is not plain, or still on its core, or somebody looks.
static __attribute__((noinline)) void ready_general(G *g) {
    ready_prepare(g);
    P *p = p_self();
    if (is_special(p, g)) {
        sys_call(ready_special, g);
        return;
    }
    runq_put_next(p, g); // an xchg: the full barrier between queue and idle_count
    if (unlikely(load_relaxed(&sched.idle_count) != 0)) sched_wake_one();
    sched_slice_wanted(p);
}
__attribute__((noinline)) void ready_rest(P *p, G *kicked) {
    if (kicked) runq_put(p, kicked);
    if (unlikely(load_relaxed(&sched.idle_count) != 0)) sched_wake_one();
    sched_slice_wanted(p);
}

void g_ready(G *g) {
    P *p = p_self();
    if (!ready_is_plain(p, g)) return ready_general(g);
    G *kicked = ready_next(p, g);
    if (kicked && unlikely(!runq_try_put(p, kicked))) return ready_rest(p, kicked);
    if (ready_unheard(p)) ready_rest(p, NULL);
}

void g_ready_tail(G *g) {
    ready_prepare(g);
    P *p = p_self();
    if (unlikely(is_special(p, g))) {
        sys_call(ready_special, g);
        return;
    }
    runq_put(p, g);
    fence_seq();
    if (unlikely(load_relaxed(&sched.idle_count) != 0)) sched_wake_one();
    sched_slice_wanted(p);
}

bool sched_drain_inbox(P *p) {
    G *list = exchange(&p->inbox, NULL), *fifo = NULL; // acquire: pairs with the release cas of rt_irq_ready
    if (!list) return false;
    while (list) { // the stack is newest first
        G *next = list->next;
        list->next = fifo;
        fifo = list;
        list = next;
    }
    while (fifo) {
        G *g = fifo;
        fifo = g->next;
        g->next = NULL;
        g_ready_tail(g);
    }
    return true;
}

bool sched_drain_inbox_to_global(P *p) {
    G *list = exchange(&p->inbox, NULL);
    for (G *g = list, *next; g; g = next) {
        next = g->next;
        ready_prepare(g);
        if (g->pinned >= 0) sched_put_pinned(g);
        else sched_put_global(g);
    }
    return list != NULL;
}

// ---- run

void sched_put_back(P *p, G *g) {
    G *there = exchange(&p->runq.runnext, g); // as runq_put_next; the caller has seen that nobody is there, and only this core puts somebody there
    RT_ASSERT(there == NULL);
    (void)there;
}

void sched_execute(P *p, G *g) {
    RT_ASSERT(load_relaxed(&g->state) == G_RUNNABLE);
    if (unlikely(load_acquire(&g->on_cpu))) wait_off_cpu(g); // it yields on another core, see g_yield
    if (unlikely(load_acquire(&gc.stacks_pending))) gc_scan_before_run(p, g); // pairs with gc_stacks_done: whoever read its stack has done so
    if (WATCHED()) watch_run(g);
    p->stop_way = STOP_SCHED;
    sched_running(p, g);
    if (unlikely(!p->slice_armed) && sched_others_wait(p)) sched_slice_wanted(p);
    Ctx *ctx = g->ctx;
    if (ctx) {
        g->ctx = NULL;
        if (unlikely(sched.trapstep)) ctx->tf.rflags |= 0x100;
        ctx_enter(ctx, g);
    }
    g_enter(g);
}

// The rest of switch_away, out of line: so the usual case needs no saved registers and ends in a jump to g_switch.
static __attribute__((noinline)) void leave_parked(P *p, G *early) {
    G *g = g_self();
    if (early) sched_put_back(p, early);
    if (WATCHED()) watch_left(g, LEFT_YIELD);
    g_leave(g, schedule_arg, NULL);
}

// From a goroutine that has been parked: run something else. Returns when it runs again.
static inline __attribute__((always_inline)) void switch_away(G *g) {
    P *p = p_self();
    G *early, *next = sched_next_quick(p, &early);
    if (unlikely(!next)) return leave_parked(p, early);
    sched_running(p, next);
    g_switch(g, next);
}

void g_park_with(WaitReason why, void (*unlock)(void *), void *arg) {
    G *g = g_self();
    RT_ASSERT(load_relaxed(&g->state) == G_RUNNING);
    g->wait_reason = (uint8_t)why;
    if (unlikely(g->seg->newer != NULL)) sys_call((void (*)(void *))stack_release_newer, g);
    store_relaxed(&g->state, G_WAITING); // published by the unlock's release
    if (unlock) unlock(arg);
    switch_away(g);
}

static inline __attribute__((always_inline)) void park_now(G *g, WaitReason why, Lock *unlock) {
    g->wait_reason = (uint8_t)why;
    store_relaxed(&g->state, G_WAITING); // published by the unlock's release
    if (unlock) lock_release(unlock);
    switch_away(g);
}

static __attribute__((noinline)) void park_releasing(WaitReason why, Lock *unlock) {
    sys_call((void (*)(void *))stack_release_newer, g_self());
    park_now(g_self(), why, unlock);
}

void g_park(WaitReason why, Lock *unlock) {
    G *g = g_self();
    RT_ASSERT(load_relaxed(&g->state) == G_RUNNING);
    if (unlikely(g->seg->newer != NULL)) return park_releasing(why, unlock);
    park_now(g, why, unlock);
}

// Queues a goroutine that was taken off its core (the caller's) and not parked: behind the others when its slice is over or it
// yields, else in front: it was only interrupted. If what interrupted it readies somebody (a timer), that one goes before it.
void sched_requeue_preempted(P *p, G *g, uint32_t req) {
    store_relaxed(&g->state, G_RUNNABLE);
    if (g->pinned >= 0) sched_put_pinned(g);
    else if (is_special(p, g) || p->id >= (uint32_t)sched.nproc) sched_put_global(g);
    else if (req & REQ_YIELD) sched_put_global(g); // as Go: so that all cores share the spinners evenly
    else if (req) {
        p->interrupted = hint_load(&p->tick_seen) == p_turn(p) ? g : NULL;
        runq_put_next(p, g);
    } else runq_put(p, g);
}

// After g was left (on the system stack).
static void yield_slow(void *arg) {
    if (WATCHED()) watch_left(arg, LEFT_YIELD);
    sched_requeue_preempted(p_self(), arg, 0);
    schedule();
}

static void door_slow(void *arg) {
    P *p = p_self();
    if (WATCHED()) watch_left(arg, LEFT_AT_DOOR);
    p->stop_way = STOP_DOOR;
    sched_requeue_preempted(p, arg, load_relaxed(&p->request));
    schedule();
}

// The rest of g_yield, called last so that it saves no registers.
static __attribute__((noinline)) void yield_leave(void) {
    G *g = g_self();
    g_leave(g, yield_slow, g);
}
// g is queued, and what was taken instead cannot be switched to, or nothing was left.
static __attribute__((noinline)) void yield_queued(P *p, G *early) {
    if (early) sched_put_back(p, early);
    if (load_relaxed(&sched.idle_count) != 0) sched_wake_one();
    g_leave(g_self(), schedule_arg, NULL);
}
// g is queued, and somebody must hear of it.
static __attribute__((noinline)) void yield_heard(P *p, G *next) {
    if (load_relaxed(&sched.idle_count) != 0) sched_wake_one();
    sched_slice_wanted(p);
    sched_running(p, next);
    g_switch(g_self(), next);
}

// The same for a goroutine that was just made ready, which goes before the ring.
static __attribute__((noinline)) void yield_to_readied(P *p) {
    G *g = g_self();
    store_relaxed(&g->state, G_RUNNABLE);
    if (unlikely(!runq_try_put(p, g))) return yield_leave();
    G *next = exchange(&p->runq.runnext, NULL); // a thief may have been quicker
    if (unlikely(!next || switch_not_yet(next))) return yield_queued(p, next);
    runq_share(p, next, true);
    if (ready_unheard(p)) return yield_heard(p, next);
    sched_running(p, next);
    g_switch(g, next);
}

// g is queued first and the next one taken then, so that the taking's locked instruction is also the barrier between the queue and
// idle_count (as in g_ready: a core that looked before and is going idle sees g, or we see the core).
//
// So g is queued while we still stand on its stack: whoever takes it waits for on_cpu. That wait is short: from here to g_switch or
// g_leave nothing waits, so no circle can form. Thieves may take all but g, and even g: then it is what we find, still on its core, or nothing.
void g_yield(void) {
    G *g = g_self();
    P *p = p_self();
    RT_ASSERT(g->special || !p->reserved_by_g); // who owns a core is pinned to it
    if (unlikely(g->special) || switch_unwanted(p)) return yield_leave();
    if (unlikely(load_relaxed(&p->runq.runnext) != NULL)) return yield_to_readied(p);
    if (unlikely(--p->until_global < 0)) return yield_leave(); // as sched_next_quick
    store_relaxed(&g->state, G_RUNNABLE);
    G *next;
    if (unlikely(!runq_rotate(p, g, &next))) return yield_leave(); // nobody waits, or g spills on the system stack
    if (unlikely(!next || switch_not_yet(next))) return yield_queued(p, next);
    if (ready_unheard(p)) return yield_heard(p, next);
    sched_running(p, next);
    g_switch(g, next);
}

// ---- the loop

static void stop_spinning(P *p) {
    if (!p->spinning) return;
    p->spinning = false;
    uint32_t before = fetch_add(&sched.spinning, (uint32_t)-1);
    RT_ASSERT(before > 0);
    // The last searcher found something: there may be more; hand the search on (Go: resetspinning).
    if (before == 1) sched_wake_one();
}

// One that is pinned or urgent goes before others, of whom one may have been put back without a word to anybody, as this core would go on with it at once.
static __attribute__((noinline)) void wake_for_passed(const P *p) {
    fence_seq(); // pairs with idle.c, as in g_ready_tail
    if (load_relaxed(&sched.idle_count) != 0 && (!runq_empty(p) || load_relaxed(&sched.global_count) != 0)) sched_wake_one();
}

static __attribute__((noinline)) void asked_by_tick(P *p, uint32_t announced) {
    if (announced & REQ_GC) gc_turn_asked(p);
    if (announced & REQ_SCHEDTRACE) {
        schedtrace_print();
        sched_arm(p);
    }
}

void schedule(void) {
    for (;;) {
        P *p = p_self();
        RT_ASSERT(p->g == NULL);
        uint32_t announced = exchange(&p->request, 0); // looked at below
        if (unlikely(load_seq(&sched.stop_wanted) || p->id >= (uint32_t)sched.nproc)) {
            stop_here(p);
            continue;
        }
        if (unlikely(p->gc.seen != load_relaxed(&gc.epoch))) gc_catch_up(p);
        if (unlikely(announced & (REQ_GC | REQ_SCHEDTRACE))) asked_by_tick(p, announced);
        if (unlikely(p->spare_count < 2)) preempt_refill(p);
        if (load_relaxed(&p->inbox)) sched_drain_inbox(p);
        if (load_relaxed(&p->timer_next) != TIME_NEVER) {
            int64_t now = plat_now_ns();
            if (load_relaxed(&p->timer_next) <= now) timers_run(p, now);
            sched_arm(p);
        }
        if (unlikely(load_relaxed(&gc.phase) == GC_MARK) && gc_worker_turn(p)) continue;
        G *g = sched_find(p);
        if (!g) {
            if (!gc_idle_turn(p)) idle_until_work(p);
            continue;
        }
        stop_spinning(p);
        if (unlikely(g->special)) wake_for_passed(p);
        if (unlikely(load_relaxed(&p->request) & REQ_STOP)) { // not before the stop: give it back to the front
            if (is_special(p, g)) sys_call(ready_special, g);
            else runq_put_next(p, g);
            continue;
        }
        sched_execute(p, g);
    }
}

void g_set_special(G *g) { g->special = g->pinned >= 0 || g->priority != PRIORITY_NORMAL; }

void schedule_arg(void *unused) { schedule(); }

void rt_door_slow(void) {
    G *g = g_self();
    if (!g || unlikely(g->unpreemptible)) return;
    P *p = p_self();
    if (load_relaxed(&p->request) == REQ_INBOX && !load_relaxed(&p->inbox) && load_relaxed(&p->local_count) == 0) {
        fetch_and(&p->request, ~(uint32_t)REQ_INBOX);
        return;
    }
    p->n_preempt_door++;
    if (load_relaxed(&p->request) & REQ_YIELD) hint_store(&g->slices, g->slices + 1);
    g_leave(g, door_slow, g);
}
