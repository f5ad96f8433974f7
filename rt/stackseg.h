// stackseg.h -- the P's lists of stack segments of 4 KB to 256 KB, inline for those who grow a stack (stack.c). Story: stackseg.c.
//
// All of these: rt text on the owner's core, where nothing preempts.
#pragma once
#include "core.h"

#define SEG_MIN_SHIFT 11u
_Static_assert(SEG_MIN == 1u << SEG_MIN_SHIFT, "");

// Are segments of so many bytes kept in a list? Sizes that no class has are refused by the caller.
static inline bool seg_is_listed(size_t bytes) {
    return bytes > SEG_MIN && bytes <= (size_t)SEG_MIN << (SEG_CLASSES - 1) && (bytes & (bytes - 1)) == 0;
}
static inline unsigned seg_class(size_t bytes) { return (unsigned)__builtin_ctzll(bytes) - SEG_MIN_SHIFT; }
static inline void **seg_link(void *seg, size_t bytes) { return (void **)((char *)seg + bytes) - 1; }

// Takes one of the list; NULL: it is empty.
static inline void *seg_take(SegCache *c, size_t bytes) {
    unsigned class = seg_class(bytes);
    void *seg = c->list[class];
    if (unlikely(!seg)) return NULL;
    c->list[class] = *seg_link(seg, bytes);
    store_relaxed(&c->count[class], load_relaxed(&c->count[class]) - 1); // relaxed: for seg_stats
    return seg;
}

// Puts seg into the list; false: that is full, or memory is short. (A late view of memory_short's request only delays.)
static inline bool seg_keep(SegCache *c, void *seg, size_t bytes) {
    unsigned class = seg_class(bytes);
    uint32_t n = load_relaxed(&c->count[class]);
    if (unlikely(n >= load_relaxed(&c->limit[class]))) return false;
    *seg_link(seg, bytes) = c->list[class];
    c->list[class] = seg;
    store_relaxed(&c->count[class], n + 1);
    return true;
}
