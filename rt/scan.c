// scan.c -- looking for pointers: exactly in heap objects, conservatively in everything else.
//
// A heap object's pointers are where its span's bitmap or its type says (heap.h); what stands there may lead to the start or the inside of an object,
// or be no pointer at all. A word from a stack, a register or a variable of the program may be anything; if it could be C's pointer behind
// the last element of an array, the object before it is kept as well. Free slots are never marked, whatever points to them (span_is_object): a
// marked free slot would count as live for ever.
//
// Objects are read while the program writes to them: word by word, whole words. Which of two values is seen does not matter, because the
// snapshot's one is shaded by whoever replaces it (gc.h). Nothing else about a white object changes while marking: it was made before
// stop 1, so its pointer bits and type are as they were, and its slot is not reused.
//
// Context: system stack; no locks are needed.
#include "mark.h"

// ---- heap objects

// Pointer bits of the slot at base, at most 64 words.
static inline uint64_t slot_bits(const Span *s, uintptr_t base) {
    size_t word = (base - s->base) / 8, n = s->slot_bytes / 8;
    const uint64_t *b = s->ptr_bits + word / 64; // its other bits may be changing: whole words, like all here
    unsigned shift = word % 64;
    uint64_t bits = hint_load(b) >> shift;
    if (shift + n > 64) bits |= hint_load(b + 1) << (64 - shift);
    return n == 64 ? bits : bits & ((1ull << n) - 1);
}

static inline void scan_bits(GcLocal *l, const uintptr_t *at, uint64_t bits) {
    for (; bits; bits &= bits - 1) {
        uintptr_t w = hint_load(at + __builtin_ctzll(bits));
        if (w) mark_exact(l, w);
    }
}

// Every word of [lo, hi) of a heap object.
static void scan_all(GcLocal *l, uintptr_t lo, uintptr_t hi) {
    for (; lo < hi; lo += 8) {
        uintptr_t w = hint_load((const uintptr_t *)lo);
        if (w) mark_exact(l, w);
    }
}

// The part [lo, hi) of an object whose elements are of type t. Behind the last whole element all is zero, so that needs no care.
static void scan_typed(GcLocal *l, const Type *t, uintptr_t base, size_t lo, size_t hi) {
    if (unlikely(t->kind & KIND_GCPROG)) { // a program that makes the bitmap: gccgo's, for types over 16 KB. Words will do
        scan_all(l, base + lo, base + hi);
        return;
    }
    size_t size = t->size, prefix = t->ptrdata;
    for (size_t e = lo ? lo / size * size : 0; e < hi; e += size) {
        size_t from = lo > e ? (lo - e) / 64 * 64 : 0; // eight words a byte
        for (size_t off = from; off < prefix && e + off < hi; off += 64) {
            uint64_t bits = t->gcdata[off / 64];
            if (unlikely(e + off < lo)) bits &= ~0ull << (lo - e - off) / 8;
            if (unlikely(hi - e - off < 64)) bits &= (1ull << (hi - e - off) / 8) - 1;
            scan_bits(l, (const uintptr_t *)(base + e + off), bits);
        }
    }
}

static inline uint64_t scan_part(GcLocal *l, const Span *s, uint32_t slot, size_t lo, size_t hi) {
    uintptr_t base = s->base + slot * s->slot_bytes;
    if (likely(s->kind == SPAN_BITS)) scan_bits(l, (const uintptr_t *)base, slot_bits(s, base));
    else scan_typed(l, s->types[slot], base, lo, hi);
    return hi - lo;
}

uint64_t scan_grey(GcLocal *l, uintptr_t obj) {
    const Span *s = span_of(obj);
    uint32_t slot = span_slot(s, obj);
    if (likely(s->slot_bytes <= OBLET_BYTES)) return scan_part(l, s, slot, 0, s->slot_bytes);
    size_t lo = obj - s->base, left = (s->slot_bytes & ~(size_t)7) - lo;
    return scan_part(l, s, 0, lo, lo + (left < OBLET_BYTES ? left : OBLET_BYTES));
}

uint64_t scan_slot(GcLocal *l, const Span *s, uint32_t slot) {
    return s->kind == SPAN_NOSCAN ? 0 : scan_part(l, s, slot, 0, s->slot_bytes & ~(size_t)7);
}

void oblets_push(GcLocal *l, const Span *s) {
    for (size_t at = 0; at + 8 <= s->slot_bytes; at += OBLET_BYTES)
        work_push(l, s->base + at);
}

// ---- words that may be anything

void mark_conservative(GcLocal *l, uintptr_t word) {
    if (word < PAGE_SIZE) return;
    Span *s = span_of(word);
    if (s) {
        uint32_t slot = span_slot(s, word);
        size_t off = word - s->base;
        if (slot < s->slots) {
            mark_slot(l, s, slot);
            if (off != slot * s->slot_bytes) return;
            if (slot > 0) {
                mark_slot(l, s, slot - 1);
                return;
            } // else the span before this one
        } else {
            if (off == s->slots * s->slot_bytes) mark_slot(l, s, s->slots - 1);
            return;
        }
    } else if (word % PAGE_SIZE) {
        return;
    }
    mark_exact(l, word - 1);
}

// As it is in memory, whatever sanitizers think of it: dead parts of frames belong to the range.
static inline uintptr_t raw_word(const uintptr_t *at) {
    uintptr_t w;
    __asm__ volatile("movq %1, %0" : "=r"(w) : "m"(*at));
    return w;
}

void scan_words(GcLocal *l, const void *lo, const void *hi) {
    for (const uintptr_t *w = lo; w + 1 <= (const uintptr_t *)hi; w++) {
        uintptr_t word = raw_word(w);
        if (word >= PAGE_SIZE) mark_conservative(l, word);
    }
}
