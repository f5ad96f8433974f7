// work.c -- grey objects: buffers of them, two per P, and a global list of those that are full or given away.
//
// A P pushes and pops at its own buffer (l->full), last in first out, and keeps a second one (l->spare), so that one that works at the border of a buffer
// does not go to the list each time (Go's gcw). While it marks it reads one and writes the other (scan_grey). The list is a stack under a lock: it is touched once
// in some 120 objects.
//
// When there is no memory for a buffer, an object stays marked and is forgotten: work_overflow says so, and at the end of marking, with the
// world stopped, all marked objects are looked at again (gc_mark_finish). Slow, and never wrong. The buffers' memory is the
// reserve's as well, so that is rare; empty buffers are kept for the next cycle.
//
// Whoever adds to the list wakes a core that sleeps (gc_enlist); one that is about to sleep asks gc_work_exists after its barrier.
//
// Locks: work_lock (RANK_GCWORK); work_count is written under it.
#include "mark.h"
#include "sched.h"

static Lock work_lock = LOCK_INIT(RANK_GCWORK);
static WorkBuf *full, *empty; // under work_lock
static RecPool pool = REC_POOL(sizeof(WorkBuf));
static _Atomic uint32_t made; // buffers that exist
_Atomic uint32_t work_count, work_overflow;
uint32_t work_limit = UINT32_MAX;

static void list_put(WorkBuf *b) {
    lock_acquire(&work_lock);
    b->next = full;
    full = b;
    store_seq(&work_count, load_relaxed(&work_count) + 1);
    lock_release(&work_lock);
    gc_enlist();
}

static WorkBuf *list_get(void) {
    if (load_relaxed(&work_count) == 0) return NULL;
    lock_acquire(&work_lock);
    WorkBuf *b = full;
    if (b) {
        full = b->next;
        store_seq(&work_count, load_relaxed(&work_count) - 1);
    }
    lock_release(&work_lock);
    return b;
}

static void empty_put(WorkBuf *b) {
    lock_acquire(&work_lock);
    b->next = empty;
    empty = b;
    lock_release(&work_lock);
}

static WorkBuf *empty_get(void) {
    lock_acquire(&work_lock);
    WorkBuf *b = empty;
    if (b) empty = b->next;
    lock_release(&work_lock);
    if (b) return b;
    if (load_relaxed(&made) >= work_limit) return NULL;
    bool closed = load_relaxed(&mem_closed); // then nobody else is here
    if (closed) store_relaxed(&mem_closed, false);
    b = rec_alloc(&pool);
    if (closed) store_relaxed(&mem_closed, true);
    if (!b) return NULL;
    fetch_add(&made, 1);
    b->n = 0;
    return b;
}

// The current buffer is full, or there is none.
bool work_push_slow(GcLocal *l, Grey obj) {
    WorkBuf *b = l->spare;
    if (b && b->n < WORKBUF_SLOTS) {
        l->spare = l->full;
    } else {
        b = empty_get();
        if (!b) {
            store_relaxed(&work_overflow, 1); // read with the world stopped
            return false;
        }
        if (l->spare) list_put(l->spare);
        l->spare = l->full;
    }
    l->full = b;
    b->obj[b->n++] = obj;
    return true;
}

// The current buffer is empty, or there is none.
bool work_pop_slow(GcLocal *l, Grey *obj) {
    WorkBuf *b = l->spare;
    if (b && b->n > 0) {
        l->spare = l->full;
    } else {
        b = list_get();
        if (!b) return false;
        if (l->full && l->spare) empty_put(l->full);
        else if (l->full) l->spare = l->full;
    }
    l->full = b;
    *obj = b->obj[--b->n];
    return true;
}

bool work_pair(GcLocal *l) {
    if (!l->full && !(l->full = empty_get())) return false;
    if (l->spare && l->spare->n == WORKBUF_SLOTS) {
        WorkBuf *b = l->spare;
        l->spare = NULL;
        if (l->full->n == WORKBUF_SLOTS) {
            list_put(b);
        } else {
            l->spare = l->full;
            l->full = b;
        }
    }
    if (!l->spare) l->spare = empty_get();
    return l->spare != NULL;
}

bool work_next(GcLocal *l) {
    Grey g;
    if (!l->full || l->full->n == 0) {
        if (!work_pop_slow(l, &g)) return false;
        l->full->obj[l->full->n++] = g;
    }
    WorkBuf *more = l->full->n < WORK_FEW && (!l->spare || l->spare->n == 0) ? list_get() : NULL;
    if (more) {
        if (l->spare) empty_put(l->spare);
        l->spare = more;
    }
    return work_pair(l);
}

uint64_t gc_work_bytes(void) { return rec_bytes(&pool).sys; }

// One of two buffers that are about alike, or the half of one. What is left is enough to go on with: a core that gave everything away would find nothing to do, and others
// may be slow to give something back.
void work_share(GcLocal *l) {
    WorkBuf *b = l->full, *other = l->spare;
    if (load_relaxed(&work_count) != 0 || !b) return;
    if (other && other->n > b->n) {
        l->full = other;
        l->spare = b;
        other = b;
        b = l->full;
    }
    if (other && other->n > 0 && other->n >= b->n / 4) {
        list_put(other);
        l->spare = NULL;
        return;
    }
    if (b->n < 8) return;
    WorkBuf *half = other && other->n == 0 ? other : empty_get();
    if (!half) return;
    if (half == other) l->spare = NULL;
    // The older half: nearer to the roots, so more hangs on it.
    half->n = b->n / 2;
    for (uint32_t i = 0; i < half->n; i++)
        half->obj[i] = b->obj[i];
    b->n -= half->n;
    for (uint32_t i = 0; i < b->n; i++)
        b->obj[i] = b->obj[i + half->n];
    list_put(half);
}

void work_flush(GcLocal *l) {
    WorkBuf *mine[2] = {l->full, l->spare};
    l->full = l->spare = NULL;
    for (int i = 0; i < 2; i++) {
        if (!mine[i]) continue;
        if (mine[i]->n > 0) list_put(mine[i]);
        else empty_put(mine[i]);
    }
}
