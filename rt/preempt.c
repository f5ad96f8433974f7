// preempt.c -- interrupts that want the scheduler: timer ticks, IPIs, single steps; and spare contexts.
//
// Three ways to take a core from a goroutine (design: "Preemption and safe points"):
// 1. at a call: the guard is poisoned, the next prologue enters __morestack, which saves the whole context and comes here
//    (sched_preempted_call);
// 2. anywhere: an interrupt finds the PC in application text on the goroutine's own stack. The handler copies the trap frame and
//    the vector registers into a spare context and redirects the frame to sched_preempted on the system stack: all
//    real work happens there, with interrupts on;
// 3. at a door: the interrupt landed in runtime text, the bits stay in P.request, and the door (RT_DOOR) or the next switch answers.
//    Between a door's check and its return to a loop without calls nobody would look again: so an interrupt that could
//    not switch arms a retry (RETRY_NS).
//
// Everything here that starts with rt_irq runs in interrupt context on its own core: it takes no lock, allocates nothing, uses
// general registers only. P.request is written by atomic or because other cores set bits as well. P.spare is only popped by
// the interrupt when the PC is in application text, and only touched by the core itself in runtime text: never both.
#include "profile.h"
#include "sched.h"
#include "report.h"
#include "schedtrace.h"
#include "trace.h"

#define RETRY_NS 50000

uint32_t rt_fpu_mode = FPU_FXSAVE;
uint32_t rt_fpu_bytes = 512;
uint64_t rt_fpu_mask = 3;

extern const char __start_app_text[], __stop_app_text[];

static bool in_app_text(uint64_t pc) { return pc >= (uintptr_t)__start_app_text && pc < (uintptr_t)__stop_app_text; }

// May the goroutine that tf interrupted be taken off where it stands?
static bool preemptible(const P *p, const TrapFrame *tf) {
    const G *g = p->g;
    if (!g || !in_app_text(tf->rip) || g->unpreemptible) return false;
    const StackSeg *s = g->seg;
    return tf->rsp >= s->base && tf->rsp <= (uintptr_t)s && p->spare && !g->ctx;
}

// From interrupts only.
static void arm_by(P *p, int64_t deadline) {
    if (deadline >= p->armed) return;
    p->armed = deadline;
    p->irq_arms++;
    plat_timer_arm(deadline);
}

// What the timer is to be set to. A pending request wants a retry soon: it may have come when nobody could look at it any more.
// A due timer that a tick has announced (REQ_TIMER) is not waited for again.
static int64_t next_deadline(P *p) {
    uint32_t request = load_relaxed(&p->request);
    int64_t next = request & REQ_TIMER ? TIME_NEVER : load_relaxed(&p->timer_next);
    if (p->slice_armed && p->slice_end < next) next = p->slice_end;
    int64_t turn = request & REQ_GC ? TIME_NEVER : gc_next_turn(p);
    if (turn < next) next = turn;
    if (unlikely(profile_wanted & PROFILE_CPU) && p->profile_next < next) next = p->profile_next;
    if (p->id == 0 && !(request & REQ_SCHEDTRACE) && schedtrace_due < next) next = schedtrace_due;
    if (unlikely(request)) {
        int64_t retry = plat_now_ns() + RETRY_NS;
        if (retry < next) next = retry;
    }
    return next;
}

// Small: also called from doors. An interrupt of this core may arm the timer between any two steps here, and what it armed may
// be overwritten with what was right before it: then a tick comes soon, which looks at everything again. (Repeating until no interrupt
// comes in between has no end where one comes sooner than this function returns, as under single steps.)
void sched_arm(P *p) {
    uint32_t seen = p->irq_arms;
    barrier_local();
    int64_t next = next_deadline(p);
    if (next == p->armed) return;
    p->armed = next;
    plat_timer_arm(next);
    barrier_local();
    if (likely(p->irq_arms == seen)) return;
    int64_t soon = plat_now_ns() + RETRY_NS;
    p->armed = soon;
    plat_timer_arm(soon);
}

void sched_timer_changed(P *p) { sched_arm(p); }

// The bits are in p->request: leave the goroutine if that is possible here, else see to it that they are noticed.
static bool answer(P *p, TrapFrame *tf) {
    // The scheduler is about to sleep: it looks again. It is about to enter a goroutine: the retry finds that one.
    if (!p->g) fetch_or(&p->wake, WAKE_LOOK);
    if (!preemptible(p, tf)) {
        plat_guard_set(~(uintptr_t)0);
        arm_by(p, plat_now_ns() + RETRY_NS);
        return false;
    }
    Ctx *c = p->spare;
    p->spare = c->next;
    p->spare_count--;
    c->tf = *tf;
    plat_fpu_capture(c->fpu);
    p->g->ctx = c;
    p->n_preempt_async++;
    tf->rip = (uintptr_t)sched_preempted;
    tf->rsp = p->sys_sp - 8; // as if called
    tf->rbp = 0;
    tf->rflags &= ~(uint64_t)0x500; // TF, DF
    return true;
}

// Tick at the end of a slice. The scheduler itself (no p->g) has looked at slice_armed already and may be about to enter a goroutine:
// so only a running goroutine becomes tickless, until somebody waits again; idle.c disarms the rest.
static void slice_over(P *p, int64_t now) {
    if (p->g && !sched_others_wait(p)) {
        hint_store(&p->slice_armed, false);
        fence_seq(); // pairs with sched_put_global: it sees a tickless core to poke, or we see what it queued
        if (!sched_others_wait(p)) return;
        hint_store(&p->slice_armed, true);
    }
    p->slice_end = now + sched.slice_ns;
    if (hint_load(&p->tick_seen) != p_turn(p)) {
        hint_store(&p->tick_seen, p_turn(p));
        return;
    }
    hint_store(&p->slice_spent, true); // also when the request comes to nothing: the goroutine parks
    if (p->g) fetch_or(&p->request, REQ_YIELD);
}

bool rt_irq_tick(TrapFrame *tf) {
    P *p = p_self();
    p->n_irq++;
    trace_irq(TRACE_IRQ_TICK);
    p->armed = TIME_NEVER;
    int64_t now = plat_now_ns();
    if (load_relaxed(&p->timer_next) <= now) fetch_or(&p->request, REQ_TIMER);
    int64_t turn = gc_next_turn(p);
    if (turn <= now) fetch_or(&p->request, REQ_GC);
    if (p->id == 0 && schedtrace_tick(p, now)) fetch_or(&p->request, REQ_SCHEDTRACE);
    if (p->slice_armed && now >= p->slice_end) slice_over(p, now);
    int64_t next = load_relaxed(&p->timer_next);
    if (next > now && next != TIME_NEVER) arm_by(p, next);
    if (turn > now && turn != TIME_NEVER) arm_by(p, turn);
    if (p->slice_armed) arm_by(p, p->slice_end);
    if (unlikely(profile_wanted & PROFILE_CPU)) arm_by(p, profile_tick(p, tf, now));
    if (p->id == 0 && schedtrace_due != TIME_NEVER) arm_by(p, schedtrace_due);
    if (load_relaxed(&p->request) == 0) return false;
    return answer(p, tf);
}

bool rt_irq_ipi(TrapFrame *tf) {
    P *p = p_self();
    p->n_irq++;
    trace_irq(TRACE_IRQ_IPI);
    if (report_frozen()) report_wait_frozen();
    if (unlikely(profile_wanted & PROFILE_CPU)) arm_by(p, p->profile_next); // perhaps the profile has just begun
    if (p->g && !p->slice_armed && sched_others_wait(p)) {
        hint_store(&p->slice_armed, true);
        hint_store(&p->tick_seen, p_turn(p));
        p->slice_end = plat_now_ns() + sched.slice_ns;
        arm_by(p, p->slice_end);
    }
    if (load_relaxed(&p->request) == 0) {
        if (!p->g) fetch_or(&p->wake, WAKE_LOOK);
        return false;
    }
    return answer(p, tf);
}

bool rt_irq_step(TrapFrame *tf) {
    P *p = p_self();
    if (!sched.trapstep) { // left over from a mode switched off
        tf->rflags &= ~(uint64_t)0x100;
        return false;
    }
    if (!preemptible(p, tf)) return false;
    if (++p->steps < sched.trapstep) return false;
    p->steps = 0;
    fetch_or(&p->request, REQ_YIELD);
    return answer(p, tf);
}

void rt_irq_ready(G *g) {
    P *p = p_self();
    G *head = load_relaxed(&p->inbox);
    do {
        g->next = head;
    } while (!atomic_compare_exchange_weak_explicit(&p->inbox, &head, g, memory_order_release, memory_order_relaxed));
    fetch_or(&p->request, REQ_INBOX); // the interrupt's exit goes through rt_irq_ipi
    if (!p->g) fetch_or(&p->wake, WAKE_LOOK);
}

// ---- on the system stack

static _Noreturn void take_off(P *p, G *g) {
    if (WATCHED()) watch_left(g, p->stop_way == STOP_CALL ? LEFT_AT_CALL : LEFT_ANYWHERE);
    hint_store(&p->g, NULL);
    fpu_clean();
    store_release(&g->on_cpu, 0); // pairs with the acquire of whoever runs it next
    uint32_t req = load_relaxed(&p->request);
    if (req & REQ_YIELD) {
        hint_store(&g->slices, g->slices + 1);
        hint_store(&p->tick_seen, p_turn(p) + 1); // the next one starts a whole slice now
    }
    sched_requeue_preempted(p, g, req);
    schedule();
}

// Where rt_irq_* redirect the interrupted core. g->ctx is set.
void sched_preempted(void) {
    P *p = p_self();
    p->stop_way = STOP_ASYNC;
    take_off(p, p->g);
}

// From __morestack: ctx is filled.
void sched_preempted_call(Ctx *ctx) {
    P *p = p_self();
    G *g = p->g;
    // It goes on; the requests stay, and the door that ends the section answers them.
    if (unlikely(g->unpreemptible)) ctx_enter(ctx, g);
    g->ctx = ctx;
    p->n_preempt_call++;
    p->stop_way = STOP_CALL;
    take_off(p, g);
}

// A core wants two spare contexts; a goroutine that moves takes one along, so cores with too many give back.
static RecPool ctx_pool;

void preempt_init(void) {
    ctx_pool = (RecPool)REC_POOL(0);
    ctx_pool.size = ((uint32_t)sizeof(Ctx) + rt_fpu_bytes + 63u) & ~63u;
}

void preempt_refill(P *p) {
    while (p->spare_count < 2) {
        Ctx *c = rec_alloc(&ctx_pool);
        if (!c) return; // less preemption, but nothing breaks
        RT_ASSERT(((uintptr_t)c & 63) == 0);
        memset(c, 0, ctx_pool.size); // XRSTOR wants reserved header bytes zero
        c->next = p->spare;
        p->spare = c;
        p->spare_count++;
    }
}

void preempt_trim(P *p) {
    while (p->spare_count > 8) {
        Ctx *c = p->spare;
        p->spare = c->next;
        p->spare_count--;
        rec_free(&ctx_pool, c);
    }
}
