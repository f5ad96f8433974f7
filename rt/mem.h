// mem.h -- what rt's memory parts offer to the rest of rt. Everything comes from the page allocator (page.c).
// Context: a running goroutine's stack is too small for these; call them on the system stack (sys_call) unless marked "small".
// None parks. None returns zeroed memory unless it says so.
#pragma once
#include "lock.h"
#include "type.h"

typedef struct P P;

// ---- page.c: closed while the collector has the world stopped. What a stop counts, and what it makes of the counts, would not agree with what was
// allocated in between; so nobody allocates pages, records or in the heap's slow path then, in no build. Only grey objects' buffers (work.c) may have to be made.
extern _Atomic bool mem_closed; // written with the world stopped, by the stopper
_Noreturn void mem_is_closed(void);
static inline void mem_check_open(void) {
    if (__builtin_expect(load_relaxed(&mem_closed), 0)) mem_is_closed();
}

// ---- page.c: frames
// n contiguous pages (direct map), PAGE_SIZE aligned; NULL: none. One page comes from the P's cache without a lock.
void *page_alloc(size_t n);
void page_free(void *p, size_t n);
// Contiguous in address only: direct when possible, else frames mapped together (plat_vmap). For large objects.
void *page_alloc_large(size_t n);
void page_free_large(void *p, size_t n);
// Like page_alloc, but may use the reserve: for code that holds locks, for __morestack and for reports.
void *page_alloc_reserve(size_t n);
// For what its caller can do without, as contents of files: true while more than one part in 16 of memory is free. The heap's default limit leaves
// half of that, so the other half is room for the heap: it works on while everything that asks here is refused.
bool page_is_spare(void);
void page_cache_flush(P *p); // p: the caller's or a stopped one. Gives a P's cached pages back (GOMAXPROCS lowered, P idle long)
typedef struct {
    size_t total;   // bytes handed over by rt_mem_add, less metadata
    size_t free;    // bytes free, the Ps' caches included
    size_t largest; // bytes of the largest free contiguous run
    size_t cached;  // bytes in the Ps' caches (part of free)
    size_t near, far; // bytes ever handed out to Ps that prefer a node: of that one, of others
} PageStats;
PageStats page_stats(void);
typedef struct { size_t total, free; } NodeMemory; // bytes of one NUMA node; the Ps' caches do not count as free
NodeMemory page_node(int node);
int page_nodes(void); // at least 1

// ---- stackseg.c: stack segments, powers of two from 2 KB to 256 KB, above that page multiples
#define SEG_MIN 2048u
void *seg_alloc(size_t bytes);         // NULL: no memory
void seg_free(void *seg, size_t bytes);
// Like seg_alloc, but may use the page allocator's reserve: __morestack.
void *seg_alloc_reserve(size_t bytes);
void seg_cache_flush(P *p); // p: the caller's or a stopped one

#define SEG_CLASSES   8u // 2 KB << class
#define SEG_HALVES    32u
// A P's stock of segments. Owner P only, except half_limit and limit, which others may set to 0 (a request to give back); seg_stats reads counts.
typedef struct SegCache {
    _Atomic uint32_t n;          // halves held
    _Atomic uint32_t half_limit; // capacity of half[] in use; 0: not registered yet, or asked to flush
    void *half[SEG_HALVES];      // 2 KB segments
    // [class], class > 0: segments of 4 KB and more. Linked by their last word, which lies beside what the next owner writes first.
    void *list[SEG_CLASSES];
    _Atomic uint32_t count[SEG_CLASSES], limit[SEG_CLASSES]; // length of list, and bound; limit is 0 whenever half_limit is
    // Allocated less freed here; of classes with a list those in it are among them. Only the sum over Ps means something. Last: > 256 KB
    _Atomic intptr_t in_use[SEG_CLASSES + 1];
    _Atomic intptr_t large_bytes; // likewise: bytes of those
    struct SegCache *next;        // all of them
} SegCache;
typedef struct {
    size_t in_use[SEG_CLASSES + 1]; // segments handed out, per class; last: larger than 256 KB
    size_t cached[SEG_CLASSES];     // free segments that Ps keep
    size_t lone_halves;             // free 2 KB segments whose other half is in use
    size_t in_use_bytes;            // of classes up to 256 KB
    size_t large_bytes;             // of the larger ones
} SegStats;
SegStats seg_stats(void); // exact when no other core allocates meanwhile

// ---- fixed.c: records of one size for the runtime itself; never returned to the page allocator, reused within the pool
typedef struct RecPool {
    Lock lock;
    uint32_t size;       // bytes, multiple of 8, at least 16
    void *free;          // singly linked by first word
    uintptr_t bump, end; // current block
    size_t in_use, blocks;
    size_t pages;        // of all blocks
} RecPool;
#define REC_POOL(bytes) {LOCK_INIT(RANK_RECORD), (bytes) < 16u ? 16u : ((bytes) + 7u) & ~7u, NULL, 0, 0, 0, 0, 0}
void *rec_alloc(RecPool *pool); // not zeroed; NULL: no memory
void rec_free(RecPool *pool, void *rec);
typedef struct RecordBytes { uint64_t in_use, sys; } RecordBytes; // of records handed out; of the pool's pages
RecordBytes rec_bytes(RecPool *pool);

// ---- alloc.c: the heap's door, the one that the collector keeps
enum { ALLOC_NULL_OK = 1 }; // return NULL instead of panicking "out of memory"
// Zeroed object of `size` bytes; t describes it (or its repeating element; NULL: no pointers). May be called on a goroutine's
// stack (switches by itself). Application context or rt without locks.
void *heap_alloc(size_t size, const Type *t, unsigned flags);
typedef struct { size_t allocs, bytes; } HeapStats; // objects and bytes of slots ever handed out, over all Ps
HeapStats heap_stats(void);
// Ends the program as Go does when there is no memory: names the request and what is left. System stack.
_Noreturn void rt_oom(size_t size);
