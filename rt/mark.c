// mark.c -- marking: from roots and barrier buffers to everything that can be reached from them.
//
// Any number of cores drain at once, each on its system stack, each able to leave after any object: what it has grey stays in its own
// buffers. The order is depth first, in groups of objects whose memory is waited for together (scan_grey). Roots are looked at in between, a few for some KB of objects, so that stacks are done soon (until then every
// goroutine has to be looked at before it runs) and the grey objects that they yield do not pile up.
//
// Termination: with the world stopped and all buffers flushed, marking is over when nothing is grey anywhere, no root is left, and no object
// was forgotten for want of a buffer (gc_mark_finish). Everything reachable at stop 1 is then marked: each object that was marked had the words
// looked at that were its snapshot's, or those were shaded by whoever overwrote them first (gc.h).
//
// Marks, and a core's counts of them, need no order against anything: only stop 2 gives them a meaning, and stopping the world is acquire and release.
//
// Locks: those of work.c and root.c. gc_barrier_flush is also called under locks of rank below RANK_GCWORK.
#include "mark.h"
#include "sched.h"

#define CHECK_BYTES 8192u // of scan work between looks at the clock, at other cores and at roots
#define ROOT_AHEAD  16u   // full buffers that wait, until no more roots are taken

static _Atomic uint64_t scan_work;

void gc_barrier_flush(P *p) {
    GcLocal *l = &p->gc;
    uint32_t n = l->n_shaded;
    if (n == 0) return;
    for (uint32_t i = 0; i < n; i++)
        mark_exact(l, l->shaded[i]);
    l->noted += n;
    l->n_shaded = 0;
    if (load_relaxed(&work_count) == 0) work_flush(l); // this core may not mark for long
}

void gc_work_flush(P *p) {
    work_flush(&p->gc);
    fetch_add(&scan_work, p->gc.scanned_bytes);
    p->gc.scanned_bytes = 0;
}

uint64_t gc_scan_work(void) { return load_relaxed(&scan_work); }
bool gc_work_exists(void) { return load_seq(&work_count) != 0 || root_left(); }

// ---- one object, for finalizers

void gc_mark_word(P *p, uintptr_t word) { mark_exact(&p->gc, word); }

void gc_scan_object(P *p, uintptr_t obj) {
    GcLocal *l = &p->gc;
    Span *s = span_of(obj);
    if (!s || s->kind == SPAN_NOSCAN) return;
    l->scanned_bytes += scan_oblet(l, obj); // at once: it is not marked, so nobody would find it again
}

// ---- draining

// Between objects, every CHECK_BYTES.
static uint64_t look_up(P *p) {
    uint64_t bytes = 0, n;
    if (sched.nproc > 1) work_share(&p->gc);
    while (bytes < CHECK_BYTES && load_relaxed(&work_count) < ROOT_AHEAD && root_job(p, &n))
        bytes += n;
    return bytes;
}

uint64_t gc_drain(P *p, uint64_t budget, bool (*enough)(P *p)) {
    GcLocal *l = &p->gc;
    uint64_t limit = budget ? budget : UINT64_MAX, done = 0, check = 0;
    gc_barrier_flush(p);
    for (;;) {
        if (unlikely(done >= check)) {
            if (done >= limit || (enough && enough(p))) break;
            done += look_up(p);
            if (done >= limit) break; // by roots alone
            check = limit - done > CHECK_BYTES ? done + CHECK_BYTES : limit;
        }
        uint64_t n = scan_grey(l, check - done);
        if (n == 0 && !root_job(p, &n)) break;
        done += n;
    }
    fetch_add(&scan_work, done + l->scanned_bytes);
    l->scanned_bytes = 0;
    return done;
}

// ---- begin and end, world stopped

void gc_mark_begin(void) {
    for (int i = 0; i < sched.ncpu; i++) {
        GcLocal *l = &rt_ps[i]->gc;
        l->n_shaded = 0;
        l->scanned_bytes = l->marked_objects = l->marked_bytes = 0;
    }
    store_relaxed(&scan_work, 0);
    store_relaxed(&work_overflow, 0);
    root_begin(p_self());
}

void gc_marked(uint64_t *objects, uint64_t *bytes) {
    *objects = *bytes = 0;
    for (int i = 0; i < sched.ncpu; i++) {
        *objects += rt_ps[i]->gc.marked_objects;
        *bytes += rt_ps[i]->gc.marked_bytes;
    }
}

// Objects were forgotten: whatever is marked is looked at again. Ends, because each round but the last marks an object at least.
static void rescan_span(Span *s, void *arg) {
    P *p = arg;
    if (s->kind == SPAN_NOSCAN) return;
    for (uint32_t i = 0; i < s->slots; i++) {
        if (!span_bit(s->mark, i) || !span_is_object(s, i)) continue;
        fetch_add(&scan_work, scan_slot(&p->gc, s, i));
        gc_drain(p, 0, NULL);
    }
}

bool gc_mark_finish(uint64_t budget) {
    P *self = p_self();
    for (int i = 0; i < sched.ncpu; i++) {
        gc_barrier_flush(rt_ps[i]);
        gc_work_flush(rt_ps[i]);
    }
    if (budget) gc_drain(self, budget, NULL);
    gc_work_flush(self);
    if (gc_work_exists()) return false;
    while (exchange(&work_overflow, 0))
        heap_for_each_span(rescan_span, self);
    gc_work_flush(self);
    return true;
}
