// heap.h -- the heap of application objects: spans, size classes, caches, and what the collector needs of them.
//
// One allocation, from the top:
//
//   heap_alloc(size, type)        on the goroutine's stack: size class, current span of this P, next slot of a run of free ones; zero it, say
//        |                        where its pointers are, publish it
//        | span full, or larger than 32 KB: sys_call
//   central lists (central.c)     per class and kind (scan, noscan): swept and unswept spans, with and without free slots. An unswept span
//        |                        is swept by whoever takes it: its unmarked slots serve new objects
//   page_alloc, page_alloc_large  pages; a large object is a span of one slot, perhaps mapped from scattered frames
//
// Which slots are objects: a slot is an object if it begins below Span.at, or its bit in alloc[] is set. The owner P hands out the lowest
// slot from `at` on whose alloc bit is clear: first the run of such slots up to run_end, which needs no look at any bit. It publishes a slot by storing
// the slot's end in `at` with release, after zeroing and pointer bits are written (golang/go#54596). So a scanner that reads `at` with acquire judges every
// slot correctly, free and half-made ones included. When a run is used up, `at` moves on to the next one: what it passes are objects by their alloc bits.
//
// Marks: bit i of mark[] is set by markers with an atomic or. New objects are black while marking: when marking begins (and when a P takes a
// span meanwhile) the marks of all free slots of cached spans are set at once, so the fast path does not look at the phase; whoever gives a span
// back while its premarked slots are free clears those bits (heap_cache_flush). A premarked free slot is no object, whatever its mark says.
//
// Sweep: alloc = mark, mark = 0, free_index = 0. Nothing is swept while marking: before a cycle begins everything is.
//
// Pointer layout. An element's type repeats over the slot; what lies behind the last whole element is zero. Slots up to BITS_SLOT_MAX have one bit for each
// word. Mostly all objects of a span have the same ones: then these are Span.same_bits, and there is nothing to write for an object, nor for the marker
// to look up elsewhere. When an object comes that has others the span turns *mixed*, for as long as it lives: the bits of all slots are written to
// ptr_bits (behind the slots), then same_bits becomes 0 with release. A marker that still reads the old same_bits is right, too: it asks for an object that was made before
// that. Larger slots have their type in types[]. noscan spans have neither.
#pragma once
#include "atomic.h"
#include "mem.h"

// ---- size classes (sizeclass.c): multiples of 16 to 128, then four steps per doubling; at most 20 % of a
// slot is unused
#define SMALL_MAX    32768u
#define SIZE_CLASSES 40u
#define CLASS_LINEAR 8u // classes 0..7: multiples of 16
// The class of 1 <= size <= SMALL_MAX, by its leading bit and the two bits behind that.
static inline unsigned size_class(size_t size) {
    size_t x = size - 1;
    if (x < 16 * CLASS_LINEAR) return (unsigned)(x / 16);
    unsigned bit = 63u - (unsigned)__builtin_clzll(x); // 7..14
    return CLASS_LINEAR + (bit - 7) * 4 + (unsigned)(x >> (bit - 2) & 3);
}
uint32_t size_class_bytes(unsigned c); // slot size: the largest size of class c
uint32_t size_class_pages(unsigned c); // pages of a span
// A bit for each word of `bytes` bytes, at most 512, that hold t's: as many whole ones as there is room for. (A part of one, if that is more than the
// room.) Set: a pointer. t has one, and no program instead of a bitmap.
uint64_t type_bits(const Type *t, size_t bytes);

#define BITS_SLOT_MAX  512u
#define SPAN_SLOTS_MAX 512u // 8 KB of 16 bytes
#define SPAN_WORDS     (SPAN_SLOTS_MAX / 64)
#define SPAN_FEW       8u
#define BITS_CLASSES   16u // classes of slots up to BITS_SLOT_MAX
#define POISON         0xdbdbdbdbdbdbdbdbull

typedef enum { SPAN_FREE, SPAN_NOSCAN, SPAN_BITS, SPAN_TYPED } SpanKind; // SPAN_FREE: the record is in its pool

typedef struct Span {
    // constant from publication (page_owner_set) until the span is freed
    uintptr_t base;
    size_t slot_bytes; // large object: pages * PAGE_SIZE
    uint32_t slots;    // large: 1
    uint32_t magic;    // slot = (addr - base) * magic >> 32; large: 0
    size_t pages;
    uint8_t kind, class_index; // SpanKind; SIZE_CLASSES: large
    bool cached;               // in a P's cache: owner P's; false: central's
    bool poisoned;             // free slots are filled with POISON (gc.poison when the span was made)
    bool mixed;                // SPAN_BITS: see above. The owner's
    uint16_t counted;          // cached: objects when the counts of HeapCache last took it in; hint_store by the owner
    _Atomic uint64_t same_bits; // SPAN_BITS: those of each object's words; 0: mixed, or no object was made yet. Written by the owner
    const Type *last_type;      // SPAN_BITS, not mixed: objects of this type have same_bits. NULL: unknown. Owner's; forgotten at each sweep, because a type may be garbage
    _Atomic uintptr_t at;       // see above
    uintptr_t run_end;          // owner P's: slots from at on and below this are free. 0: not known
    const Type **types;         // SPAN_TYPED, per slot
    union {
        struct { // SPAN_BITS
            uint64_t *ptr_bits; // mixed: bit w of the span's word w
            uint64_t slot_ones; // a bit for each word of a slot
        };
        const Type *few[SPAN_FEW]; // SPAN_TYPED: what types points to when there are no more slots
    };
    _Atomic uint32_t sweep_gen;  // central.c
    struct Span *next;           // central's list, under its lock
    struct Span *all_next, *all_prev; // all spans, under heap.lock
    struct Special *specials;    // finalizers of objects in here, by address; under specials_lock (finalizer.c)
    _Atomic uint64_t alloc[SPAN_WORDS]; // written only by who owns the span; the rest reads
    _Atomic uint64_t mark[SPAN_WORDS];  // pairs with heap_mark
} Span;

// The span of each page: 2 MB of addresses have a table of their own, from their first span on; before that a common one of NULLs
// (spanmap.c). base, chunk: constant once the second core runs.
#define SPAN_CHUNK_SHIFT 21u
#define SPAN_CHUNK_PAGES 512u
typedef _Atomic(Span *) SpanWord;
typedef struct SpanMap {
    uintptr_t base;              // multiple of 2 MB
    size_t bytes;                // from base on; 0 before the first span
    _Atomic(SpanWord *) *chunk;  // acquire: pairs with span_map_set
    _Atomic uintptr_t mapped_lo, mapped_hi; // all spans of mapped frames, those that are gone included, lie between these
} SpanMap;
extern SpanMap span_map;
Span *span_of_mapped(uintptr_t addr);
// The span that addr lies in; NULL: none. Any address, valid or not; no locks, not from interrupts. A span that is freed meanwhile
// leaves a record of kind SPAN_FREE: while marking that cannot happen.
static inline Span *span_of(uintptr_t addr) {
    uintptr_t at = addr - span_map.base;
    if (unlikely(at >= span_map.bytes)) return span_of_mapped(addr);
    SpanWord *table = load_acquire(&span_map.chunk[at >> SPAN_CHUNK_SHIFT]);
    return load_acquire(&table[at / PAGE_SIZE % SPAN_CHUNK_PAGES]);
}
// False: addr is neither in a span nor exactly behind one. Small; most words that are no pointers are turned away by this.
static inline bool span_may_reach(uintptr_t addr) {
    return addr - 1 - span_map.base < span_map.bytes || (addr - 1 >= load_relaxed(&span_map.mapped_lo) && addr - 1 < load_relaxed(&span_map.mapped_hi));
}
static inline uint32_t span_slot(const Span *s, uintptr_t addr) { return (uint32_t)((addr - s->base) * s->magic >> 32); }
static inline bool span_bit(const _Atomic uint64_t *bits, uint32_t slot) { return load_relaxed(&bits[slot / 64]) >> (slot % 64) & 1; }
// Is slot an object (not free, and wholly made)? slot < s->slots.
static inline bool span_is_object(const Span *s, uint32_t slot) {
    return s->base + slot * s->slot_bytes < load_acquire(&s->at) || span_bit(s->alloc, slot); // acquire: pairs with slot_publish
}
// Marks an object; true: it was not marked before (exactly one caller gets that).
static inline bool span_mark(Span *s, uint32_t slot) {
    uint64_t bit = 1ull << (slot % 64);
    if (load_relaxed(&s->mark[slot / 64]) & bit) return false;
    return !(atomic_fetch_or_explicit(&s->mark[slot / 64], bit, memory_order_relaxed) & bit);
}

// Per P, in P.heap. Owner P only (or the stopper, world stopped); others read the counts as hints.
typedef struct HeapCache {
    Span *span[2][SIZE_CLASSES]; // [noscan][class]; NULL or has been full
    uint64_t used[2];            // [noscan]: bit c: there may be a span of class c. hint_store by the owner
    uintptr_t tiny, tiny_end;    // tiny allocator: pointer-free objects under 16 bytes share a 16-byte slot; what is left of the last one
    uint64_t allocs, bytes;      // objects and bytes of slots handed out (a tiny block counts once), less what was taken from the cached
                                 // spans since (Span.counted). hint_store by the owner. heap_stats and its like give the sums
    uint64_t freed, freed_bytes; // objects ever swept by this P, and their slots' bytes. hint_store by the owner
    uint64_t tiny_allocs;        // objects put into tiny blocks, the first of each block excepted
    uint64_t allocs_at_mark, bytes_at_mark; // of the two above when this P began to allocate black...
    uint32_t black_cycle;                   // ... in this cycle (gc.cycle)
    bool known;                             // in the list of all caches
    struct HeapCache *next;
} HeapCache;

// Totals. Atomics are written by any core at refills and sweeps.
typedef struct Heap {
    _Atomic uint64_t live_bytes;  // marked at the last cycle's end (the pacer stores it when the world is stopped for heap_sweep_begin), plus what was handed to
                                  // caches since (whole spans' free slots, large objects), less what caches gave back: the pacer's heap_live
    _Atomic uint64_t span_bytes;  // pages of all spans
    _Atomic uint64_t published_bytes; // of span_bytes, without large objects that are being zeroed: these are not swept
    uint32_t sweep_gen;           // + 2 per cycle; written with the world stopped
    _Atomic uint64_t pages_unswept; // to go
    // proportional sweep: set by the pacer (pace.c) after heap_sweep_begin and when its settings change, read at refills
    _Atomic uint64_t pages_to_sweep; // what pages_unswept was then
    _Atomic uint64_t sweep_basis_live; // live_bytes then
    _Atomic uint64_t sweep_pages_per_mb; // pages to have swept per MB that live_bytes has grown, rounded up; 0: no debt
} Heap;
extern Heap heap;

// ---- for the collector. System stack unless it says otherwise.
// This P (the caller's) begins to allocate black: premarks free slots of its cached spans, notes its counts. When it first passes the scheduler after
// marking began.
void heap_cache_black(struct P *p);
// Gives all cached spans of p back to central, clearing premarks. p: the caller's, or stopped. After marking ended; before sleeping while marking; when
// the core goes out of use.
void heap_cache_flush(struct P *p);
// World stopped, marking is over: everything is unswept now. The caches still hold spans: each P flushes its own when it passes the scheduler.
void heap_sweep_begin(void);
// Sweeps up to `pages` pages' worth of spans; false: nothing is left to sweep (others may still be at their last span: heap_sweep_done says).
bool heap_sweep_step(size_t pages);
bool heap_sweep_done(void); // every span is swept
// Objects and bytes handed out over all Ps since each began to allocate black. World stopped.
void heap_allocated_black(uint64_t *objects, uint64_t *bytes);
// Objects and bytes that are objects now: handed out ever, less freed ever. World stopped (exact), or a hint.
void heap_in_use(uint64_t *objects, uint64_t *bytes);
// Objects and bytes ever swept. Exact when nobody sweeps.
void heap_freed(uint64_t *objects, uint64_t *bytes);
// All spans. World stopped.
void heap_for_each_span(void (*fn)(Span *s, void *arg), void *arg);

// The object that contains addr; false: addr is in none. Any address, valid or not. System stack.
typedef struct HeapObject {
    uintptr_t base;
    size_t bytes;     // slot size
    const Type *type; // SPAN_TYPED; else NULL
    bool scan;        // may contain pointers
} HeapObject;
bool heap_find(uintptr_t addr, HeapObject *out);

// ---- for MemStats (memstats.c): world stopped, system stack
RecordBytes heap_records(void);   // of spans
uint64_t heap_table_bytes(void);  // pages of the tables behind span_of
// Objects of class c ever handed out, and ever swept.
void heap_class_counts(unsigned c, uint64_t *mallocs, uint64_t *frees);
// alloc.h is what the allocator's files offer to each other.
