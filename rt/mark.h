// mark.h -- what the parts of the marker share: work.c (grey objects), mark.c (draining them), scan.c (objects and words), root.c
// (roots as jobs), verify.c.
//
// White: mark bit clear. Grey: marked, and its slot's address (for a large object, one address an *oblet*) is in a work buffer. Black: marked, looked
// at. An object gets grey exactly once, by whoever sets its mark bit. Everything here runs on the system stack.
#pragma once
#include "core.h"

#define WORKBUF_SLOTS 254u
typedef struct WorkBuf {
    struct WorkBuf *next;
    uint32_t n, unused;
    uintptr_t obj[WORKBUF_SLOTS]; // the first n
} WorkBuf;
_Static_assert(sizeof(WorkBuf) == 2048, "two to a page");

// Larger objects are looked at in pieces of this size, which several cores may share.
#define OBLET_BYTES (128u << 10)

// ---- work.c
bool work_push_slow(GcLocal *l, uintptr_t obj); // false: no buffer; work_overflow is set
uintptr_t work_pop_slow(GcLocal *l);            // 0: nothing here nor in the global list
void work_share(GcLocal *l); // gives some of l's objects to the global list, if that is empty
void work_flush(GcLocal *l); // all of them
extern _Atomic uint32_t work_count;    // buffers in the global list; written under its lock, read without it as a hint
extern _Atomic uint32_t work_overflow; // a marked object could not be queued: gc_mark_finish looks for it
extern uint32_t work_limit;            // buffers to have at most: for tests
static inline bool work_push(GcLocal *l, uintptr_t obj) {
    WorkBuf *b = l->full;
    if (unlikely(!b || b->n == WORKBUF_SLOTS)) return work_push_slow(l, obj);
    b->obj[b->n++] = obj;
    return true;
}
static inline uintptr_t work_pop(GcLocal *l) {
    WorkBuf *b = l->full;
    if (unlikely(!b || b->n == 0)) return work_pop_slow(l);
    return b->obj[--b->n];
}

// ---- scan.c
// Looks at a grey object, or an oblet of one; returns the bytes that this counts for.
uint64_t scan_grey(GcLocal *l, uintptr_t obj);
uint64_t scan_slot(GcLocal *l, const Span *s, uint32_t slot); // the whole object at once
void scan_words(GcLocal *l, const void *lo, const void *hi); // roots: conservative words
void oblets_push(GcLocal *l, const Span *s);

// ---- root.c
void root_begin(P *p);
// Looks at a few roots. False: none is left to take. *bytes: what it counts for.
bool root_job(P *p, uint64_t *bytes);
bool root_left(void); // some are left to take, or somebody is at one; a hint while the world runs

// ---- marking one object
// Most pointers lead to what is marked already; free slots of spans that cores allocate from look like that, too (heap.h). So whether it is
// an object at all is only asked for the rest.
static inline void mark_slot(GcLocal *l, Span *s, uint32_t slot) {
    if (span_bit(s->mark, slot) || !span_is_object(s, slot) || !span_mark(s, slot)) return;
    l->marked_objects++;
    l->marked_bytes += s->slot_bytes;
    if (s->kind == SPAN_NOSCAN) return;
    if (unlikely(s->slot_bytes > OBLET_BYTES)) {
        oblets_push(l, s);
        return;
    }
    uintptr_t obj = s->base + slot * s->slot_bytes;
    __builtin_prefetch((const void *)obj);
    work_push(l, obj);
}
// A pointer from a heap object: into an object, or anything else.
static inline void mark_exact(GcLocal *l, uintptr_t word) {
    Span *s = span_of(word);
    if (!s) return;
    uint32_t slot = span_slot(s, word);
    if (likely(slot < s->slots)) mark_slot(l, s, slot);
}
// A word from a stack, a register or a variable of the program: a pointer exactly behind an object (C's one-past pointers) keeps that, too.
void mark_conservative(GcLocal *l, uintptr_t word);
