// sched.h -- what the scheduler's parts (sched.c, queues.c, idle.c, preempt.c, stop.c, proc.c) share.
#pragma once
#include "core.h"

// The scheduler's loop: picks a goroutine and enters it, or idles. On the system stack, p->g == NULL, no locks.
_Noreturn void schedule(void);
_Noreturn void schedule_arg(void *unused); // the same for g_leave
// Enters g on this core. System stack, g taken from a queue.
_Noreturn void sched_execute(P *p, G *g);

// Queues. Any core, system or goroutine's stack, locks of rank < RANK_PLOCAL.
void sched_put_global(G *g);              // tail, by priority; wakes or pokes a core
void sched_put_global_batch(GList *batch); // normal priority; caller wakes
void sched_put_pinned(G *g);              // to the core it is pinned to
G *sched_get_global(P *p, Priority prio, uint32_t max); // one to run, up to max-1 more into p's ring
void sched_watched(void);                 // from now on every switch passes the scheduler, for good
bool sched_work_exists(void);             // any queue of any core is not empty (racy hint)
// A goroutine was queued: wake one idle core unless one is already searching. Full barrier between queueing and this.
void sched_wake_one(void);
// A goroutine of high priority went to the global queue: an idle core, else one that runs something less urgent. System stack.
void sched_urge(void);
// The next goroutine for p (the caller's), taken out of its queue; NULL: there is none. System stack.
G *sched_find(P *p);
// Drains p's inbox (the caller's) into its queues. Returns true when there was something.
bool sched_drain_inbox(P *p);
void sched_requeue_preempted(P *p, G *g, uint32_t req);
// (Re)programs this core's timer for slice end and timers (small).
void sched_arm(P *p);
bool sched_others_wait(const P *p);
// Somebody waits on p (the caller's), or is about to: the running goroutine's slice begins unless it has. Small.
void sched_slice_begin(P *p);
static inline void sched_slice_wanted(P *p) {
    barrier_local(); // a tick that comes before the goroutine is queued makes the core tickless; one that comes later sees it
    if (unlikely(!p->slice_armed)) sched_slice_begin(p);
}
// On: every switch goes through schedule(), on all cores. World stopped, or it only takes effect soon.
void sched_set_detour(bool on);

bool sched_drain_inbox_to_global(P *p); // world stopped, any core
void sched_evacuate(P *p, bool pinned_too); // proc.c
void sched_release_core(P *p, G *g);    // proc.c
void g_set_special(G *g);               // after a change of g->pinned or g->priority
void sched_preempted(void);             // preempt.c: redirected interrupts end here
// idle.c
void idle_until_work(P *p);            // sleeps until there may be work; system stack
bool idle_claim(P *p);                 // takes p out of the idle set: true: the caller owns its wake-up
void idle_wake_claimed(P *p, bool spinning);
// stop.c
void stop_here(P *p); // called by the scheduler when sched.stop_wanted or p is off
void world_stop(WaitReason why);  // goroutine context, parks if another stop is under way
void world_start(void);
void world_stopped_do(void (*fn)(void *), void *arg); // stop, fn(arg) on the system stack, start
// Its halves: the cores go on; another goroutine may stop them.
void world_restart(void);
void world_release(void);
// stack.c
bool stack_init(G *g);                 // first segment; false: no memory
void stack_release_newer(G *g);        // the kept segments go back. System stack
void stack_free(G *g);                 // all segments; g dead. System stack
void stack_reset_to(G *g, uintptr_t sp); // the segment that holds sp becomes current; newer ones go back. System stack
_Noreturn void stack_overflow(G *g, size_t more); // panic.c: Go's report, exit 2
StackSeg *stack_find(G *g, uintptr_t sp); // NULL: not in any segment in use
// g.c
_Noreturn void g_exit(void); // end of the running goroutine: its function has returned
_Noreturn void g_end(void);  // the same from deep below (goexit, recover); little stack
// preempt.c
void preempt_refill(P *p); // spare contexts; system stack
void preempt_init(void);
// gogo.asm
void g_switch(G *from, G *to);
void g_leave(G *from, void (*fn)(void *), void *arg);
_Noreturn void g_enter(G *to);
_Noreturn void ctx_enter(Ctx *ctx, G *g);
_Noreturn void sys_leave(void (*fn)(void *), void *arg);
_Noreturn void catch_resume(CatchFrame *f, uintptr_t guard);
void g_start(void);
void fpu_clean(void);

static inline uint64_t rand_next(P *p) { // xorshift64: not for secrets
    uint64_t x = p->rand;
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    return p->rand = x;
}
