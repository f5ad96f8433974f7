// mark.h -- what the parts of the marker share: work.c (grey objects), mark.c (draining them), scan.c (objects and words), root.c
// (roots as jobs), verify.c.
//
// White: mark bit clear. Grey: marked, and in a work buffer. Black: marked, looked at. An object gets grey exactly once, by whoever sets its
// mark bit. Everything here runs on the system stack.
#pragma once
#include "core.h"

#ifndef HEAP_WORD_POINT // the simulator lets others go on before each word of an object that the marker reads (tests/host/sim/point.h)
#define HEAP_WORD_POINT() ((void)0)
#endif

// A grey object. Of one with a bitmap the pointer bits are taken along, so that nobody has to look for its span again.
typedef struct Grey {
    uintptr_t at;  // its slot's address; of a large object the oblet from which on it has to be looked at
    uint64_t bits; // pointer bits of the words from there on; 0: see its span
} Grey;

#define WORKBUF_SLOTS 127u
typedef struct WorkBuf {
    struct WorkBuf *next;
    uint32_t n, unused;
    Grey obj[WORKBUF_SLOTS]; // the first n
} WorkBuf;
_Static_assert(sizeof(WorkBuf) == 2048, "two to a page");

// Larger objects are looked at in pieces of this size: some 80 us if each word leads to an object that is not marked.
#define OBLET_BYTES 4096u

// ---- work.c
bool work_push_slow(GcLocal *l, Grey obj);  // false: no buffer; work_overflow is set
bool work_pop_slow(GcLocal *l, Grey *obj);  // false: nothing here nor in the global list
bool work_pair(GcLocal *l); // l has both buffers, and room in l->spare. False: no memory
#define WORK_FEW 16u       // objects to be looked at one after the other, at least, so that there is time for memory to come
bool work_next(GcLocal *l); // the same, and there is an object in l->full, WORK_FEW in both if there are so many. False: also when nothing is grey here nor in the global list
void work_share(GcLocal *l); // gives some of l's objects to the global list, if that is empty
void work_flush(GcLocal *l); // all of them
extern _Atomic uint32_t work_count;    // buffers in the global list; written under its lock, read without it as a hint
extern _Atomic uint32_t work_overflow; // a marked object could not be queued: gc_mark_finish looks for it
extern uint32_t work_limit;            // buffers to have at most: for tests
static inline bool work_push(GcLocal *l, Grey obj) {
    WorkBuf *b = l->full;
    if (unlikely(!b || b->n == WORKBUF_SLOTS)) return work_push_slow(l, obj);
    b->obj[b->n++] = obj;
    return true;
}
static inline bool work_pop(GcLocal *l, Grey *obj) {
    WorkBuf *b = l->full;
    if (unlikely(!b || b->n == 0)) return work_pop_slow(l, obj);
    *obj = b->obj[--b->n];
    return true;
}

// ---- scan.c. Scan work is counted in bytes: those up to an object's last pointer, and OBJECT_WORK for the object.
#define OBJECT_WORK 16u
// Looks at grey objects until `limit` bytes are done or nothing is left, here and in the global list. Returns what was done.
uint64_t scan_grey(GcLocal *l, uint64_t limit);
uint64_t scan_slot(GcLocal *l, const Span *s, uint32_t slot); // the whole object at once
uint64_t scan_oblet(GcLocal *l, uintptr_t at);
void scan_words(GcLocal *l, const void *lo, const void *hi); // roots: conservative words
// As it is in memory, whatever sanitizers think of it: dead parts of frames are read, too, and words that others write just now. Whole, once.
static inline uintptr_t raw_word(const uintptr_t *at) {
    uintptr_t w;
    __asm__ volatile("movq %1, %0" : "=r"(w) : "m"(*at));
    return w;
}
// Of an object, while marking.
static inline uintptr_t heap_word(const uintptr_t *at) {
    HEAP_WORD_POINT();
    return raw_word(at);
}
void mark_exact(GcLocal *l, uintptr_t word); // a pointer from a heap object: into an object, or anything else
// A word from a stack, a register or a variable of the program: a pointer exactly behind an object (C's one-past pointers) keeps that, too.
void mark_conservative(GcLocal *l, uintptr_t word);

// ---- verify.c: may word w of the object hold a pointer?
bool object_pointer_at(const Span *s, uint32_t slot, size_t w);

// ---- root.c
void root_begin(P *p);
// Looks at a few roots. False: none is left to take. *bytes: what it counts for.
bool root_job(P *p, uint64_t *bytes);
bool root_left(void); // some are left to take; a hint while the world runs
