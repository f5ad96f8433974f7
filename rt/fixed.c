// fixed.c -- records of one size for the runtime itself: G, Waiter, Timer, Span, saved contexts.
//
// A pool cuts blocks of pages into records and keeps freed ones in a list. A record's memory stays a record
// of this pool for ever, so a stale pointer may still be read as one (g_for_each does); Go calls this a
// fixalloc. Reused last in, first out.
//
// A record is aligned to the largest power of two up to 4096 that divides its size (block starts are pages):
// 64-byte multiples serve for XSAVE areas. Pools are used by code that holds locks, so the last resort is the
// page allocator's reserve.
//
// Debug builds mark free records in their second word, and so find one that is freed twice or written to
// after it was freed.
//
// Locks: pool->lock (RANK_RECORD), held over the rare page_alloc (RANK_PAGE).
#include "mem.h"
#include "core.h"
#include "inject.h"

#define BLOCK_PAGES 4u

#ifdef RT_DEBUG
#define REC_MARK 0x6472636572656572ull // "reercrd"
static void mark(void *rec) {
    uint64_t *w = rec;
    if (w[1] == (REC_MARK ^ (uintptr_t)rec)) rt_throw("rec_free: record is free already");
    w[1] = REC_MARK ^ (uintptr_t)rec;
}
static void unmark(void *rec) {
    uint64_t *w = rec;
    if (w[1] != (REC_MARK ^ (uintptr_t)rec)) rt_throw("a free record was written to");
    w[1] = 0;
}
#else
static inline void mark(void *rec) {
    (void)rec;
}
static inline void unmark(void *rec) {
    (void)rec;
}
#endif

// More memory to cut. What is left of the old block, less than a record, is lost.
static bool block_new_locked(RecPool *pool) {
    size_t pages = (pool->size + PAGE_SIZE - 1) / PAGE_SIZE; // at least one record
    if (pages < BLOCK_PAGES) {
        void *p = page_alloc(BLOCK_PAGES);
        if (p) {
            pool->bump = (uintptr_t)p;
            pool->end = pool->bump + BLOCK_PAGES * PAGE_SIZE;
            pool->blocks++;
            pool->pages += BLOCK_PAGES;
            return true;
        }
    }
    void *p = page_alloc_reserve(pages);
    if (!p) return false;
    pool->bump = (uintptr_t)p;
    pool->end = pool->bump + pages * PAGE_SIZE;
    pool->blocks++;
    pool->pages += pages;
    return true;
}

RecordBytes rec_bytes(RecPool *pool) {
    lock_acquire(&pool->lock);
    RecordBytes b = {pool->in_use * pool->size, pool->pages * PAGE_SIZE};
    lock_release(&pool->lock);
    return b;
}

void *rec_alloc(RecPool *pool) {
    void *rec = NULL;
    mem_check_open();
    if (inject(INJECT_RECORD)) return NULL;
    lock_acquire(&pool->lock);
    if (pool->free) {
        rec = pool->free;
        unmark(rec);
        pool->free = *(void **)rec;
    } else if (pool->end - pool->bump >= pool->size || block_new_locked(pool)) {
        rec = (void *)pool->bump;
        pool->bump += pool->size;
#ifdef RT_DEBUG
        ((uint64_t *)rec)[1] = 0; // memory of unknown content must not look marked
#endif
    }
    if (rec) pool->in_use++;
    lock_release(&pool->lock);
    return rec;
}

void rec_free(RecPool *pool, void *rec) {
    mark(rec);
    lock_acquire(&pool->lock);
    *(void **)rec = pool->free;
    pool->free = rec;
    pool->in_use--;
    lock_release(&pool->lock);
}
