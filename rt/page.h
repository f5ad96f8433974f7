// page.h -- the page allocator's parts: zone (bitmap and summary tree), heap (zones, lock, reserve), per-P
// cache.
//
// The rest of rt uses page_alloc and its like (mem.h), which work on the one page_heap; these types are open
// so that core.h can embed a PageCache and so that tests can run heaps of their own. The story is told in
// page.c and page_tree.c.
#pragma once
#include "lock.h"
#include "mem.h"

// ---- page_tree.c: one contiguous range of memory. No locks in here: the owner of the zone serialises.
#define CHUNK_PAGES 512u // a leaf of the tree: one cache line of bitmap, 2 MB of memory
#define TREE_FANOUT 8u
#define TREE_LEVELS 9u // 512 pages * 8^8 exceeds what 32 bits of pages can count

// What a parent must know of a stretch of pages: lengths of its first, longest and last run of free pages.
typedef struct PageSum {
    uint32_t start, max, end;
} PageSum;

typedef struct PageZone {
    uintptr_t lo, hi; // addresses owned by the zone, metadata included
    uintptr_t base; // address of page 0 of the bitmap: lo rounded down to a chunk, so that chunks are aligned
                    // to 2 MB
    size_t pages;   // bits that mean something: (hi - base) / PAGE_SIZE; those below lo are never free
    size_t usable;  // pages handed over for allocation: without metadata
    int node;       // NUMA node
    size_t free_pages; // kept by page.c
    unsigned levels; // level[levels - 1] has one entry, the root
    uint64_t *free;  // bit set: page is free
    uint64_t *half;  // two bits a page: that half is free, in stackseg.c's list (guarded by its lock)
    PageSum *level[TREE_LEVELS];       // [0] one per chunk
    size_t count[TREE_LEVELS];
} PageZone;

// Builds a zone inside [lo, hi), all usable pages free. NULL: too small to hold its metadata and some pages.
PageZone *zone_init(uintptr_t lo, uintptr_t hi, int node);
// Lowest run of n free pages, now allocated; 0: none. n >= 1.
uintptr_t zone_alloc(PageZone *z, size_t n);
// Up to max free pages from the lowest 2 MB that have one, now allocated, ascending; returns how many.
size_t zone_take(PageZone *z, void **out, size_t max);
// False: not all of the n pages at addr were allocated pages of this zone; nothing is changed then.
bool zone_free(PageZone *z, uintptr_t addr, size_t n);
static inline size_t zone_largest(const PageZone *z) {
    return z->level[z->levels - 1][0].max;
}

// ---- page.c: several zones, a lock, a reserve
#define PAGE_ZONES_MAX 64u

// A P's stock of single pages. Owner P only, except `limit`, which others may set to 0 as a request to give
// pages back.
#define PAGE_CACHE_MAX 64u
typedef struct PageCache {
    _Atomic uint32_t n;     // pages held; owner writes, page_stats reads
    _Atomic uint32_t limit; // capacity; 0: not registered yet, or asked to flush
    unsigned near;          // PAGE_NEAR of the P's node; 0: no preference. Constant once the P runs
    struct PageCache *next; // PageHeap.caches
    void *page[PAGE_CACHE_MAX];
} PageCache;

typedef struct PageHeap {
    Lock *lock;
    // constant once the second core runs: read without the lock
    uint32_t zone_count;
    PageZone *zone[PAGE_ZONES_MAX]; // by address
    size_t total;                   // pages handed over, less metadata
    int nodes;                      // NUMA nodes with memory: 0..nodes-1, some may have none
    // lock must be held when writing these:
    _Atomic size_t free; // free pages of the zones, caches excluded; read without the lock as a hint
    size_t reserve;      // pages that only PAGE_RESERVE may take
    PageCache *caches; // registered, for ever
    size_t near_pages, far_pages; // handed out to callers with a preference: as they wished, and not
} PageHeap;

// Flags of an allocation. PAGE_RESERVE: the caller may dip into the reserve. PAGE_NEAR(node): from this node's zones while they
// have some.
enum { PAGE_RESERVE = 1, PAGE_NEAR_SHIFT = 8 };
#define PAGE_NEAR(node) ((unsigned)((node) + 1) << PAGE_NEAR_SHIFT)

extern PageHeap page_heap; // the machine's

void pageheap_init(PageHeap *h, Lock *lock);
bool pageheap_add(PageHeap *h, uintptr_t lo, uintptr_t hi, int node);
void *pageheap_alloc(PageHeap *h, size_t n, unsigned flags);
// Any free pages, not necessarily adjacent; ascending within 2 MB. Returns how many of max were taken.
size_t pageheap_take(PageHeap *h, void **out, size_t max, unsigned flags);
void pageheap_free(PageHeap *h, void *p, size_t n);
void pageheap_give(PageHeap *h, void *const *pages, size_t n);
PageZone *pageheap_zone(const PageHeap *h, uintptr_t addr); // NULL: not memory of this heap
PageStats pageheap_stats(PageHeap *h);
NodeMemory pageheap_node(PageHeap *h, int node);

void *page_cache_alloc(PageHeap *h, PageCache *c); // one page; NULL: none
void page_cache_free(PageHeap *h, PageCache *c, void *page);
void page_cache_empty(PageHeap *h, PageCache *c);
// Pages that one P may keep in a cache without all of them blocking more than 1/64 of memory. Once all cores are known.
size_t pageheap_share(const PageHeap *h);
void page_caches_ask(PageHeap *h); // asks all Ps to give their pages back at their next page_free

unsigned page_near(void); // PAGE_NEAR of the caller's P, or 0

// Collects free pages that lie about: the caller's cache, unmapped frames, and, later, the other Ps' caches. True: there are more
// than before. System stack; locks of rank RANK_PAGE and above not held.
bool page_make_room(void);

// ---- page_large.c
bool page_is_direct(const void *p); // in the direct map, so a zone's; false: mapped by plat_vmap

// The word that holds the two `half` bits of the page at p, and the shift to them; guarded by stackseg.c's
// lock.
uint64_t *page_half_word(void *p, unsigned *shift);
