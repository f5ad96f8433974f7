// root.c -- where marking starts: stacks, saved contexts, timers, the program's variables; as jobs for any number of cores.
//
// Waiters of channels and selects, deferred calls, panics, catch frames and sleeping timers of C lie on their goroutine's stack, and with
// it among the roots. Go's deferred calls and panics may lie in the heap (a defer statement in a loop), known to the goroutine's record
// alone: the heads of these two lists are looked at with the stack, and need no barrier as it needs none.
// Of a preempted goroutine the registers are in its Ctx; of one that switched away voluntarily the callee-saved
// ones are on its stack, the others are dead. Runnable goroutines need no extra care: queues link G records, and all G records are visited.
//
// Of a stack only what is in use is looked at: of the newest segment from rsp on (or the red zone below), of the older ones from where __morestack left
// them on, for nothing below is read again before it is written.
//
// Stacks. A goroutine's stack is looked at as it was at stop 1, because it does not run before somebody has done that. The jobs are a cursor over all
// G records; a core that wants to run a goroutine meanwhile does not wait for its turn (gc_scan_before_run). Both claim it: g->gc_scan goes by
// cas to "somebody is at it", and by a release store to "done" or, after STACK_PIECE bytes of a deep stack, to "a part is left". Then the goroutine
// goes to a list, so that workers can take it from there, and whoever wants to run it may stop for a stop of the world: nobody runs on that
// stack, so the rest of it stays what it was. Between two pieces a stop finds nobody in the middle of anything.
//   - A goroutine born after stop 1 need not be looked at: its argument is of the snapshot or new, as everything that a running goroutine holds.
//     The cursor may meet it all the same: dead, or with its first frame, and claims it against its first run.
//   - A record that is claimed while dead, and born later in the cycle, counts as looked at: the same.
//   - Hand-off writes into parked goroutines' stacks while they are looked at: either value will do (chan.h).
//
// stacks_open counts goroutines that were taken and are not done: in somebody's hands, or in the list. It rises before the cursor
// moves. So cursor at the end, then (in this order) stacks_open == 0, means that all stacks that were there have been looked at: from then on cores switch
// directly again (gc_stacks_done).
//
// Variables. C's are written by plain stores, so their words are looked at during stop 1. Go's (root_vars_add) are written through the barrier as cells in
// the heap are, gccgo's code knows no difference: whoever overwrites a pointer that was there at stop 1 shades it. So they are looked at while the program
// runs, in pieces, and as these exactly, but for the bitmaps: a word more that is kept costs less than finding out. A package registers its variables before its init functions set
// them, and what the linker put there does not lead into the heap: so a list that is registered after stop 1 holds only what was new or shaded. (Stop 1 would
// take some 200 us longer for the library's alone.)
//
// Timers. Each core's array is looked at in pieces from index 0 up, under its lock; the other half of the argument is in timer.c.
//
// Labels in CPU profiles (profile.c). A core's table is one job. Tables grow while they are looked at: what comes in then is of the snapshot or new. They are emptied in a stop.
//
// Locks: timer_lock (RANK_GC), outside of P.timers_lock; list_lock, var_lock (RANK_GCWORK).
#include "root.h"
#include "mark.h"
#include "proftab.h"
#include "sched.h"

#define STACK_PIECE (32u << 10)
#define TIMER_PIECE 512u
#define VAR_PIECE   4096u

// ---- where a goroutine's stack begins

// Lowest address in use; in g->seg, or, when a red zone reaches below, its base.
static uintptr_t stack_lowest(const G *g) {
    uintptr_t sp = g->ctx ? g->ctx->tf.rsp - 128 : g->sp;
    const StackSeg *s = g->seg;
    return sp >= s->base && sp <= (uintptr_t)s ? sp & ~(uintptr_t)7 : s->base;
}

// ---- stacks, as jobs

static _Atomic(G *) cursor; // the next to take; NULL: all were taken
static _Atomic uint32_t stacks_open;
static _Atomic uint64_t root_bytes;
static Lock list_lock = LOCK_INIT(RANK_GCWORK);
static G *list; // with a part left; each is counted in stacks_open
static _Atomic uint32_t list_count; // written under the lock, read without it as a hint

static uint32_t scan_done(void) { return 2 * gc.cycle; }
static uint32_t scan_busy(void) { return 2 * gc.cycle + 1; }
static uint32_t scan_part_left(void) { return 2 * gc.cycle - 1; } // as "busy" of the last cycle, which nobody can still be

// One that was counted is done, or belongs to somebody who counts it.
static void close_one(void) {
    fetch_add(&stacks_open, (uint32_t)-1);
    if (!load_seq(&cursor) && load_seq(&stacks_open) == 0) gc_stacks_done();
}

static void list_push(G *g) {
    lock_acquire(&list_lock);
    bool known = g->gc_listed;
    if (!known) {
        g->gc_listed = true;
        g->gc_next = list;
        list = g;
        store_seq(&list_count, load_relaxed(&list_count) + 1);
    }
    lock_release(&list_lock);
    if (known) close_one();
}

static G *list_pop(void) {
    if (load_relaxed(&list_count) == 0) return NULL;
    lock_acquire(&list_lock);
    G *g = list;
    if (g) {
        list = g->gc_next;
        g->gc_listed = false;
        store_seq(&list_count, load_relaxed(&list_count) - 1);
    }
    lock_release(&list_lock);
    return g;
}

static G *take(void) {
    G *g = list_pop();
    if (g || !load_relaxed(&cursor)) return g;
    fetch_add(&stacks_open, 1);
    g = load_seq(&cursor);
    while (g && !cas(&cursor, &g, load_acquire(&g->all_next))) // acquire: pairs with g_record's release
        continue;
    if (!g) close_one();
    return g;
}

// Looks at up to STACK_PIECE bytes of g's stack. True: that was all. g is claimed.
static bool scan_piece(GcLocal *l, G *g, bool from_start, uint64_t *bytes) {
    uint32_t state = load_acquire(&g->state); // pairs with g_birth
    uint64_t left = STACK_PIECE;
    *bytes = 64;
    if (state == G_DEAD || state == G_IDLE || !g->seg) return true;
    const StackSeg *s = g->gc_seg;
    uintptr_t at = g->gc_at;
    if (from_start) {
        if (unlikely(gc.verify)) gc_clear_dead_stack(g);
        if (g->ctx) scan_words(l, g->ctx, g->ctx->fpu + rt_fpu_bytes);
        mark_conservative(l, (uintptr_t)g->go_defers); // of Go code, on the heap when deferred in a loop: nothing else leads to them
        mark_conservative(l, (uintptr_t)g->go_panics);
        mark_conservative(l, (uintptr_t)g->go_labels);
        s = g->seg;
        at = stack_lowest(g);
    }
    for (;;) {
        uint64_t part = (uintptr_t)s - at, now = part < left ? part : left;
        scan_words(l, (const void *)at, (const void *)(at + now));
        *bytes += now;
        left -= now;
        if (now < part) {
            g->gc_seg = (StackSeg *)s;
            g->gc_at = at + now;
            return false;
        }
        s = s->older;
        if (!s) return true;
        at = s->live;
    }
}

// One piece. True: g's stack is done. False: *busy: by somebody else, just now; or a part is left, and g is in the list.
// stacks_open counts g once on behalf of the caller; no more when this returns.
static bool visit(P *p, G *g, uint64_t *bytes, bool *busy) {
    uint32_t v = load_acquire(&g->gc_scan); // pairs with the release below: the part that is left
    *bytes = 16;
    *busy = false;
    do {
        *busy = v == scan_busy();
        if (v == scan_done() || *busy) { // whoever is at it sees to the rest
            close_one();
            return !*busy;
        }
    } while (!cas(&g->gc_scan, &v, scan_busy()));
    bool all = scan_piece(&p->gc, g, v != scan_part_left(), bytes);
    fetch_add(&root_bytes, *bytes);
    store_release(&g->gc_scan, all ? scan_done() : scan_part_left());
    if (all) close_one();
    else list_push(g);
    return all;
}

void gc_scan_before_run(P *p, G *g) {
    if (load_acquire(&g->gc_scan) == scan_done()) return;
    int64_t from = plat_now_ns();
    for (unsigned turns = 0; load_acquire(&g->gc_scan) != scan_done();) {
        uint64_t bytes;
        bool busy;
        fetch_add(&stacks_open, 1);
        if (visit(p, g, &bytes, &busy)) break;
        p->gc.scanned_bytes += bytes;
        if (busy) plat_spin(turns++); // for a piece at most
        else if (unlikely(load_seq(&sched.stop_wanted))) stop_here(p);
    }
    if (load_relaxed(&work_count) == 0) work_flush(&p->gc); // this core may not mark for long
    stall_count(STALL_STACK, from, plat_now_ns());
}

// ---- timers

static Lock timer_lock = LOCK_INIT(RANK_GC);
static int timer_core;      // under the lock: whose array
static uint32_t timer_from; // and from which index
static _Atomic uint32_t timers_left;

static bool timer_job(P *p, uint64_t *bytes) {
    if (!load_relaxed(&timers_left)) return false;
    lock_acquire(&timer_lock);
    if (timer_core < sched.ncpu) {
        P *owner = rt_ps[timer_core];
        lock_acquire(&owner->timers_lock);
        uint32_t n = owner->timers.n, i = timer_from, end = i + TIMER_PIECE;
        for (; i < n && i < end; i++)
            mark_exact(&p->gc, (uintptr_t)owner->timers.v[i]);
        lock_release(&owner->timers_lock);
        *bytes = 16 + (i > timer_from ? (i - timer_from) * 8ull : 0);
        timer_from = i;
        if (i >= n) {
            timer_from = 0;
            if (++timer_core == sched.ncpu) store_relaxed(&timers_left, 0);
        }
    }
    lock_release(&timer_lock);
    return true;
}

// ---- variables with barriers

static _Atomic(VarList *) vars; // all that were registered
static _Atomic uint64_t var_bytes;
typedef struct VarPlace {
    const VarList *list; // NULL: the end
    intptr_t i;
    size_t off; // in the variable
} VarPlace;
static Lock var_lock = LOCK_INIT(RANK_GCWORK);
static VarPlace var_place; // the next to take
static _Atomic uint32_t vars_left;

void root_vars_add(VarList *v) {
    VarList *first = load_relaxed(&vars);
    for (const VarList *l = first; l; l = l->next)
        if (l == v) return;
    v->next = first;
    for (intptr_t i = 0; i < v->n; i++)
        fetch_add(&var_bytes, v->roots[i].ptrdata);
    store_release(&vars, v); // pairs with root_begin
}

bool root_vars_any(void) { return load_acquire(&vars) != NULL; } // pairs with root_vars_add

// Moves on by a part of a variable, at most `most` bytes: [*lo, the result).
static const char *var_part(VarPlace *at, size_t most, const char **lo) {
    const VarRoot *r = &at->list->roots[at->i];
    bool any = at->i < at->list->n; // an empty list
    size_t left = any ? r->ptrdata - at->off : 0, n = left < most ? left : most;
    *lo = any ? (const char *)r->at + at->off : NULL;
    at->off += n;
    if (n == left) {
        at->off = 0;
        if (++at->i >= at->list->n) *at = (VarPlace){.list = at->list->next};
    }
    return *lo + n;
}

// Goes on by about a piece from *at, marking (l) or not (NULL). Bytes.
static size_t var_piece(VarPlace *at, GcLocal *l) {
    size_t done = 0;
    const char *lo;
    while (at->list && done < VAR_PIECE) {
        const char *hi = var_part(at, VAR_PIECE, &lo);
        for (const char *w = lo; l && w < hi; w += 8)
            mark_exact(l, heap_word((const uintptr_t *)w));
        done += 16 + (size_t)(hi - lo);
    }
    return done;
}

static bool var_job(P *p, uint64_t *bytes) {
    if (!load_relaxed(&vars_left)) return false;
    lock_acquire(&var_lock);
    VarPlace at = var_place;
    var_piece(&var_place, NULL);
    if (!var_place.list) store_relaxed(&vars_left, 0);
    lock_release(&var_lock);
    *bytes = 16 + var_piece(&at, &p->gc);
    return true;
}

// ---- labels in CPU profiles

static _Atomic uint32_t label_core; // the next core whose table is to be taken

static const ProfileTable *labels_of(uint32_t core) {
    const ProfileTable *t = __atomic_load_n(&rt_ps[core]->samples, __ATOMIC_ACQUIRE); // pairs with profile_cpu_begin
    return t && hint_load(&t->labelled) ? t : NULL;
}

static bool label_job(P *p, uint64_t *bytes) {
    uint32_t i = load_relaxed(&label_core);
    do
        if (i >= (uint32_t)sched.ncpu) return false;
    while (!cas(&label_core, &i, i + 1));
    const ProfileTable *t = labels_of(i);
    *bytes = 16;
    for (const ProfileBucket *b = NULL; t && (b = proftab_next(t, b)); *bytes += 8)
        mark_conservative(&p->gc, (uintptr_t)b->label);
    return true;
}

// ---- all of them

bool root_job(P *p, uint64_t *bytes) {
    G *g = take();
    bool busy;
    if (g) {
        visit(p, g, bytes, &busy);
        return true;
    }
    *bytes = 256;
    return var_job(p, bytes) || timer_job(p, bytes) || label_job(p, bytes) || (special_mark_left() && special_mark_some(p));
}

bool root_left(void) {
    return load_seq(&cursor) || load_seq(&list_count) != 0 || load_relaxed(&vars_left) || load_relaxed(&timers_left) || load_relaxed(&label_core) < (uint32_t)sched.ncpu || special_mark_left();
}

uint64_t gc_root_bytes(void) { return load_relaxed(&root_bytes); }

// The program's variables (scripts/app.ld); none in a unit test.
extern const char __start_app_data[] __attribute__((weak)), __stop_app_data[] __attribute__((weak));
extern const char __start_app_bss[] __attribute__((weak)), __stop_app_bss[] __attribute__((weak));
uint64_t gc_globals_bytes(void) {
    return (uint64_t)(__stop_app_data - __start_app_data) + (uint64_t)(__stop_app_bss - __start_app_bss) + load_relaxed(&var_bytes);
}

void root_begin(P *p) {
    scan_words(&p->gc, __start_app_data, __stop_app_data);
    scan_words(&p->gc, __start_app_bss, __stop_app_bss);
    store_relaxed(&root_bytes, gc_globals_bytes());
    var_place = (VarPlace){.list = load_acquire(&vars)}; // pairs with root_vars_add
    store_relaxed(&vars_left, var_place.list != NULL);
    RT_ASSERT(list == NULL && load_relaxed(&stacks_open) == 0);
    store_relaxed(&cursor, g_first()); // world stopped, like all here
    timer_core = 0;
    timer_from = 0;
    store_relaxed(&timers_left, 1);
    store_relaxed(&label_core, 0);
    special_mark_begin();
}

// ---- all of them at once, for verify.c and tests

typedef struct Visit {
    void (*fn)(const Root *root, void *arg);
    void *arg;
    uintptr_t self_sp; // the caller's own stack pointer; 0: leave the caller out
} Visit;

static void emit(const Visit *v, RootKind kind, const G *g, uintptr_t lo, uintptr_t hi) {
    Root r = {(const void *)(lo & ~(uintptr_t)7), (const void *)hi, kind, g};
    if (lo < hi) v->fn(&r, v->arg);
}

// Segments between sp's and the oldest, the newest from sp on.
static void emit_stack(const Visit *v, const G *g, uintptr_t sp) {
    for (const StackSeg *s = g->seg; s; s = s->older) {
        uintptr_t lo = s != g->seg ? s->live : sp >= s->base && sp <= (uintptr_t)s ? sp : s->base;
        emit(v, ROOT_STACK, g, lo, (uintptr_t)s);
    }
}

static void visit_g(G *g, void *arg) {
    const Visit *v = arg;
    uint32_t state = load_relaxed(&g->state);
    if (state == G_DEAD || state == G_IDLE || !g->seg) return;
    bool self = g == g_self();
    if (self && !v->self_sp) return;
    emit(v, ROOT_GOROUTINE, g, (uintptr_t)g, (uintptr_t)(g + 1));
    if (g->ctx && !self) emit(v, ROOT_CONTEXT, g, (uintptr_t)g->ctx, (uintptr_t)g->ctx->fpu + rt_fpu_bytes);
    emit_stack(v, g, self ? v->self_sp : stack_lowest(g));
}

static void visit_all(void *arg) {
    g_for_each(visit_g, arg);
    for (int i = 0; i < sched.ncpu; i++) {
        const struct TimerHeap *h = &rt_ps[i]->timers;
        emit(arg, ROOT_TIMERS, NULL, (uintptr_t)h->v, (uintptr_t)(h->v + h->n));
        const ProfileTable *t = labels_of((uint32_t)i);
        for (const ProfileBucket *b = NULL; t && (b = proftab_next(t, b));)
            emit(arg, ROOT_LABELS, NULL, (uintptr_t)&b->label, (uintptr_t)(&b->label + 1));
    }
    emit(arg, ROOT_VARIABLES, NULL, (uintptr_t)__start_app_data, (uintptr_t)__stop_app_data);
    emit(arg, ROOT_VARIABLES, NULL, (uintptr_t)__start_app_bss, (uintptr_t)__stop_app_bss);
    for (const VarList *v = load_acquire(&vars); v; v = v->next)
        for (intptr_t i = 0; i < v->n; i++)
            emit(arg, ROOT_VARIABLES, NULL, (uintptr_t)v->roots[i].at, (uintptr_t)v->roots[i].at + v->roots[i].ptrdata);
}

void roots_for_each(void (*fn)(const Root *root, void *arg), void *arg) {
    __builtin_unwind_init(); // the caller's callee-saved registers go to the stack
    Visit v = {fn, arg, (uintptr_t)__builtin_frame_address(0) - 128};
    sys_call(visit_all, &v);
}

void roots_of_others(void (*fn)(const Root *root, void *arg), void *arg) {
    Visit v = {fn, arg, 0};
    visit_all(&v);
}
