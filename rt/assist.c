// assist.c -- who allocates while marking is on pays for it by marking.
//
// Otherwise a program could allocate faster than the collector marks, and the heap would grow without bound. As in Go, a goroutine that takes memory
// owes scan work (pacer_assist_ratio bytes for each byte taken). It first takes from what the workers have marked ahead (credit); what
// is left it marks itself, at least OVER_ASSIST bytes, so that it need not come again soon: G.gc_credit, in bytes of allocation, may be
// positive. It leaves its stack for that, of which little may be left, so it can be scanned meanwhile. It marks in pieces, bounded in work and in time; a request of its core ends one early. If others wait
// for the core then, it goes behind them, and goes on with the rest when it is its turn again. If there is nothing to mark (others are at it), it waits in a queue, oldest first, until workers have marked enough for it or marking is over; waiting, it is an ordinary parked goroutine, scannable.
//
// No wake-up is lost: who parks puts itself into the queue, full barrier, looks at the credit; who adds credit adds, full barrier, looks at the queue. And
// who parks does so in runtime text, in a phase that cannot change before it is in the queue.
//
// When the collector has taken half of the machine's time for a while (cpu_limiter), debts are forgiven: the goal is exceeded, but the program goes on.
//
// Locks: assist_lock (RANK_GC) guards the queue.
#include "gcrun.h"
#include "page.h"
#include "trace.h"
#include "runq.h"

#define AHEAD (1u << 20) // bytes beyond the goal that may be allocated while stop 2 is under way
#define OVER_ASSIST (16u << 10) // scan work, bytes; also the most in one piece
#define PIECE_NS    100000      // a piece, about: whoever waits for this core does not wait for more of it

static Lock assist_lock = LOCK_INIT(RANK_GC);
static GList waiting;                // parked; G.gc_credit < 0 says what each owes
static _Atomic uint32_t waiting_n;   // its length
static _Atomic int64_t credit;       // scan work that workers have done and nobody has used
static _Atomic uint64_t slow_allocs; // for gcstress

// ---- credit

static int64_t take_credit(int64_t want) {
    int64_t have = load_seq(&credit);
    while (have > 0) {
        int64_t take = want < have ? want : have;
        if (cas(&credit, &have, have - take)) return take;
    }
    return 0;
}

static int64_t work_of(int64_t bytes, uint64_t ratio) {
    uint64_t work = mul_div((uint64_t)bytes, ratio, PACE_ONE);
    return work > INT64_MAX / 2 ? INT64_MAX / 2 : (int64_t)work + 1;
}
static int64_t bytes_of(int64_t work, uint64_t ratio) {
    uint64_t bytes = mul_div((uint64_t)work, PACE_ONE, ratio);
    return bytes > INT64_MAX / 2 ? INT64_MAX / 2 : (int64_t)bytes + 1;
}

// Credit goes to those who wait, oldest first.
static void pay_waiting(void) {
    uint64_t ratio = gc_pace_ratio(load_relaxed(&gc_cycle.scanned));
    GList paid = {0};
    lock_acquire(&assist_lock);
    for (G *g; (g = waiting.head);) {
        int64_t owed = work_of(-g->gc_credit, ratio), taken = take_credit(owed);
        if (taken < owed) {
            g->gc_credit += bytes_of(taken, ratio);
            if (g->gc_credit >= 0) g->gc_credit = -1; // rounding: it still owes
            break;
        }
        g->gc_credit = 0;
        glist_push(&paid, glist_pop(&waiting));
    }
    store_seq(&waiting_n, (uint32_t)waiting.n);
    lock_release(&assist_lock);
    for (G *g; (g = glist_pop(&paid));)
        g_ready_tail(g);
}

void gc_credit_add(int64_t work) {
    if (work <= 0) return;
    fetch_add(&gc_cycle.scanned, (uint64_t)work);
    fetch_add(&credit, work);
    fence_seq(); // pairs with park_for_credit
    if (unlikely(load_seq(&waiting_n))) pay_waiting();
}

void gc_assists_begin(void) { store_relaxed(&credit, 0); }

// Marking is over: nobody owes anything.
void gc_assists_end(void) {
    lock_acquire(&assist_lock);
    GList woken = waiting;
    waiting = (GList){0};
    store_seq(&waiting_n, 0);
    lock_release(&assist_lock);
    for (G *g; (g = glist_pop(&woken));) {
        g->gc_credit = 0;
        g_ready_tail(g);
    }
}

// ---- one goroutine. It has left its stack (g_leave): all of this is the scheduler's code, and ends in running it again, or another.

static bool asked(P *p) { return load_relaxed(&p->request) != 0; }
static bool asked_or_over(P *p) { return asked(p) || plat_now_ns() >= p->gc.turn_end; }

static void note_time(G *g, int64_t from, int64_t to) {
    int64_t ns = to - from;
    stall_count(STALL_ASSIST, from, to);
    fetch_add(&gc_cycle.assist_ns, ns);
    assist_count_piece(ns);
    g->assists++;
    g->assist_ns += (uint64_t)ns;
    int64_t longest = load_relaxed(&gc_cycle.assist_longest_ns);
    while (ns > longest && !cas(&gc_cycle.assist_longest_ns, &longest, ns)) {}
}

static int64_t mark_some(P *p, G *g, int64_t work, int64_t now) {
    if (work > (int64_t)OVER_ASSIST) work = OVER_ASSIST;
    p->gc.turn_end = now + PIECE_NS;
    taken_from(taken_core());
    trace_note(TRACE_MARK, 1, g, 0);
    gc_marker_enter();
    int64_t done = (int64_t)gc_drain(p, (uint64_t)work, asked_or_over);
    gc_marker_leave(p);
    trace_note(TRACE_MARK, 0, g, 0);
    taken_until(taken_core());
    fetch_add(&gc_cycle.scanned, (uint64_t)done);
    note_time(g, now, plat_now_ns());
    return done;
}

// One piece. It may have paid with credit, and marked nothing.
typedef enum { PAID, MARKED, NOTHING_TO_MARK } Piece;
static Piece pay(P *p, G *g) {
    if (load_relaxed(&gc.phase) != GC_MARK || g->gc_credit >= 0) return PAID;
    int64_t now = plat_now_ns(), marked = 0;
    gc_limiter_update(now, WINDOW_MARKING, false);
    if (load_relaxed(&gc_pace.limiting)) return PAID;
    uint64_t ratio = gc_pace_ratio(load_relaxed(&gc_cycle.scanned));
    int64_t owed = work_of(-g->gc_credit, ratio);
    int64_t want = owed > (int64_t)OVER_ASSIST ? owed : (int64_t)OVER_ASSIST;
    int64_t paid = take_credit(want);
    if (paid < owed) marked = mark_some(p, g, want - paid, now);
    paid += marked;
    g->gc_credit += bytes_of(paid, ratio);
    if (paid >= owed) return PAID;
    if (g->gc_credit >= 0) g->gc_credit = -1; // rounding: it still owes
    return marked > 0 ? MARKED : NOTHING_TO_MARK;
}

// There was nothing to mark: until workers have paid. False: there may be something now.
static bool wait_for_credit(G *g) {
    lock_acquire(&assist_lock);
    g->wait_reason = WAIT_GC_ASSIST;
    store_relaxed(&g->state, G_WAITING);
    glist_push(&waiting, g);
    store_seq(&waiting_n, (uint32_t)waiting.n);
    fence_seq(); // pairs with gc_credit_add
    bool wait = load_seq(&credit) <= 0 && !gc_work_exists();
    if (!wait) { // out again
        GList rest = {0};
        for (G *o; (o = glist_pop(&waiting));)
            if (o != g) glist_push(&rest, o);
        waiting = rest;
        store_seq(&waiting_n, (uint32_t)waiting.n);
    }
    lock_release(&assist_lock);
    return wait;
}

static void assist_off_stack(void *goroutine) {
    G *g = goroutine;
    P *p = p_self();
    Piece done;
    if (WATCHED()) watch_left(g, LEFT_FOR_GC);
    do done = pay(p, g);
    while (done == MARKED && !asked(p) && !sched_others_wait(p));
    if (done == PAID) {
        g->gc_credit = g->gc_credit < 0 ? 0 : g->gc_credit;
        gc_resume(p, g);
    }
    if (asked(p)) sched_requeue_preempted(p, g, load_relaxed(&p->request));
    else if (done == MARKED || !wait_for_credit(g)) sched_requeue_preempted(p, g, 0); // behind the others
    schedule();
}

// Not when memory is so short that each cycle leaves it beyond its goal, or every allocation would wait for a cycle of its own: some may be made in each.
bool gc_ahead(void) {
    bool marking = load_relaxed(&gc.phase) == GC_MARK;
    uint64_t goal = marking ? gc_cycle.goal : hint_load(&gc_pace.goal), left = hint_load(&gc_cycle.heap2), most = goal > left ? goal : left;
    return load_relaxed(&heap.live_bytes) > most + most / 8 + AHEAD && !load_relaxed(&gc_pace.limiting) && !(marking && gc_work_exists());
}

static void owe(G *g, uint64_t bytes) {
    if (g->gc_credit_cycle != gc.cycle) {
        g->gc_credit_cycle = gc.cycle;
        g->gc_credit = 0;
    }
    g->gc_credit -= (int64_t)bytes;
}

static __attribute__((noinline)) void assist(uint64_t bytes) {
    G *g = g_self();
    owe(g, bytes);
    while (g->gc_credit < 0 && load_relaxed(&gc.phase) == GC_MARK)
        g_leave(g, assist_off_stack, g);
    if (unlikely(gc_ahead())) gc_wait_marking();
}

// Of a goroutine that ends: what it has marked ahead is everybody's.
void gc_credit_return(G *g) {
    if (g->gc_credit > 0 && g->gc_credit_cycle == gc.cycle && load_relaxed(&gc.phase) == GC_MARK)
        fetch_add(&credit, work_of(g->gc_credit, gc_pace_ratio(load_relaxed(&gc_cycle.scanned))));
    g->gc_credit = 0;
    if (g->assist_ns) assist_count_goroutine(g->assist_ns);
    g->assist_ns = 0;
}

static void trigger_call(void *unused) { gc_trigger(); }

static __attribute__((noinline)) void look(void) {
    uint64_t due;
    sys_call(gc_pace_look, &due);
    if (due && gc_ahead()) gc_wait_marking();
}

bool gc_must_stay(void) {
    const G *g = g_self();
    return g && g->unpreemptible;
}

// It asks for a cycle as long as pages of the reserve are in use, too: perhaps nobody else allocates.
static __attribute__((noinline)) void allocated_staying(uint64_t bytes) {
    uint64_t due;
    if (load_relaxed(&gc.phase) == GC_MARK) owe(g_self(), bytes);
    else if (load_relaxed(&heap.live_bytes) >= load_relaxed(&gc_pace.look_at)) sys_call(gc_pace_look, &due);
    if (load_relaxed(&page_heap.free) < page_heap.reserve) sys_call(trigger_call, NULL);
}

void gc_allocated(uint64_t bytes) {
    if (unlikely(gc_must_stay())) {
        allocated_staying(bytes);
        return;
    }
    if (unlikely(gc.stress) && fetch_add(&slow_allocs, 1) % gc.stress == gc.stress - 1) {
        gc_force();
        return;
    }
    if (unlikely(load_relaxed(&gc.phase) == GC_MARK)) assist(bytes);
    else if (load_relaxed(&heap.live_bytes) >= load_relaxed(&gc_pace.look_at)) look();
    else if (unlikely(gc_pace_period_over())) sys_call(trigger_call, NULL);
}
