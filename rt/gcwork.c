// gcwork.c -- who marks and when: dedicated cores, turns on the others, idle cores.
//
// Marking needs no goroutine: it runs on a core's system stack, out of schedule(), and can stop at any object. So a worker is a
// *turn* of a core. As in Go, workers get 25 % of the cores in use: round(n / 4) *dedicated* Ps, which mark all the time, and if that is off by more than
// 30 %, one P fewer and a *fraction* of every P's time, in turns of at most TURN_NS. P.gc.next_turn says when a turn is due; the core's timer is set to it,
// and the tick takes the goroutine off (REQ_GC) and puts it back in front of its queue. Cores that find nothing to run mark between looking
// for work, and sweep when the cycle is over.
//
// A dedicated P gives its queue away. Goroutines that only it may run (pinned, or of other than normal priority and readied here) alternate with marking.
//
// The end of marking: whoever marks is counted in gc_cycle.markers, and puts what it has left where all can take it before it leaves. The last one to leave that sees
// nothing there tells the coordinator. Work that appears afterwards (barriers) is found at stop 2. If work is there, somebody comes for it: a core does not go
// to sleep (gc_idle_wanted, after its barrier; gc_enlist wakes one afterwards), and the turns of busy cores come by themselves.
#include "gcrun.h"
#include "trace.h"
#include "runq.h"

#define TURN_NS      250000  // a fractional turn, at most
#define ALTERNATE_NS 500000  // a dedicated P with goroutines of its own: so long for each side
#define TURN_NOW     0       // P.gc.next_turn: when the core passes schedule()
#define LOOK_NS      100000  // a worker that found nothing to mark looks again
#define IDLE_PIECE   16384u  // bytes of scan work between two looks for goroutines
#define SWEEP_PIECE  8u      // pages, likewise

GcCycle gc_cycle;
_Atomic uint32_t gc_sweep_left;

// ---- roles

static bool shared_core(const P *p) { return !p->reserved_by_g && p->id < (uint32_t)sched.nproc; }

// Go's rule; but the remainder is for the cores that are not dedicated (Go divides it by all, so that 6 Ps make 23.6 %).
static void split(GcCycle *c) {
    int n = c->shared, dedicated = (n + 2) / 4; // round(n / 4)
    bool off = 10 * (4 * dedicated - n) > 3 * n || 10 * (n - 4 * dedicated) > 3 * n;
    if (off && 4 * dedicated > n) dedicated--;
    c->dedicated = dedicated;
    c->share = off ? (uint64_t)(n - 4 * dedicated) * SHARE_ONE / (4 * (uint64_t)(n - dedicated)) : 0;
}

void gc_share_out(GcCycle *c) {
    c->procs = sched.nproc;
    c->shared = 0;
    for (int i = 0; i < sched.nproc; i++)
        c->shared += shared_core(rt_ps[i]);
    split(c);
    int left = c->dedicated;
    // Cores without goroutines first; else in turn, from cycle to cycle.
    for (int pass = 0; pass < 2; pass++)
        for (int i = 0; i < sched.nproc; i++) {
            P *p = rt_ps[(i + (int)gc.cycle) % sched.nproc];
            if (pass == 0) p->gc.worker = shared_core(p) && c->share ? GC_FRACTIONAL : GC_NO_WORKER;
            if (left == 0 || !shared_core(p) || p->gc.worker == GC_DEDICATED) continue;
            if (pass == 0 && (!runq_empty(p) || load_relaxed(&p->local_count))) continue;
            p->gc.worker = GC_DEDICATED;
            left--;
        }
    for (int i = 0; i < sched.nproc; i++) {
        GcLocal *l = &rt_ps[i]->gc;
        hint_store(&l->next_turn, l->worker == GC_NO_WORKER ? TIME_NEVER : TURN_NOW); // the others wake in schedule(); for its own core begin_marking sees to it
        l->busy_marking = l->worker == GC_DEDICATED;
        l->fraction_ns = l->dedicated_ns = l->idle_ns = 0;
    }
}

void gc_dismiss(void) {
    for (int i = 0; i < sched.ncpu; i++) {
        rt_ps[i]->gc.worker = GC_NO_WORKER;
        rt_ps[i]->gc.busy_marking = false;
        hint_store(&rt_ps[i]->gc.next_turn, TIME_NEVER);
    }
}

// The first core that no goroutine owns; there is one. A core gets an owner while the world is stopped, and afterwards all cores program their timers anew.
static bool keeps_period(const P *p) {
    uint32_t i = 0;
    while (i < p->id && hint_load(&rt_ps[i]->reserved_by_g))
        i++;
    return i == p->id && !hint_load(&p->reserved_by_g);
}

// While idle a core marks without being told when. A turn that is due at once (TURN_NOW) needs no timer: the core is in the scheduler, or on its way there (gc_share_out,
// dedicated_turn), and comes by gc_worker_turn before it runs anything. Between cycles one core sees to it that there is one every two minutes (Go: sysmon): a single tick in that time, no
// timer, so that programs that wait for ever are found out all the same.
int64_t gc_next_turn(const P *p) {
    if (load_relaxed(&gc.phase) != GC_MARK) return keeps_period(p) ? gc_pace_period_end() : TIME_NEVER;
    int64_t turn = hint_load(&p->gc.next_turn);
    return turn == TURN_NOW || load_relaxed(&p->state) == P_IDLE ? TIME_NEVER : turn;
}

static bool has_worker(const P *p) { return p->gc.worker != GC_NO_WORKER && shared_core(p); }

// schedule(): REQ_GC was set.
void gc_turn_asked(P *p) {
    bool marking = load_relaxed(&gc.phase) == GC_MARK;
    if (marking && has_worker(p)) return; // gc_worker_turn is next
    if (!marking && gc_pace_period_over()) gc_trigger();
    sched_arm(p);
}

// ---- markers

static bool work_wanted(void) {
    return gc_work_exists() || (load_seq(&gc_cycle.markers) == 0 && !load_seq(&gc_cycle.seems_done));
}

void gc_marker_enter(void) { fetch_add(&gc_cycle.markers, 1); }

void gc_marker_leave(P *p) {
    gc_work_flush(p);
    if (fetch_add(&gc_cycle.markers, (uint32_t)-1) != 1) return; // pairs with the others' leaving: what they flushed is visible to the last
    if (!gc_work_exists() && !exchange(&gc_cycle.seems_done, 1)) gc_wake_coordinator();
}

void gc_enlist(void) {
    fence_seq(); // pairs with idle.c: the sleeper has published itself, or sees the work
    if (load_relaxed(&sched.idle_count)) sched_wake_one();
}

bool gc_idle_wanted(const P *p) { return load_relaxed(&gc.phase) == GC_MARK && !p->reserved_by_g && work_wanted(); }

static bool asked(P *p) { return load_relaxed(&p->request) != 0; }
static bool asked_or_over(P *p) { return asked(p) || plat_now_ns() >= p->gc.turn_end; }

static int64_t mark_a_while(P *p, uint64_t budget, bool (*enough)(P *p), int64_t now) {
    p->stop_way = STOP_WORKER;
    trace_note(TRACE_MARK, 1, NULL, 0);
    gc_marker_enter();
    uint64_t work = gc_drain(p, budget, enough);
    gc_marker_leave(p);
    trace_note(TRACE_MARK, 0, NULL, 0);
    if (work == 0) plat_spin(0); // others are at the last roots
    gc_credit_add((int64_t)work);
    return plat_now_ns() - now;
}

// A core that is about to mark or sweep does not search. Somebody may have queued something and woken nobody, because this core searched.
static void leave_search(P *p) {
    if (!p->spinning) return;
    p->spinning = false;
    fetch_add(&sched.spinning, (uint32_t)-1);
    fence_seq(); // pairs with the barrier between queueing and reading sched.spinning
    if (sched_work_exists()) sched_wake_one();
}

// ---- turns

static int64_t mark_turn(P *p, int64_t now) {
    taken_from(taken_core());
    int64_t spent = mark_a_while(p, 0, asked_or_over, now);
    taken_until(taken_core());
    return spent;
}

// Everything that others may run as well.
static void give_queue_away(P *p) {
    for (G *g; (g = runq_get(p));)
        sched_put_global(g);
    sched_wake_one();
}

static void dedicated_turn(P *p, int64_t now) {
    if (!runq_empty(p)) give_queue_away(p);
    p->gc.busy_marking = true;
    p->gc.turn_end = load_relaxed(&p->local_count) ? now + ALTERNATE_NS : TIME_NEVER;
    int64_t spent = mark_turn(p, now);
    hint_store(&p->gc.dedicated_ns, p->gc.dedicated_ns + spent);
    stall_count(STALL_TURN, now, now + spent);
    p->gc.next_turn = load_relaxed(&p->local_count) ? now + spent + ALTERNATE_NS : TURN_NOW;
}

// The next turn is due when this P's share of the time since marking began exceeds what it has spent; but goroutines get as long as the turn was.
static void fraction_turn(P *p, int64_t now) {
    p->gc.turn_end = now + TURN_NS;
    int64_t spent = mark_turn(p, now);
    hint_store(&p->gc.fraction_ns, p->gc.fraction_ns + spent);
    stall_count(STALL_TURN, now, now + spent);
    int64_t due = gc_cycle.mark_ns + p->gc.fraction_ns * SHARE_ONE / (int64_t)gc_cycle.share;
    int64_t least = now + 2 * spent + (work_wanted() ? 0 : LOOK_NS);
    p->gc.next_turn = due > least ? due : least;
}

bool gc_worker_turn(P *p) {
    if (!has_worker(p)) return false;
    int64_t now = plat_now_ns();
    bool due = now >= p->gc.next_turn;
    if (due && !work_wanted()) {
        p->gc.next_turn = now + LOOK_NS;
        p->gc.busy_marking = false;
        due = false;
    }
    if (due) {
        leave_search(p);
        p->gc.next_turn = TIME_NEVER; // until the turn is over: the tick does not ask for what is being done
        barrier_local();
        fetch_and(&p->request, ~(uint32_t)REQ_GC);
        if (p->gc.worker == GC_DEDICATED) dedicated_turn(p, now);
        else fraction_turn(p, now);
    }
    sched_arm(p);
    return due;
}

// ---- idle

static void idle_mark(P *p) {
    while (work_wanted() && !asked(p) && !sched_work_exists()) {
        int64_t spent = mark_a_while(p, IDLE_PIECE, asked, plat_now_ns());
        hint_store(&p->gc.idle_ns, p->gc.idle_ns + spent);
        hint_store(&p->idle_ns, p->idle_ns + spent);
    }
    if (work_wanted()) gc_enlist(); // this core has something else to do, and whoever listed the work may have woken nobody, because this core searched
}

static void idle_sweep(P *p) {
    while (!asked(p) && !sched_work_exists())
        if (!heap_sweep_step(SWEEP_PIECE)) {
            store_relaxed(&gc_sweep_left, 0);
            return;
        }
}

bool gc_idle_turn(P *p) {
    if (!shared_core(p)) return false;
    bool marking = load_relaxed(&gc.phase) == GC_MARK;
    if (marking && p->gc.n_shaded) { // nobody asks a sleeping core for these
        gc_barrier_flush(p);
        gc_work_flush(p);
        return true;
    }
    if (marking ? !work_wanted() : !load_relaxed(&gc_sweep_left)) return false;
    leave_search(p);
    if (marking) {
        idle_mark(p);
    } else {
        trace_note(TRACE_SWEEP, 1, NULL, 0);
        idle_sweep(p);
        trace_note(TRACE_SWEEP, 0, NULL, 0);
    }
    return true;
}
