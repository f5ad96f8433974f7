// idle.c -- a core without work: the idle set, sleeping, waking, and the deadlock report.
//
// A core enters the idle set (its bit in idle_mask, then idle_count), executes a full barrier, and looks at everything once more
// before it sleeps; whoever queues work executes a full barrier between queueing and reading idle_count. Whoever clears the bit
// of an idle core owns its next wake-up (the core itself, a waker, or a stopper), so that a core is woken once for one reason.
//
// Sleeping: plat_idle(p) checks p->wake and halts in one step (cli; check; sti; hlt). Three bits, because three kinds of events race:
// WAKE_CLAIMED is set by a waker who cleared our bit in the idle set, exactly once per claim, after it has written what is ours
// (p->spinning); WAKE_LOOK by our own interrupts (preempt.c); WAKE_START by the one who ends a stop of the world, at any time. A stopper
// that cleared our bit makes us P_STOPPED, and whoever ends the stop P_RUNNING: that, not the bit, lets us go on. Were WAKE_START taken for a claim, a late one
// would let us run while a waker still writes p->spinning, and sched.spinning would be wrong for ever.
#include "sched.h"
#include "runq.h"
#include "trace.h"

bool idle_claim(P *p) {
    uint64_t bit = 1ull << (p->id % 64);
    if (!(load_seq(&sched.idle_mask[p->id / 64]) & bit)) return false;
    if (!(fetch_and(&sched.idle_mask[p->id / 64], ~bit) & bit)) return false;
    fetch_add(&sched.idle_count, (uint32_t)-1);
    return true;
}

void idle_wake_claimed(P *p, bool spinning) {
    p->spinning = spinning; // ours to write until wake is published
    fetch_or(&p->wake, WAKE_CLAIMED);
    plat_wake((int)p->id);
}

static void enter_set(P *p) {
    store_relaxed(&p->wake, 0);
    store_relaxed(&p->state, P_IDLE);
    fetch_or(&sched.idle_mask[p->id / 64], 1ull << (p->id % 64));
    fetch_add(&sched.idle_count, 1);
    fence_seq(); // pairs with the barrier between queueing and reading idle_count
}

// Whatever could make p run something. Racy, except for what was queued before p entered the idle set.
static bool something_to_do(P *p) {
    if (load_seq(&p->request) || load_seq(&p->inbox) || load_seq(&p->local_count) || load_seq(&sched.stop_wanted)) return true;
    if (p->id >= (uint32_t)hint_load(&sched.nproc)) return true; // a stopper may have claimed us meanwhile
    if (!p->reserved_by_g && sched_work_exists()) return true;
    if (gc_idle_wanted(p)) return true;
    int64_t t = load_seq(&p->timer_next);
    return t != TIME_NEVER && t <= plat_now_ns();
}

static int64_t live_goroutines(void) {
    int64_t n = 0;
    for (int i = 0; i < sched.ncpu; i++)
        n += (int64_t)(hint_load(&rt_ps[i]->n_created) - hint_load(&rt_ps[i]->n_exited));
    return n;
}

// All cores are in the idle set and p, the last, has seen nothing to do. Nobody can queue anything any more but a timer or a
// device, so if there is neither, this is for ever.
static void check_deadlock(void) {
    if (load_seq(&sched.idle_count) != (uint32_t)hint_load(&sched.nproc)) return;
    if (load_seq(&sched.external) || load_seq(&sched.stop_wanted)) return;
    for (int i = 0; i < sched.ncpu; i++) {
        P *p = rt_ps[i];
        if (i >= hint_load(&sched.nproc) && load_seq(&p->state) != P_OFF) return; // still on its way out, it will wake us
        if (load_seq(&p->timer_next) != TIME_NEVER || load_seq(&p->inbox) || load_seq(&p->local_count)) return;
    }
    int64_t live = live_goroutines();
    if (sched_work_exists() || (live == 0 && !load_seq(&sched.main_exited))) return;
    if (load_seq(&sched.idle_count) != (uint32_t)hint_load(&sched.nproc)) return; // somebody was woken meanwhile
    static _Atomic uint32_t reported;
    if (exchange(&reported, 1)) return;
    if (live == 0) rt_fatal("no goroutines (main called runtime.Goexit) - deadlock!");
    rt_fatal("all goroutines are asleep - deadlock!");
}

void idle_until_work(P *p) {
    bool searched = p->spinning;
    if (searched) {
        // Go: after the last searcher gives up, work queued by somebody who saw it searching must still be found: that is
        // something_to_do below, after enter_set's barrier.
        p->spinning = false;
        fetch_add(&sched.spinning, (uint32_t)-1);
    }
    enter_set(p);
    p->n_idle++;
    int64_t since = plat_now_ns();
    hint_store(&p->idle_since, since);
    trace_note(TRACE_IDLE, 1, NULL, 0);
    for (unsigned turns = 0; !load_acquire(&p->wake); turns++) { // pairs with idle_wake_claimed and the interrupts
        if (something_to_do(p)) break;
        if (turns == 0) check_deadlock();
        hint_store(&p->slice_armed, false);
        sched_arm(p); // only timers, if any
        plat_idle(p);
    }
    if (idle_claim(p)) {
        if (searched) { // and handed on: whoever queued it woke nobody, and there may be more of it than we take
            p->spinning = true;
            fetch_add(&sched.spinning, 1);
        }
    } else {
        // Somebody else took us out: that one tells us (or, stopping the world, lets us sleep until it starts again).
        for (unsigned turns = 0; !(load_acquire(&p->wake) & WAKE_CLAIMED); turns++) {
            uint32_t state = load_acquire(&p->state); // pairs with world_restart
            if (state == P_RUNNING) break;
            if (state != P_STOPPED) {
                plat_spin(turns);
                continue;
            }
            fetch_and(&p->wake, ~(uint32_t)(WAKE_LOOK | WAKE_START)); // then state is read again: world_restart writes it before wake
            if (load_seq(&p->state) == P_STOPPED) plat_idle(p);
        }
    }
    // From here nobody else owns a wake-up of ours: claims are exclusive.
    store_relaxed(&p->wake, 0);
    store_relaxed(&p->state, P_RUNNING);
    p->stop_way = STOP_SCHED;
    hint_store(&p->idle_since, 0);
    trace_note(TRACE_IDLE, 0, NULL, 0);
    hint_store(&p->idle_ns, p->idle_ns + plat_now_ns() - since);
}
