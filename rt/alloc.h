// alloc.h -- what the files of the allocator offer to each other: alloc.c (the door), central.c (lists, caches), span.c (records and
// layout), spanmap.c (address to span), sweep.c. The story is told in heap.h. All of this runs on the system stack unless marked "small".
#pragma once
#include "core.h"

// ---- spanmap.c
// Makes span_of lead from each of the pages to s; NULL: to none. False: no memory for a table; nothing has changed then.
bool span_map_set(uintptr_t base, size_t pages, Span *s);

// ---- span.c: pages and record, layout, counters of bytes; not in central's lists
// A span of small objects, all slots free, swept, found by span_of. NULL: no memory.
Span *span_new(unsigned class, bool noscan);
// A large object that is not published: no object yet, not swept, not in the list of all spans. NULL: no memory.
Span *span_new_large(size_t bytes, const Type *t);
// Joins the list of all spans and the bytes to be swept. The small ones do that by themselves.
void span_publish(Span *s);
// Gives pages and record back. The caller alone has s.
void span_free(Span *s);

// Bits of set.
static inline uint32_t bits_count(uint64_t x) {
    x -= x >> 1 & 0x5555555555555555ull;
    x = (x & 0x3333333333333333ull) + (x >> 2 & 0x3333333333333333ull);
    return (uint32_t)(((x + (x >> 4)) & 0x0f0f0f0f0f0f0f0full) * 0x0101010101010101ull >> 56);
}
// The number of the lowest slot that does not begin below `at`.
static inline uint32_t span_at(const Span *s) {
    uintptr_t at = load_relaxed(&s->at);
    return likely(s->magic != 0) ? span_slot(s, at) : at > s->base; // large: one slot
}
static inline uint32_t span_words(const Span *s) { return (s->slots + 63) / 64; }
// Of word w of alloc bits, the free slots among those that do not begin below slot `at`.
static inline uint64_t free_bits(uint64_t alloc, uint32_t at, uint32_t slots, uint32_t w) {
    uint64_t bits = ~alloc;
    uint32_t left = slots - w * 64;
    if (left < 64) bits &= (1ull << left) - 1;
    if (at >= w * 64 + 64) return 0;
    return at > w * 64 ? bits & ~0ull << (at - w * 64) : bits;
}
// Slots of word w that are free, as bits. Exact for the owner.
static inline uint64_t span_free_word(const Span *s, uint32_t w) {
    return free_bits(load_relaxed(&s->alloc[w]), span_at(s), s->slots, w);
}
static inline uint32_t span_free_slots(const Span *s) {
    uint32_t n = 0;
    for (uint32_t w = 0; w < span_words(s); w++)
        n += bits_count(span_free_word(s, w));
    return n;
}
static inline uint32_t span_objects(const Span *s) { return s->slots - span_free_slots(s); }

// ---- central.c
// Makes a span with a free slot the current one of the caller's P; the bytes of its free slots. 0: no memory.
size_t cache_refill(bool noscan, unsigned class);
// Takes a large object that was zeroed into the heap: published, black if it must be, counted for the caller's P.
void central_publish_large(Span *s);
// Puts s, which is swept and not cached and has `left` free slots, where it belongs: a list, or, empty, back to the page allocator.
void central_put(Span *s, uint32_t left);
// Counts objects of s that were swept.
void central_freed(const Span *s, uint32_t objects);
// The next unswept span of whatever class, taken out of its list; NULL: none is left in any list.
Span *central_take_unswept(void);
HeapStats caches_sum(void);

// ---- sweep.c
// Sweeps s: the caller has it alone. Leaves it without a list; its free slots.
uint32_t span_sweep(Span *s);
// Proportional sweeping: does the sweeping owed for taking `bytes` more, at most about `pages` pages; false: more is owed.
bool sweep_pay(size_t bytes, size_t pages);
void span_fill_poison(Span *s, uint32_t slot);
