// queues.c -- where runnable goroutines wait, and in which order a core looks for the next one.
//
// A normal goroutine waits in the ring of a core (runq.c) or in the global queue, which takes what a ring cannot hold and what was taken off its
// core at the end of a slice. One that is pinned to a core waits in that core's local lists, one of other priority in a list of its
// priority, local or global.
//
// Whoever queues for another core wakes it: the Dekker pair is described at the head of sched.c (2). The counts beside the lists are written under
// the lock of the list and read without it.
//
// Locks: sched.lock guards global[], P.local_lock guards local[]; never both.
#include "sched.h"
#include "runq.h"
#include "trace.h"

#define GLOBAL_TURN 61    // every so many switches a core looks at the global queue first, as Go
#define DETOUR (1u << 31) // in global_high: makes next_quick fail
#define WATCHED_DETOUR (1u << 30) // likewise, for good: somebody looks at every switch (watch.h)
#define DETOURS (DETOUR | WATCHED_DETOUR)

// ---- the global queue

void sched_put_global_batch(GList *batch) {
    lock_acquire(&sched.lock);
    store_seq(&sched.global_count, load_relaxed(&sched.global_count) + (uint32_t)batch->n);
    glist_append(&sched.global[PRIORITY_NORMAL], batch);
    lock_release(&sched.lock);
}

// Cores that run one goroutine without a slice tick would never look at the global queue: tell one (rt_irq_ipi arms its tick).
static void poke_tickless(P *self) {
    for (int i = 0; i < sched.nproc; i++) {
        P *p = rt_ps[i];
        if (p == self || hint_load(&p->slice_armed) || !hint_load(&p->g) || hint_load(&p->reserved_by_g)) continue;
        plat_ipi(i);
        return;
    }
}

void sched_put_global(G *g) {
    lock_acquire(&sched.lock);
    glist_push(&sched.global[g->priority], g);
    store_seq(&sched.global_count, load_relaxed(&sched.global_count) + 1);
    if (g->priority == PRIORITY_HIGH) store_seq(&sched.global_high, load_relaxed(&sched.global_high) + 1);
    lock_release(&sched.lock);
    if (sched.nproc > 1 && load_seq(&sched.idle_count) == 0) poke_tickless(p_self());
}

void sched_set_detour(bool on) {
    lock_acquire(&sched.lock);
    uint32_t high = load_relaxed(&sched.global_high) & ~DETOUR;
    store_seq(&sched.global_high, on ? high | DETOUR : high);
    lock_release(&sched.lock);
}

void sched_watched(void) { fetch_or(&sched.global_high, WATCHED_DETOUR); }

G *sched_get_global(P *p, Priority prio, uint32_t max) {
    if (load_relaxed(&sched.global_count) == 0) return NULL;
    lock_acquire(&sched.lock);
    GList *l = &sched.global[prio];
    uint32_t n = (uint32_t)l->n / (uint32_t)sched.nproc + 1; // a fair share
    if (n > max) n = max;
    G *g = glist_pop(l);
    uint32_t taken = g ? 1 : 0;
    for (; taken > 0 && taken < n && l->head; taken++)
        runq_put(p, glist_pop(l)); // does not spill: who asks for more than one has an empty ring
    // Only now: a core that is going idle must see them here or there.
    store_seq(&sched.global_count, load_relaxed(&sched.global_count) - taken);
    if (prio == PRIORITY_HIGH) store_seq(&sched.global_high, load_relaxed(&sched.global_high) - taken);
    lock_release(&sched.lock);
    return g;
}

// Work that only core p may run, or that is not of normal priority and was readied there.
static void local_put(P *p, G *g) {
    lock_acquire(&p->local_lock);
    glist_push(&p->local[g->priority], g);
    store_seq(&p->local_count, load_relaxed(&p->local_count) + 1);
    lock_release(&p->local_lock);
}

static G *local_get(P *p, Priority prio) {
    if (load_relaxed(&p->local_count) == 0) return NULL; // hint; adders wake us
    lock_acquire(&p->local_lock);
    G *g = glist_pop(&p->local[prio]);
    if (g) store_seq(&p->local_count, load_relaxed(&p->local_count) - 1);
    lock_release(&p->local_lock);
    return g;
}

// Makes core p look at its queues: wakes it if idle, interrupts it if it runs something less urgent.
static void poke(P *p, uint32_t req) {
    if (idle_claim(p)) {
        idle_wake_claimed(p, false);
        return;
    }
    fetch_or(&p->request, req);
    if (p != p_self()) plat_ipi((int)p->id);
}

void sched_put_pinned(G *g) {
    P *p = rt_ps[g->pinned];
    local_put(p, g);
    fence_seq(); // pairs with idle.c: the idling core has published itself, or sees local_count
    if (p != p_self()) poke(p, g->priority == PRIORITY_HIGH ? REQ_NOW : REQ_INBOX);
    else if (g->priority == PRIORITY_HIGH && p->g && p->g->priority != PRIORITY_HIGH) fetch_or(&p->request, REQ_NOW);
    else sched_slice_wanted(p);
}

void sched_wake_one(void) {
    if (load_seq(&sched.idle_count) == 0 || load_seq(&sched.spinning) != 0) return;
    uint32_t zero = 0;
    if (!cas(&sched.spinning, &zero, 1)) return;
    for (int w = 0; w < PLAT_MAX_CPUS / 64; w++) {
        for (;;) {
            uint64_t m = load_seq(&sched.idle_mask[w]);
            // A core that a goroutine has for itself searches for nobody.
            uint64_t usable = m;
            while (usable && hint_load(&rt_ps[w * 64 + __builtin_ctzll(usable)]->reserved_by_g))
                usable &= usable - 1;
            if (!usable) break;
            P *p = rt_ps[w * 64 + __builtin_ctzll(usable)];
            if (idle_claim(p)) {
                idle_wake_claimed(p, true);
                return;
            }
        }
    }
    fetch_add(&sched.spinning, (uint32_t)-1);
}

void sched_urge(void) {
    sched_wake_one();
    if ((load_seq(&sched.global_high) & ~DETOURS) == 0 || load_seq(&sched.spinning) != 0) return;
    P *self = p_self();
    for (int i = 0; i < sched.nproc; i++) {
        P *p = rt_ps[(self->id + (uint32_t)i) % (uint32_t)sched.nproc];
        G *g = hint_load(&p->g); // racy read of a word: G records are never unmapped, a wrong guess costs one interrupt
        if (hint_load(&p->reserved_by_g) || !g || hint_load(&g->priority) == PRIORITY_HIGH) continue;
        poke(p, REQ_NOW);
        return;
    }
}

// ---- looking for work

// Victims in random order; only in the last round the goroutine that a victim is about to run, and only if the victim has not
// switched meanwhile: taking it from a pair that talks to each other makes both slower (Go sleeps 3 us here).
static G *steal(P *p) {
    for (int round = 0; round < 4; round++) {
        uint32_t start = (uint32_t)rand_next(p);
        for (int i = 0; i < sched.nproc; i++) {
            P *v = rt_ps[(start + (uint32_t)i) % (uint32_t)sched.nproc];
            if (v == p || hint_load(&v->reserved_by_g)) continue;
            bool last = round == 3;
            if (last && load_relaxed(&v->runq.runnext)) {
                uint32_t tick = hint_load(&v->sched_tick);
                for (unsigned t = 0; t < 64; t++)
                    plat_spin(t);
                if (tick != hint_load(&v->sched_tick)) last = false;
            }
            G *g = runq_steal(p, v, last);
            if (!g) continue;
            p->n_steal++;
            trace_note(TRACE_STEAL, 0, g, v->id);
            return g;
        }
        if (load_relaxed(&p->request)) break;
    }
    return NULL;
}

// A core that does nothing but mark runs what nobody else may run.
static __attribute__((noinline)) G *find_own(P *p) {
    G *g = local_get(p, PRIORITY_HIGH);
    if (!g) g = local_get(p, PRIORITY_NORMAL);
    return g ? g : local_get(p, PRIORITY_LOW);
}

G *sched_find(P *p) {
    G *g;
    if (unlikely(p->gc.busy_marking)) return find_own(p);
    if (p->reserved_by_g) return local_get(p, p->owner ? (Priority)p->owner->priority : PRIORITY_NORMAL);
    if ((g = local_get(p, PRIORITY_HIGH))) return g;
    if ((load_relaxed(&sched.global_high) & ~DETOURS) && (g = sched_get_global(p, PRIORITY_HIGH, 1))) return g;
    if (--p->until_global <= 0) { // counted here too: a pinned goroutine that yields for ever never comes by next_quick
        p->until_global = GLOBAL_TURN;
        if ((g = sched_get_global(p, PRIORITY_NORMAL, 1))) return g;
    }
    // Pinned goroutines and the ring take turns.
    if ((p->sched_tick & 1) && (g = local_get(p, PRIORITY_NORMAL))) return g;
    if ((g = runq_get_in_turn(p))) return g;
    if ((g = local_get(p, PRIORITY_NORMAL))) return g;
    if ((g = sched_get_global(p, PRIORITY_NORMAL, RUNQ_BATCH))) return g;
    // Steal, unless half of the busy cores already look for work.
    if (p->spinning || 2 * load_seq(&sched.spinning) < (uint32_t)sched.nproc - load_seq(&sched.idle_count)) {
        if (!p->spinning) {
            p->spinning = true;
            fetch_add(&sched.spinning, 1);
        }
        if ((g = steal(p))) return g;
    }
    if ((g = local_get(p, PRIORITY_LOW))) return g;
    return sched_get_global(p, PRIORITY_LOW, 1);
}

bool sched_work_exists(void) {
    if (load_seq(&sched.global_count)) return true;
    for (int i = 0; i < hint_load(&sched.nproc); i++)
        if (!hint_load(&rt_ps[i]->reserved_by_g) && !runq_empty(rt_ps[i])) return true;
    return false;
}

bool sched_others_wait(const P *p) {
    if (p->reserved_by_g) return load_relaxed(&p->local_count) != 0;
    return load_relaxed(&p->runq.head) != load_relaxed(&p->runq.tail) || load_relaxed(&p->runq.runnext) ||
           load_relaxed(&p->local_count) || load_relaxed(&sched.global_count);
}
