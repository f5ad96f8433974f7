// stop.c -- stopping the world: all cores but the caller's are in the scheduler, on their system stacks, holding nothing.
//
// The stopper sets stop_wanted, then takes idle cores out of the idle set (they are stopped as they are) and sends the others a
// request. A core stops in schedule(), which it reaches at a call, anywhere in application text, or at a door. A core that
// spins on a lock gets the lock first: the stopper holds none. The goroutine taken off for a stop goes back to the front of its queue.
//
// stop_left counts the cores that have not stopped: a core decrements it (release) when it has, the stopper acquires 0. Only cores in use
// are counted. One that gomaxprocs has put out of use would be on its way through the scheduler, uncounted, during the next stop: so
// gomaxprocs keeps the right to stop until such cores are P_OFF.
#include "gcstats.h"
#include "sched.h"
#include "trace.h"

static _Atomic uint32_t stop_procs;         // the latest stop counts cores 0 to stop_procs - 1
static Lock stw_lock = LOCK_INIT(RANK_STW); // guards the two below
static bool stopped_or_stopping;
static GList stop_waiters;

static void wait_for_stop_right(WaitReason why) {
    for (;;) {
        lock_acquire(&stw_lock);
        if (!stopped_or_stopping) {
            stopped_or_stopping = true;
            lock_release(&stw_lock);
            return;
        }
        G *g = g_self();
        g->next = NULL;
        if (stop_waiters.tail) stop_waiters.tail->next = g;
        else stop_waiters.head = g;
        stop_waiters.tail = g;
        g_park(why, &stw_lock);
    }
}

// How the cores came; the last one's time.
static void note_stopped(const P *self, int n) {
    StopFigures *s = &stop_latest;
    s->stopped_ns = plat_now_ns();
    for (int i = 0; i < n; i++) {
        const P *p = rt_ps[i];
        if (p == self) continue;
        s->ways[p->stop_way]++;
        if (s->last_core >= 0 && p->stopped_ns <= rt_ps[s->last_core]->stopped_ns) continue;
        s->last_core = i;
        s->last_way = p->stop_way;
    }
}

void world_stop(WaitReason why) {
    wait_for_stop_right(why);
    trace_note(TRACE_STOPPED, 1, NULL, 0);
    stop_latest = (StopFigures){.asked_ns = plat_now_ns(), .last_core = -1, .reason = STOP_FOR_OTHER};
    P *self = p_self(); // stays ours: from here to world_start this goroutine is in runtime text and does not park
    int n = sched.nproc;
    store_seq(&sched.stop_left, n - 1);
    store_seq(&stop_procs, (uint32_t)n); // before stop_wanted: pairs with stop_here
    store_seq(&sched.stop_wanted, 1);
    for (int i = 0; i < n; i++) {
        P *p = rt_ps[i];
        if (p == self) continue;
        if (idle_claim(p)) {
            p->stop_way = STOP_IDLE;
            p->stopped_ns = stop_latest.asked_ns;
            store_seq(&p->state, P_STOPPED);
            fetch_add(&sched.stop_left, -1);
            continue;
        }
        fetch_or(&p->request, REQ_STOP);
        plat_ipi(i);
    }
    for (unsigned turns = 0; load_acquire(&sched.stop_left) > 0; turns++) {
        plat_spin(turns);
        if (turns % 1024 == 1023) { // a core on its way into the idle set may have missed both: ask again
            for (int i = 0; i < n; i++) {
                P *p = rt_ps[i];
                if (p != self && load_relaxed(&p->state) != P_STOPPED) plat_ipi(i);
            }
        }
    }
    RT_ASSERT(load_relaxed(&sched.stop_left) == 0);
    note_stopped(self, n);
    trace_note(TRACE_STOPPED, 2, NULL, 0);
}

void world_restart(void) {
    P *self = p_self();
    stop_latest.started_ns = plat_now_ns();
    stop_count();
    stall_count(STALL_STOP, stop_latest.asked_ns, stop_latest.started_ns);
    trace_note(TRACE_STOPPED, 0, NULL, (uint64_t)stop_latest.reason);
    store_seq(&sched.stop_wanted, 0);
    for (int i = 0; i < sched.ncpu; i++) {
        P *p = rt_ps[i];
        uint32_t s = load_seq(&p->state);
        if (p == self) continue;
        if (s == P_STOPPED) {
            p->spinning = false;
            store_seq(&p->state, P_RUNNING);
        }
        // A core that was switched off may be anywhere on its way there: tell it in any case. This may come late, when the core has
        // seen its state and gone on: so it says no more than "look" (idle.c).
        fetch_or(&p->wake, WAKE_START);
        plat_wake(i);
    }
}

void world_release(void) {
    lock_acquire(&stw_lock);
    stopped_or_stopping = false;
    G *next = stop_waiters.head;
    if (next) {
        stop_waiters.head = next->next;
        if (!stop_waiters.head) stop_waiters.tail = NULL;
        next->next = NULL;
    }
    lock_release(&stw_lock);
    if (next) g_ready(next);
}

void world_start(void) {
    world_restart();
    world_release();
}

// gomaxprocs has put this core out of use: gives away what was queued here, sleeps until world_start finds it in use again.
static void switch_off(P *p) {
    store_relaxed(&p->wake, 0);
    sched_evacuate(p, true);
    RT_ASSERT(p->timers.n == 0); // moved away while the world was stopped; no goroutine has armed one here since
    heap_cache_flush(p);
    seg_cache_flush(p);
    page_cache_flush(p);
    store_seq(&p->state, P_OFF); // pairs with check_deadlock (idle.c), which waits for it
    // Core 0 looks at the timers, somebody at the goroutines, and the last idle core at a deadlock.
    if (idle_claim(rt_ps[0])) idle_wake_claimed(rt_ps[0], false);
    else fetch_or(&rt_ps[0]->request, REQ_TIMER);
    plat_ipi(0);
    sched_wake_one();
    hint_store(&p->asleep, true);
    while (p->id >= (uint32_t)hint_load(&sched.nproc)) {
        plat_idle(p);
        store_seq(&p->wake, 0); // then nproc is read again: pairs with world_start, which writes nproc before wake
    }
    hint_store(&p->asleep, false);
    store_seq(&p->state, P_RUNNING);
}

void stop_here(P *p) {
    if (p->spinning) {
        p->spinning = false;
        fetch_add(&sched.spinning, (uint32_t)-1);
    }
    // A core that comes back into use may see the new nproc before the stop that changed it is over: that one does not count it, nor
    // would it wake it again.
    bool wanted = load_seq(&sched.stop_wanted);
    if (!wanted || p->id >= load_seq(&stop_procs)) {
        if (!wanted && p->id >= (uint32_t)sched.nproc) switch_off(p);
        else plat_spin(0);
        return; // to look again
    }
    p->stopped_ns = plat_now_ns();
    store_relaxed(&p->wake, 0);
    store_seq(&p->state, P_STOPPED);
    fetch_add(&sched.stop_left, -1); // release: all that this core did is visible to the stopper
    hint_store(&p->asleep, true);
    while (load_seq(&p->state) == P_STOPPED) {
        plat_idle(p);
        if (load_seq(&p->state) == P_STOPPED) store_relaxed(&p->wake, 0);
    }
    hint_store(&p->asleep, false);
    store_relaxed(&p->wake, 0);
}

void world_stopped_do(void (*fn)(void *), void *arg) {
    world_stop(WAIT_STW);
    sys_call(fn, arg);
    world_start();
    RT_DOOR();
}
