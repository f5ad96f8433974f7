// g.c -- birth, exit and reuse of goroutines.
//
// Dead goroutines keep their G and their first segment. Each P has a pool of them (g->next), touched only by its own core in
// runtime text. Pools exchange batches of GFREE_BATCH with a global pool, which keeps stacks up to a share of memory; beyond that,
// stacks go back, so a burst of goroutines does not hold memory but for the G records themselves (as in Go). G records are never
// unmapped: racy readers (reports, hints) may look at any G at any time.
//
// A goroutine that ends puts itself into its core's pool while it still stands on its stack: nobody else can take it from there
// before the core has left it. Going to the global pool happens on the system stack.
#include "switch.h"
#include "escape.h"
#include "watch.h"

_Static_assert(sizeof(G) <= 344, "47 fit into a block of records; more memory for each goroutine is to be decided, not to happen");

#define GFREE_BATCH 64u
#define GFREE_MAX   (2 * GFREE_BATCH) // in a P's pool
#define GFREE_SHARE 64 // of memory, one part of so many may lie in stacks of the global pool
#define GOID_BATCH  16u

static RecPool g_pool = REC_POOL(sizeof(G));
static Lock allgs_lock = LOCK_INIT(RANK_ALLGS);
static _Atomic(G *) allgs; // oldest first; readers without the lock: their acquires pair with the release in g_record
static _Atomic(G *) *allgs_end = &allgs;
static Lock gfree_lock = LOCK_INIT(RANK_GFREE);
static GList gfree_bare;      // global pool: without stacks
static GList gfree_stacked;   // and with their first segment
static _Atomic size_t gfree_stacked_count; // its length, written under the lock; read without it as a hint
static _Atomic size_t gfree_stacked_max;     // 0: not computed yet

G *g_first(void) { return load_acquire(&allgs); }

void g_for_each(void (*fn)(G *g, void *arg), void *arg) {
    for (G *g = load_acquire(&allgs); g; g = load_acquire(&g->all_next))
        fn(g, arg);
}

// A dead goroutine without a stack; NULL: no memory.
static G *g_record(void) {
    lock_acquire(&gfree_lock);
    G *g = glist_pop(&gfree_bare);
    lock_release(&gfree_lock);
    if (g) return g;
    g = rec_alloc(&g_pool);
    if (!g) return NULL;
    memset(g, 0, sizeof *g);
    store_relaxed(&g->state, G_DEAD);
    lock_acquire(&allgs_lock);
    store_release(allgs_end, g);
    allgs_end = &g->all_next;
    lock_release(&allgs_lock);
    return g;
}

// What a new goroutine's saved frame looks like: see g_switch in gogo.asm.
typedef struct {
    uintptr_t r15, r14, r13, arg, fn, rbp, ret;
} StartFrame;

static uint64_t goid_take(P *p) {
    if (unlikely(p->goid_next == p->goid_end)) {
        p->goid_next = fetch_add(&sched.goid, GOID_BATCH) + 1;
        p->goid_end = p->goid_next + GOID_BATCH;
    }
    return p->goid_next++;
}

// g has its first segment as current and nothing else. Small and inline: the fast path of go().
static inline void g_birth(P *p, G *g, void (*fn)(void *), void *arg, uintptr_t pc) {
    if (unlikely(gc.verify)) gc_clear_segment(g->seg);
    // Entered by RESTORE_RET with rsp 16-byte aligned behind it, so that fn sees the ABI's alignment.
    uintptr_t top = (uintptr_t)g->seg & ~(uintptr_t)15;
    StartFrame *f = (StartFrame *)(top - sizeof *f);
    f->rbp = 0;
    f->fn = (uintptr_t)fn;
    f->arg = (uintptr_t)arg;
    f->ret = (uintptr_t)g_start;
    g->sp = (uintptr_t)f;
    g->entry_pc = (uintptr_t)fn;
    g->created_by_pc = pc;
    g->id = goid_take(p);
    G *parent = p->g;
    g->created_by_id = parent ? parent->id : 0;
    g->go_labels = parent ? parent->go_labels : NULL;
    g->mxcsr = 0x1f80;
    g->fcw = 0x37f;
    hint_store(&g->priority, PRIORITY_NORMAL); // urge_some_core may look
    g->pinned = -1;
    g->special = false;
    g->panic_on_fault = false;
    g->pinned_by_lock = false;
    g->slices = 0;
    store_release(&g->state, G_WAITING); // g_ready makes it runnable. Pairs with root.c, which may come by
    hint_add(&p->n_created, 1);
}
_Static_assert(sizeof(StartFrame) == 56, "gogo.asm: RESTORE_RET");

static inline void g_free(P *p, G *g) {
    g->next = p->gfree;
    p->gfree = g;
    p->gfree_count++;
}

// p's pool is empty: a batch from the global one.
static void pool_refill(P *p) {
    if (load_relaxed(&gfree_stacked_count) == 0) return;
    lock_acquire(&gfree_lock);
    while (p->gfree_count < GFREE_BATCH && gfree_stacked.head)
        g_free(p, glist_pop(&gfree_stacked));
    store_relaxed(&gfree_stacked_count, gfree_stacked.n);
    lock_release(&gfree_lock);
}

G *g_new(void (*fn)(void *), void *arg, uintptr_t pc) {
    P *p = p_self();
    if (!p->gfree) pool_refill(p);
    G *g = p->gfree;
    if (g) {
        p->gfree = g->next;
        p->gfree_count--;
        g->next = NULL;
    } else {
        g = g_record();
        if (!g) return NULL;
        if (!stack_init(g)) {
            lock_acquire(&gfree_lock);
            glist_push(&gfree_bare, g);
            lock_release(&gfree_lock);
            return NULL;
        }
    }
    g_birth(p, g, fn, arg, pc);
    return g;
}

typedef struct { void (*fn)(void *); void *arg; uintptr_t pc; G *g; } NewArgs;
static void g_new_on_system_stack(void *a) {
    NewArgs *n = a;
    n->g = g_new(n->fn, n->arg, n->pc);
}

static __attribute__((noinline)) G *g_new_slow(void (*fn)(void *), void *arg, uintptr_t pc) {
    NewArgs n = {fn, arg, pc, NULL};
    sys_call(g_new_on_system_stack, &n);
    MemoryForce f = {0, 0};
    while (unlikely(!n.g) && memory_force(&f))
        sys_call(g_new_on_system_stack, &n);
    if (!n.g) rt_fatal("out of memory (cannot create a goroutine)");
    return n.g;
}

static __attribute__((noinline)) void go_slow(void (*fn)(void *), void *arg, uintptr_t pc) {
    if (unlikely(!fn)) panic_plain("go of nil func value");
    g_ready(g_new_slow(fn, arg, pc));
    RT_DOOR();
}

void go(void (*fn)(void *), void *arg) {
    P *p = p_self();
    uintptr_t pc = (uintptr_t)__builtin_return_address(0);
    escape_check("go", &arg, NULL, pc);
    G *g = p->gfree;
    if (unlikely(!fn || !g)) return go_slow(fn, arg, pc);
    p->gfree = g->next;
    p->gfree_count--;
    g->next = NULL;
    g_birth(p, g, fn, arg, pc);
    g_ready(g);
    RT_DOOR();
}

// ---- the end

// System stack: a batch of the pool goes to the global one.
static void spill(P *p) {
    if (load_relaxed(&gfree_stacked_max) == 0)
        store_relaxed(&gfree_stacked_max, page_stats().total / GFREE_SHARE / STACK_FIRST + GFREE_BATCH);
    GList out = {0}, bare = {0};
    bool keep = load_relaxed(&gfree_stacked_count) < load_relaxed(&gfree_stacked_max); // a batch more or less
    while (p->gfree_count > GFREE_MAX - GFREE_BATCH) {
        G *g = p->gfree;
        p->gfree = g->next;
        p->gfree_count--;
        if (keep) {
            glist_push(&out, g);
        } else {
            stack_free(g);
            glist_push(&bare, g);
        }
    }
    lock_acquire(&gfree_lock);
    glist_append(&gfree_stacked, &out);
    store_relaxed(&gfree_stacked_count, gfree_stacked.n);
    glist_append(&gfree_bare, &bare);
    lock_release(&gfree_lock);
}

static void exit_slow(void *arg) {
    P *p = p_self();
    G *g = arg;
    if (WATCHED()) watch_left(g, LEFT_END);
    hint_store(&p->g, NULL);
    store_release(&g->on_cpu, 0);
    if (g->own_core) sched_release_core(p, g);
    while (g->seg->older) { // goexit from deep below
        StackSeg *s = g->seg;
        g->stack_bytes -= s->bytes;
        g->seg = s->older;
        g->guard = g->seg->base + STACK_SLACK;
    }
    stack_release_newer(g); // also what it kept; the next who gets this G is to find the first segment alone
    g_free(p, g);
    if (p->gfree_count > GFREE_MAX) spill(p);
    schedule();
}

static inline __attribute__((always_inline)) void mark_dead(P *p, G *g) {
    RT_ASSERT(g->defers == NULL);
    store_relaxed(&g->state, G_DEAD);
    g->panic = NULL;
    g->recoverable = NULL;
    g->catches = NULL;
    g->pin_depth = 0;
    if (!g->system) hint_add(&p->n_exited, 1);
    g->system = false; // a finalizer may end its goroutine (Goexit); who gets this G next counts
}

void g_end(void) {
    P *p = p_self();
    if (unlikely(p->g->assist_ns != 0)) gc_credit_return(p->g);
    mark_dead(p, p->g);
    sys_leave(exit_slow, p->g);
}

static _Noreturn __attribute__((noinline)) void exit_early(P *p, G *early) {
    if (early) sched_put_back(p, early);
    g_end();
}
static _Noreturn __attribute__((noinline)) void exit_releasing(G *g) {
    sys_call((void (*)(void *))stack_release_newer, g);
    g_exit();
}

void g_exit(void) {
    P *p = p_self();
    G *g = p->g;
    bool simple = g->assist_ns == 0 && !g->own_core && !g->seg->older && p->gfree_count < GFREE_MAX;
    if (unlikely(!simple)) g_end();
    if (unlikely(g->seg->newer != NULL)) exit_releasing(g);
    G *early, *next = sched_next_quick(p, &early);
    if (unlikely(!next)) exit_early(p, early);
    mark_dead(p, g);
    store_relaxed(&g->on_cpu, 0); // nobody can take it from our pool before g_enter has left its stack
    g_free(p, g);
    sched_running(p, next);
    g_enter(next);
}

int goroutine_count(void) {
    int64_t n = 0;
    for (int i = 0; i < sched.ncpu; i++)
        n += (int64_t)(hint_load(&rt_ps[i]->n_created) - hint_load(&rt_ps[i]->n_exited));
    return (int)n;
}
