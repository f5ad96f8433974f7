// alloc_fast.h -- the fast path of allocation, inline for the doors that allocate all the time: heap_alloc, object_new, array_new.
//
// It takes the next slot of the run of free ones that the P's span has at hand (heap.h). It is made so that it needs no registers saved: what it
// does not do (alloc_fast says NULL) is left to functions that are called last.
#pragma once
#include "core.h"

#define FAST_MAX 1024u // larger objects are allocated in alloc_slow: zeroing them costs more than the call
#define TINY     16u   // pointer-free objects below share slots

// What alloc_fast does not do: objects whose type is not that of the span's others, slots above BITS_SLOT_MAX with pointers, new tiny blocks, and whatever finds no
// slot at hand. alloc_fast and then alloc_rest are heap_alloc.
void *alloc_rest(size_t size, const Type *t, unsigned flags);

// The class of 1 <= size <= FAST_MAX is alloc_class_of[(size - 1) / 16].
extern const uint8_t alloc_class_of[FAST_MAX / 16];

// Clearing by 16 bytes. xmm0 is the only vector register that the runtime's C uses, and only here: a call may change it, and whoever allocates has been called. Interrupt
// handlers, the scheduler and __morestack, which must keep it, do not allocate (scripts/check_regs.py names the functions that may have it).
#ifdef __SSE__
#define CLOBBERS_XMM0 , "xmm0"
#else // the compiler does not know it
#define CLOBBERS_XMM0
#endif
#define ZERO(at) "movups %%xmm0, " at "\n\t"
// bytes: a multiple of 16, from 256 on of 64, not 0. From both ends: so pieces that overlap do for all sizes between two powers of two. (To jump into the middle of a row of
// stores takes fewer instructions, but where one goes is foreseen less often when sizes vary, which costs more.) In assembly for want of registers.
static inline __attribute__((always_inline)) void slot_zero(uintptr_t slot, size_t bytes) {
    __asm__ volatile("pxor %%xmm0, %%xmm0\n\t" ZERO("(%[p])")
                     "cmpq $16, %[n]\n\tje 9f\n\t" ZERO("-16(%[p],%[n])")
                     "cmpq $32, %[n]\n\tjbe 9f\n\t" ZERO("16(%[p])") ZERO("-32(%[p],%[n])")
                     "cmpq $64, %[n]\n\tjbe 9f\n\t" ZERO("32(%[p])") ZERO("48(%[p])") ZERO("-64(%[p],%[n])") ZERO("-48(%[p],%[n])")
                     "cmpq $128, %[n]\n\tjbe 9f\n\t"
                     "cmpq $256, %[n]\n\tjb 8f\n\t"
                     "subq $64, %[n]\n" // all below n remains to be done, but for the first 64
                     "1:\tsubq $128, %[n]\n\t"
                     ZERO("(%[p],%[n])") ZERO("16(%[p],%[n])") ZERO("32(%[p],%[n])") ZERO("48(%[p],%[n])")
                     ZERO("64(%[p],%[n])") ZERO("80(%[p],%[n])") ZERO("96(%[p],%[n])") ZERO("112(%[p],%[n])")
                     "cmpq $64, %[n]\n\tja 1b\n\tjmp 9f\n"
                     "8:\t" ZERO("64(%[p])") ZERO("80(%[p])") ZERO("96(%[p])") ZERO("112(%[p])")
                     ZERO("-128(%[p],%[n])") ZERO("-112(%[p],%[n])") ZERO("-96(%[p],%[n])") ZERO("-80(%[p],%[n])")
                     "9:"
                     : [n] "+&r"(bytes) : [p] "r"(slot) : "cc", "memory" CLOBBERS_XMM0);
}

// The slot, which begins at Span.at, is an object from now on.
static inline void slot_publish(Span *s, uintptr_t slot) {
    store_release(&s->at, slot + s->slot_bytes); // pairs with span_is_object: whoever sees the slot sees it zeroed and typed
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

// A pointer-free object, or one or more of t if the span's others are such, too. NULL: it is neither, or there is no slot at hand. self: the caller's P.
static inline __attribute__((always_inline)) void *alloc_fast(P *self, size_t size, const Type *t) {
    size_t at = (size - 1) / 16; // size 0: large
    if (unlikely(at >= FAST_MAX / 16)) return NULL;
    Span *s;
    if (!t || t->ptrdata == 0) {
        if (unlikely(size < TINY)) return tiny_fast(&self->heap, size);
        s = self->heap.span[true][alloc_class_of[at]];
        if (unlikely(!s)) return NULL;
    } else {
        s = self->heap.span[false][alloc_class_of[at]];
        if (unlikely(!s || s->last_type != t)) return NULL;
    }
    uintptr_t slot = load_relaxed(&s->at); // the owner alone writes it
    if (unlikely(slot >= s->run_end)) return NULL;
    slot_zero(slot, s->slot_bytes);
    slot_publish(s, slot);
    if (slot == 0) __builtin_unreachable(); // so nobody asks again
    return (void *)slot;
}
