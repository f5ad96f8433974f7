// sizeclass.c -- which slot size serves an object of n bytes?
//
// 16, 32, ... 128, then four classes per doubling (160, 192, 224, 256, 320, ...) to 32 KB. The class follows
// from the position of the leading bit and the two bits behind it, so there is no table to keep in the cache.
// Unused at most 1/5 of a slot. Go has 68 classes and 12.5 %: with spans per P and class, fewer classes leave
// fewer half-filled spans on a small machine.
#include "heap.h"

uint32_t size_class_bytes(unsigned c) {
    if (c < CLASS_LINEAR) return (c + 1) * 16;
    unsigned bit = 7 + (c - CLASS_LINEAR) / 4, step = (c - CLASS_LINEAR) % 4;
    return (5 + step) << (bit - 2);
}
_Static_assert(CLASS_LINEAR + 8 * 4 == SIZE_CLASSES, "the last class ends at 32 KB");

// At least two pages and about 32 slots, so that taking a span serves many objects, but no more than eight pages, until at most an
// eighth of the span is left over.
uint32_t size_class_pages(unsigned c) {
    uint32_t slot = size_class_bytes(c), n = (32 * slot + PAGE_SIZE - 1) / PAGE_SIZE;
    if (n < 2) n = 2;
    if (n > 8) n = 8;
    while (n * PAGE_SIZE % slot > n * PAGE_SIZE / 8)
        n++;
    return n;
}

uint64_t type_bits(const Type *t, size_t bytes) {
    uint64_t bits = 0;
    for (size_t i = 0; i < (t->ptrdata + 63) / 64 && i < 8; i++)
        bits |= (uint64_t)t->gcdata[i] << (8 * i);
    size_t n = bytes / 8, each = t->size / 8;
    if (each < n) {
        for (size_t k = each; k < n; k *= 2)
            bits |= bits << k;
        n = n / each * each;
    }
    return n < 64 ? bits & ((1ull << n) - 1) : bits;
}
