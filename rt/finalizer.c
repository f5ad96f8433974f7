// finalizer.c -- functions that run when an object has become unreachable.
//
// A Special binds a finalizer to an object. It hangs on the object's span, in a list sorted by address, and in the list of all of them. When
// the span is swept, the specials of an unmarked object go to the queue, and the object is marked, so that this sweep keeps it. One goroutine takes them
// from the queue, one at a time, and calls them; whatever the program makes of the object then is up to the next cycle.
//
// Order. What a finalizable object reaches is marked from here (special_mark_some), the object itself is not: so an object that another
// finalizable one points at is kept and its own finalizer waits, and objects in a circle keep each other for ever, as in Go.
//
// Setting while marking needs no marking by itself. The caller holds obj and arg, so each is in the snapshot of stop 1 or born black (gc.h), and so is
// what obj points to: all of it will be marked. From the next cycle on they are roots. So those of one cycle are what stands in the list at stop 1:
// new specials are put in front, and the cursor of special_mark_some never comes to them. A special that goes away while marking (run, or
// removed) shades what it held, as everybody does who removes a pointer of the snapshot.
//
// Setting and sweeping. obj is live, so the sweep of its span finds it marked, before or after we hang the special on it, and leaves that
// alone: the lock is all that is needed. (Go sweeps the span first.)
//
// Locks: lock (RANK_SPECIAL) guards the lists, the queue and the counts. Memory of records: a pool, outside of the heap.
#include "api/final.h"
#include "core.h"
#include "memstats.h"
#include "place.h"

typedef struct Special {
    struct Special *next;                // of its span, by obj; in the queue, first come first served
    struct Special *all_next, *all_prev; // all, newest first
    void (*fn)(void *obj, void *arg);
    void *arg;
    uintptr_t obj;
    Span *span; // NULL: in the queue
} Special;

static Lock lock = LOCK_INIT(RANK_SPECIAL);
static RecPool pool = REC_POOL(sizeof(Special));
static Special *all;
static Special *cursor; // while marking: the next in `all` for special_mark_some. Written under the lock; tested without it as a hint
static Special *queue, **queue_end = &queue;
static G *waiting;       // the finalizers' goroutine, parked
static bool started;     // it exists
static uint64_t kept_objects, kept_bytes;

// ---- lists, lock held

static void link_all(Special *sp) {
    sp->all_prev = NULL;
    sp->all_next = all;
    if (all) all->all_prev = sp;
    all = sp;
}

static void unlink_all(Special *sp) {
    if (cursor == sp) hint_store(&cursor, sp->all_next);
    if (sp->all_prev) sp->all_prev->all_next = sp->all_next;
    else all = sp->all_next;
    if (sp->all_next) sp->all_next->all_prev = sp->all_prev;
}

// Where in the list of s the special of obj is linked, or would be.
static Special **find(Span *s, uintptr_t obj) {
    Special **at = &s->specials;
    while (*at && (*at)->obj < obj)
        at = &(*at)->next;
    return at;
}

// ---- setting and removing

typedef struct SetArgs {
    void *obj;
    void (*fn)(void *, void *); // NULL: remove
    void *arg;                  // after removing: what the finalizer had
    const char *wrong;          // what to end the program with
    G *start;                   // the finalizers' goroutine, new: to be readied
    bool done;                  // false: no memory
} SetArgs;

// The span of obj, if it may have a finalizer; NULL: *wrong says why not.
static Span *span_for(uintptr_t obj, const char **wrong) {
    Span *s = span_of(obj);
    *wrong = "runtime.SetFinalizer: pointer not in allocated block";
    if (!s) return NULL;
    uint32_t slot = span_slot(s, obj);
    if (slot >= s->slots || !span_is_object(s, slot)) return NULL;
    bool tiny = s->kind == SPAN_NOSCAN && s->class_index == 0; // may hold several objects, as in Go
    if (obj != s->base + slot * s->slot_bytes && !tiny) {
        *wrong = "runtime.SetFinalizer: pointer not at beginning of allocated block";
        return NULL;
    }
    *wrong = NULL;
    return s;
}

static void finalizer_main(void *unused);

// False: no memory for the goroutine.
static bool start_once(SetArgs *a) {
    lock_acquire(&lock);
    bool first = !started;
    started = true;
    lock_release(&lock);
    if (!first) return true;
    G *g = g_new(finalizer_main, NULL, 0);
    if (!g) {
        lock_acquire(&lock);
        started = false; // the next one tries again
        lock_release(&lock);
        return false;
    }
    g->system = true;
    hint_store(&p_self()->n_exited, p_self()->n_exited + 1); // system goroutines do not count
    a->start = g;
    return true;
}

static void set_call(void *arg) {
    SetArgs *a = arg;
    uintptr_t obj = (uintptr_t)a->obj;
    Span *s = span_for(obj, &a->wrong);
    if (!s || !start_once(a)) return;
    Special *sp = rec_alloc(&pool);
    if (!sp) return;
    *sp = (Special){.fn = a->fn, .arg = a->arg, .obj = obj, .span = s};
    lock_acquire(&lock);
    Special **at = find(s, obj);
    bool taken = *at && (*at)->obj == obj;
    if (!taken) {
        sp->next = *at;
        hint_store(at, sp);
        link_all(sp);
    }
    lock_release(&lock);
    a->done = true;
    if (!taken) return;
    a->wrong = "runtime.SetFinalizer: finalizer already set";
    rec_free(&pool, sp);
}

static void remove_call(void *arg) {
    SetArgs *a = arg;
    uintptr_t obj = (uintptr_t)a->obj;
    Span *s = span_for(obj, &a->wrong);
    if (!s) return;
    lock_acquire(&lock);
    Special **at = find(s, obj), *sp = *at;
    if (sp && sp->obj == obj) {
        hint_store(at, sp->next);
        unlink_all(sp);
    } else {
        sp = NULL;
    }
    lock_release(&lock);
    a->done = true;
    if (!sp) return;
    a->arg = sp->arg;
    rec_free(&pool, sp);
}

static void oom_call(void *unused) { rt_oom(sizeof(Special)); }

void set_finalizer_arg(void *obj, void (*fn)(void *, void *), void *arg) {
    SetArgs a = {.obj = obj, .fn = fn, .arg = fn ? arg : NULL};
    if (!obj) rt_fatal("runtime.SetFinalizer: first argument is nil");
    // The program's variables, and the one object of size 0, live for ever: as in Go, their finalizers are accepted and never run.
    if (!in_image((uintptr_t)obj)) {
        if (fn) sys_call(set_call, &a);
        else sys_call(remove_call, &a);
        MemoryForce f = {0, 0};
        while (unlikely(!a.done && !a.wrong) && memory_force(&f))
            sys_call(set_call, &a);
        if (a.wrong) rt_fatal("%s", a.wrong);
        if (!a.done) sys_call(oom_call, NULL);
        if (a.start) g_ready(a.start);
        if (!fn) gc_shade(a.arg);
    }
    RT_DOOR();
}

// The plain form: its function is the argument.
static void call_plain(void *obj, void *fn) { ((void (*)(void *))fn)(obj); }

void set_finalizer(void *obj, void (*fn)(void *)) { set_finalizer_arg(obj, fn ? call_plain : NULL, (void *)fn); }

// ---- sweeping

// Moves the specials of s that lie in [*at, end) of its list to the queue.
static void queue_slot(Special **at, Special *end) {
    Special *first = *at, *last = first;
    for (Special *sp = first; sp != end; last = sp, sp = sp->next)
        sp->span = NULL;
    last->next = NULL;
    hint_store(at, end);
    *queue_end = first;
    queue_end = &last->next;
}

void special_sweep(Span *s) {
    G *ready = NULL;
    lock_acquire(&lock);
    for (Special **at = &s->specials; *at;) {
        uint32_t slot = span_slot(s, (*at)->obj);
        Special *end = *at;
        while (end && span_slot(s, end->obj) == slot)
            end = end->next;
        if (span_mark(s, slot)) {
            kept_objects++;
            kept_bytes += s->slot_bytes;
            fetch_add(&heap.live_bytes, s->slot_bytes); // it was not among the marked when these were counted
            queue_slot(at, end);
            ready = waiting;
        } else {
            while (*at != end)
                at = &(*at)->next;
        }
    }
    if (ready) waiting = NULL;
    lock_release(&lock);
    if (ready) g_ready(ready);
}

bool special_keeps(const Span *s, uintptr_t obj) {
    uint32_t slot = span_slot(s, obj);
    for (const Special *sp = s->specials; sp; sp = sp->next)
        if (span_slot(s, sp->obj) == slot) return true;
    return false;
}

void special_kept(uint64_t *objects, uint64_t *bytes) {
    lock_acquire(&lock);
    *objects = kept_objects;
    *bytes = kept_bytes;
    lock_release(&lock);
}

RecordBytes special_bytes(uint64_t *count) {
    RecordBytes b = rec_bytes(&pool);
    *count = b.in_use / pool.size;
    return b;
}

// ---- marking

#define MARK_SOME 16u

void special_mark_begin(void) { hint_store(&cursor, all); }

bool special_mark_left(void) { return hint_load(&cursor) != NULL; }

bool special_mark_some(P *p) {
    struct { uintptr_t obj; void *arg; bool queued; } some[MARK_SOME];
    uint32_t n = 0;
    if (!hint_load(&cursor)) return false;
    lock_acquire(&lock);
    Special *sp = cursor;
    for (; sp && n < MARK_SOME; sp = sp->all_next, n++) {
        some[n].obj = sp->obj;
        some[n].arg = sp->arg;
        some[n].queued = !sp->span;
    }
    hint_store(&cursor, sp);
    lock_release(&lock);
    // Nothing is swept while marking: these are still the objects that they were.
    for (uint32_t i = 0; i < n; i++) {
        if (some[i].queued) gc_mark_word(p, some[i].obj);
        else gc_scan_object(p, some[i].obj);
        gc_mark_word(p, (uintptr_t)some[i].arg);
    }
    return n > 0;
}

// ---- running

static void free_call(void *sp) { rec_free(&pool, sp); }

// No word of the object stays behind in the caller's frame: it would be found there at the next cycle.
static __attribute__((noinline)) void run_finalizer(Special *sp) {
    void *obj = (void *)sp->obj, *arg = sp->arg;
    void (*fn)(void *, void *) = sp->fn;
    sys_call(free_call, sp);
    fn(obj, arg);
}

// The next one out of the queue; parks while it is empty.
static __attribute__((noinline)) Special *next_finalizer(void) {
    for (;;) {
        lock_acquire(&lock);
        Special *sp = queue;
        if (!sp) {
            waiting = g_self();
            g_park(WAIT_FINALIZER, &lock);
            continue;
        }
        queue = sp->next;
        if (!queue) queue_end = &queue;
        unlink_all(sp);
        lock_release(&lock);
        gc_shade((void *)sp->obj); // it leaves the roots, for a stack that may have been scanned
        gc_shade(sp->arg);
        return sp;
    }
}

static void finalizer_main(void *unused) {
    for (;;) {
        run_finalizer(next_finalizer());
        RT_DOOR();
    }
}
