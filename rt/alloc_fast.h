// alloc_fast.h -- the fast path of allocation, inline for the doors that allocate all the time: heap_alloc, object_new.
//
// It takes a slot out of the word of alloc bits that the P's span has at hand. It is made so that it calls nothing and needs no registers saved: what it
// does not do (alloc_fast says NULL) is left to functions that are called last.
#pragma once
#include "core.h"

#define FAST_MAX 512u // larger objects are allocated in alloc_slow: zeroing them costs more than the call
#define TINY     16u  // pointer-free objects below share slots

// What alloc_fast does not do: arrays, large bitmaps, bits in two words, new tiny blocks, and whatever finds no slot at hand. alloc_fast and then
// alloc_rest are heap_alloc.
void *alloc_rest(size_t size, const Type *t, unsigned flags);

// The class of 1 <= size <= FAST_MAX is alloc_class_of[(size - 1) / 16].
extern const uint8_t alloc_class_of[FAST_MAX / 16];

// Clearing by 16 bytes. xmm0 is the only vector register that the runtime's C uses, and only here: a call may change it, and whoever allocates has been called. Interrupt
// handlers, the scheduler and __morestack, which must keep it, do not allocate (scripts/check_regs.py names the functions that may have it). Each piece clears the
// register anew, so that nothing has to survive from one to the next.
#ifdef __SSE__
#define CLOBBERS_XMM0 : "xmm0"
#else // the compiler does not know it
#define CLOBBERS_XMM0
#endif
static inline __attribute__((always_inline)) void zero_16(char *p) {
    __asm__ volatile("pxor %%xmm0, %%xmm0\n\tmovups %%xmm0, (%1)" : "=m"(*(char(*)[16])p) : "r"(p) CLOBBERS_XMM0);
}
static inline __attribute__((always_inline)) void zero_32(char *p) {
    __asm__ volatile("pxor %%xmm0, %%xmm0\n\tmovups %%xmm0, (%1)\n\tmovups %%xmm0, 16(%1)" : "=m"(*(char(*)[32])p) : "r"(p) CLOBBERS_XMM0);
}
static inline __attribute__((always_inline)) void zero_64(char *p) {
    __asm__ volatile("pxor %%xmm0, %%xmm0\n\tmovups %%xmm0, (%1)\n\tmovups %%xmm0, 16(%1)\n\tmovups %%xmm0, 32(%1)\n\tmovups %%xmm0, 48(%1)" : "=m"(*(char(*)[64])p) : "r"(p) CLOBBERS_XMM0);
}

// bytes: a multiple of 16, not 0. The first piece, and the rest from its end in larger ones, of which the last may reach into what is clear already.
static inline __attribute__((always_inline)) void zero_words(char *p, size_t bytes) {
    char *end = p + bytes;
    if (bytes >= 128) {
        zero_64(p);
        do zero_64(end -= 64);
        while (end > p + 64);
        return;
    }
    zero_16(p);
    while (end > p + 16)
        zero_32(end -= 32);
}

// Takes the lowest slot of free_bits; *slot: its number. It is an object when slot_publish has been called.
static inline __attribute__((always_inline)) char *slot_take(Span *s, uint32_t *slot) {
    uint64_t free = s->free_bits;
    *slot = s->free_base + (uint32_t)__builtin_ctzll(free);
    s->free_bits = free & (free - 1);
    return (char *)(s->base + *slot * s->slot_bytes);
}
static inline void slot_publish(Span *s, uint32_t slot) {
    store_release(&s->free_index, slot + 1); // pairs with span_is_object: whoever sees the slot sees it zeroed and typed
}

// Pointer-free objects under 16 bytes share slots of 16 bytes: a slot lives as long as one of them does. The alignment follows from the size, as
// in Go. NULL: the last block has not enough left.
static inline void *tiny_fast(HeapCache *c, size_t size) {
    uintptr_t align = size & -size, at = (c->tiny + align - 1) & -align; // 1, 2, 4 or 8
    if (unlikely(at + size > c->tiny_end)) return NULL;
    c->tiny = at + size;
    c->tiny_allocs++;
    return (void *)at;
}

// A pointer-free object of up to FAST_MAX bytes, or a single one of t whose bits lie in one word. NULL: it is neither, or there is no slot at hand.
static inline __attribute__((always_inline)) void *alloc_fast(size_t size, const Type *t) {
    size_t at = (size - 1) / 16; // size 0: large
    if (unlikely(at >= FAST_MAX / 16)) return NULL;
    P *self = p_self();
    uint32_t i;
    if (!t || t->ptrdata == 0) {
        if (unlikely(size < TINY)) return tiny_fast(&self->heap, size);
        Span *s = self->heap.span[true][alloc_class_of[at]];
        if (unlikely(!s || !s->free_bits)) return NULL;
        char *p = slot_take(s, &i);
        zero_words(p, s->slot_bytes);
        slot_publish(s, i);
        return p;
    }
    Span *s = self->heap.span[false][alloc_class_of[at]];
    if (unlikely(!s || !s->free_bits)) return NULL;
    uint32_t n = (uint32_t)s->slot_bytes / 8, bit = (s->free_base + (uint32_t)__builtin_ctzll(s->free_bits)) * n, shift = bit % 64;
    if (unlikely(t->size != size || t->ptrdata > 64 || shift + n > 64)) return NULL;
    uint64_t *w = s->ptr_bits + bit / 64; // as bits_write
    hint_store(w, (*w & ~(s->slot_ones << shift)) | (uint64_t)t->gcdata[0] << shift);
    char *p = slot_take(s, &i);
    zero_words(p, s->slot_bytes);
    slot_publish(s, i);
    return p;
}
