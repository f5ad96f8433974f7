// proc.c -- scheduling by the programmer: cores in use, pinning, priorities, a core of one's own, the slice.
//
// A pinned goroutine sits in the local queues of its core, which nobody steals from. A core that a goroutine owns runs only
// that goroutine; what was queued there moves to the global queue, new work readied there goes to the global queue as well
// (is_special in sched.c). Reserved cores still answer stops and run their timers.
//
// Lock: proc_lock (a goroutine-level right, taken by stopping the world) guards reservations; fields are only written with the
// world stopped, so that no core looks at a half-made change.
#include "sched.h"
#include "runq.h"

#define SLICE_MIN_NS 10000 // below, a core would do little but switch

int cpu_count(void) { return sched.ncpu; }
uint64_t goroutine_id(void) { return g_self()->id; }
int core_id(void) { return (int)p_self()->id; }

// The core that takes over what was bound to core `from`, which goes: a shared one.
static int32_t heir(int32_t from) {
    int n = sched.nproc;
    for (int i = 0; i < n; i++) {
        int c = (from + i) % n;
        if (!rt_ps[c]->reserved_by_g) return c;
    }
    return 0; // gomaxprocs refuses to get here
}

// Everything queued on p that may run elsewhere goes to the global queue. World stopped, or p is the caller's.
void sched_evacuate(P *p, bool pinned_too) {
    sched_drain_inbox_to_global(p);
    for (G *g; (g = runq_get(p));)
        sched_put_global(g);
    GList keep[3] = {0};
    lock_acquire(&p->local_lock);
    GList all[3];
    for (int i = 0; i < 3; i++) {
        all[i] = p->local[i];
        p->local[i] = (GList){0};
    }
    store_seq(&p->local_count, 0);
    lock_release(&p->local_lock);
    for (int i = 0; i < 3; i++)
        for (G *g; (g = glist_pop(&all[i]));) {
            if (g->pinned < 0) sched_put_global(g);
            else if (!pinned_too) glist_push(&keep[i], g);
            else {
                if (g->pinned >= sched.nproc) g->pinned = heir(g->pinned);
                sched_put_pinned(g);
            }
        }
    lock_acquire(&p->local_lock);
    for (int i = 0; i < 3; i++) {
        p->local[i] = keep[i];
        store_seq(&p->local_count, load_relaxed(&p->local_count) + (uint32_t)keep[i].n);
    }
    lock_release(&p->local_lock);
}

static void repin(G *g, void *arg) {
    if (load_relaxed(&g->state) != G_DEAD && g->pinned >= sched.nproc) g->pinned = heir(g->pinned);
}

// System stack, world stopped.
static void set_procs(void *arg) {
    int n = *(int *)arg, old = sched.nproc;
    hint_store(&sched.nproc, n); // cores that are off read it, see switch_off
    for (int i = n; i < old; i++) {
        P *p = rt_ps[i];
        sched_evacuate(p, true);
        timers_move(p, rt_ps[0]);
        seg_cache_flush(p);
        page_cache_flush(p);
    }
    if (n < old) g_for_each(repin, NULL);
}

// May cores n and up go? Not if somebody owns one, or if nobody shares those that stay.
static bool may_shrink_to(int n) {
    int shared = 0;
    for (int i = 0; i < sched.ncpu; i++) {
        if (i >= n && rt_ps[i]->reserved_by_g) return false;
        shared += i < n && !hint_load(&rt_ps[i]->reserved_by_g);
    }
    return shared > 0;
}

int gomaxprocs(int n) {
    int old = sched.nproc;
    if (n > sched.ncpu) n = sched.ncpu;
    if (n <= 0 || n == old) return old;
    gc_exclude();
    world_stop(WAIT_STW);
    old = sched.nproc;
    if (!may_shrink_to(n)) {
        world_start();
        gc_admit();
        panic_plain("gomaxprocs: goroutines own cores that would go, or all that would stay");
    }
    sys_call(set_procs, &n);
    world_restart();
    sched_arm(p_self());
    while (p_self()->id >= (uint32_t)n)
        g_yield(); // moves us: this core goes to sleep
    for (int i = n; i < old; i++) // short: they are in the scheduler. See the head of stop.c
        for (unsigned turns = 0; load_acquire(&rt_ps[i]->state) != P_OFF; turns++)
            plat_spin(turns);
    world_release();
    gc_admit();
    return old;
}

// ---- pinning

// Moves the calling goroutine to where it is now bound to be.
static void move_here(G *g) {
    if (g->pinned >= 0 && (uint32_t)g->pinned != p_self()->id) g_yield();
}

void lock_os_thread(void) {
    G *g = g_self();
    if (g->pin_depth++ == 0 && g->pinned < 0) {
        g->pinned = (int32_t)p_self()->id;
        g->pinned_by_lock = true;
        g_set_special(g);
    }
}

void unlock_os_thread(void) {
    G *g = g_self();
    if (g->pin_depth == 0) return; // as Go: too many unlocks do nothing
    if (--g->pin_depth == 0 && g->pinned_by_lock) {
        g->pinned_by_lock = false;
        if (!g->own_core) g->pinned = -1; // else it stays on its own core
        g->pinned_before = -1;
        g_set_special(g);
    }
    RT_DOOR();
}

bool goroutine_pin(int core) {
    G *g = g_self();
    if (core >= sched.nproc) return false;
    if (g->own_core) { // it stays; this says where it will be bound afterwards
        if (core >= 0 && core != g->pinned) return false;
        g->pinned_before = core;
        return true;
    }
    if (core < 0) {
        g->pinned = -1;
        g->pinned_by_lock = false;
        g_set_special(g);
        RT_DOOR();
        return true;
    }
    if (hint_load(&rt_ps[core]->reserved_by_g) && hint_load(&rt_ps[core]->owner) != g) return false;
    g->pinned = core;
    g->pinned_by_lock = false;
    g_set_special(g);
    move_here(g);
    RT_DOOR();
    return true;
}

Priority goroutine_priority(Priority prio) {
    G *g = g_self();
    Priority old = (Priority)g->priority;
    if ((unsigned)prio > PRIORITY_LOW) panic_plain("goroutine_priority: no such class");
    hint_store(&g->priority, (uint8_t)prio);
    g_set_special(g);
    if (prio > old) g_yield(); // others may come first now
    else RT_DOOR();
    return old;
}

// ---- a core of one's own

static void count_pinned(G *g, void *arg) {
    int *c = arg; // c[0] core, c[1] count
    if (load_relaxed(&g->state) != G_DEAD && g->pinned == c[0]) c[1]++;
}

static void reserve(void *arg) {
    G *g = arg;
    P *p = p_self();
    hint_store(&p->owner, g);
    hint_store(&p->reserved_by_g, true);
    g->own_core = true;
    g->pinned_before = g->pinned;
    g->pinned = (int32_t)p->id;
    g_set_special(g);
    sched_evacuate(p, false);
}

// The goroutine gives its core back, or ended there. Core p itself, system stack or goroutine's.
void sched_release_core(P *p, G *g) {
    hint_store(&p->owner, NULL);
    hint_store(&p->reserved_by_g, false);
    g->own_core = false;
    if (g->pin_depth == 0) g->pinned = g->pinned_before;
    else g->pinned_by_lock |= g->pinned_before < 0; // locked since: bound to this core until the unlock
    g_set_special(g);
}

static int shared_cores(void) {
    int n = 0;
    for (int i = 0; i < sched.nproc; i++)
        n += !hint_load(&rt_ps[i]->reserved_by_g);
    return n;
}

bool goroutine_own_core(bool on) {
    G *g = g_self();
    if (on == g->own_core) return true;
    if (!on) {
        sched_release_core(p_self(), g);
        RT_DOOR();
        return true;
    }
    gc_exclude();
    world_stop(WAIT_STW);
    int pins[2] = {(int)p_self()->id, 0};
    g_for_each(count_pinned, pins);
    bool alone = pins[1] == 0 || (pins[1] == 1 && g->pinned == pins[0]);
    bool ok = alone && shared_cores() > 1;
    if (ok) sys_call(reserve, g);
    world_start();
    gc_admit();
    if (ok) sched_wake_one(); // for what was moved away
    RT_DOOR();
    return ok;
}

int64_t sched_set_slice(int64_t ns) {
    int64_t old = sched.slice_ns;
    if (ns > 0) sched.slice_ns = ns < SLICE_MIN_NS ? SLICE_MIN_NS : ns;
    return old;
}

size_t set_max_stack(size_t bytes) {
    size_t old = sched.max_stack;
    if (bytes) sched.max_stack = bytes;
    return old;
}

// No door: whoever comes back from a switch has just reread the request (gogo.asm), and the next call looks at it before anything else.
void gosched(void) { g_yield(); }
