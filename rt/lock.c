// lock.c -- the slow path of ranked spin locks, and the checks of debug builds. See lock.h.
#include "core.h"

const char *const lock_rank_names[] = {
    [RANK_STW] = "stop the world",
    [RANK_SELECT] = "select",
    [RANK_CHAN] = "channel",
    [RANK_SEMA] = "semaphore",
    [RANK_FILES] = "files",
    [RANK_GC] = "collector",
    [RANK_TIMERS] = "timers",
    [RANK_ALLGS] = "all goroutines",
    [RANK_PROFILE] = "profiles",
    [RANK_PLOCAL] = "pinned goroutines",
    [RANK_SCHED] = "scheduler",
    [RANK_GFREE] = "dead goroutines",
    [RANK_SPECIAL] = "finalizers",
    [RANK_HEAP] = "heap",
    [RANK_STACK] = "stack segments",
    [RANK_GCWORK] = "grey objects",
    [RANK_RECORD] = "records",
    [RANK_PAGE] = "page allocator",
    [RANK_VMAP] = "mappings",
    [RANK_CONSOLE] = "console",
};

// Out of line so that the fast path stays three instructions. Waits without bound in theory: holders run a bounded number of
// instructions, never park and are never preempted (hosted: Linux may preempt them, plat_spin gives way).
void lock_acquire_slow(Lock *l) {
    for (unsigned turns = 0;; turns++) {
        // Read before trying: a spinning core must not take the line away from the holder at every turn.
        if (load_relaxed(&l->word) == 0 && lock_try(l)) return;
        plat_spin(turns);
    }
}

static void order_violated(void *pair) {
    Lock *const *l = pair;
    rt_printf("lock order: %s lock %p (rank %d) taken while holding %s lock %p (rank %d)\n", lock_rank_names[l[0]->rank],
              (void *)l[0], l[0]->rank, lock_rank_names[l[1]->rank], (void *)l[1], l[1]->rank);
    rt_throw("lock order violated");
}

static uint32_t core_of(const Lock *timers) { return ((const P *)((const char *)timers - offsetof(P, timers_lock)))->id; }

// Two locks of one rank are allowed where their part orders them itself: channels by address (select.c), timers by their cores' numbers (timer.c).
static bool ordered_alike(const Lock *top, const Lock *l) {
    if (l->rank == RANK_CHAN) return top < l;
    return l->rank == RANK_TIMERS && core_of(top) < core_of(l);
}

// Only RT_DEBUG builds call these.
void lock_note_acquire(const Lock *l) {
    P *p = p_self();
    RT_ASSERT_ALWAYS(l->rank != 0);
    const uint32_t cap = sizeof p->held / sizeof p->held[0];
    if (p->held_count > 0) {
        const Lock *top = p->held[(p->held_count < cap ? p->held_count : cap) - 1]; // a select may hold more than we remember
        if (l->rank < top->rank || (l->rank == top->rank && !ordered_alike(top, l))) {
            const Lock *pair[2] = {l, top};
            sys_call(order_violated, pair);
        }
    }
    if (p->held_count < cap) p->held[p->held_count] = l;
    p->held_count++;
}

void lock_note_release(const Lock *l) {
    P *p = p_self();
    uint32_t n = p->held_count, cap = sizeof p->held / sizeof p->held[0];
    RT_ASSERT_ALWAYS(n > 0);
    if (n > cap) { // deeper than we remember (a select over many channels): count only
        p->held_count = n - 1;
        return;
    }
    for (uint32_t i = n; i-- > 0;) { // locks may be released in any order
        if (p->held[i] != l) continue;
        for (; i + 1 < n; i++)
            p->held[i] = p->held[i + 1];
        p->held_count = n - 1;
        return;
    }
    rt_throw("lock released that this core does not hold");
}
