// slice.c -- slices (api/slice.h): make, sub-slicing, growth.
//
// The macros keep the slice in a local variable of the program and pass its address; elements are known by size and descriptor only.
// A new array is filled before anybody else can see it, and is reachable from the caller's stack or registers all the time.
//
// Growth is Go 1.18's: twice up to 256 elements, from there smoothly towards 1.25 times, rounded up to what the allocator gives anyway.
//
// Locks: none. Stack: goroutine's; formatting a message goes by sys_call.
#include "api/slice.h"
#include "api/str.h"
#include "bounds.h"
#include "core.h"

typedef struct Slice {
    void *p;
    intptr_t n, cap;
} Slice;

#define BYTES_MAX ((size_t)1 << 47) // as Go's maxAlloc: the address space

// False: n elements cannot be addressed.
static bool array_bytes(const Type *t, intptr_t n, size_t *bytes) {
    return n >= 0 && !__builtin_mul_overflow((size_t)n, t->size, bytes) && *bytes <= BYTES_MAX;
}

void slice_make_of(const Type *t, void *slice, intptr_t n, intptr_t cap, bool cap_given) {
    Slice *s = slice;
    size_t bytes;
    if (!cap_given) cap = n;
    if (unlikely(!array_bytes(t, cap, &bytes) || n < 0 || n > cap)) {
        // Go blames the length where both are wrong: the capacity may have been given implicitly.
        panic_runtime(array_bytes(t, n, &bytes) ? "runtime error: makeslice: cap out of range" : "runtime error: makeslice: len out of range");
    }
    *s = (Slice){heap_alloc(bytes, t, 0), n, cap};
    RT_DOOR();
}

void slice_sub_of(void *slice, size_t elem_bytes, intptr_t lo, intptr_t hi, intptr_t max, int given) {
    Slice *s = slice;
    size_t limit = (size_t)s->cap;
    if (given & SLICE_MAX) {
        if (unlikely((size_t)max > limit)) bounds_panic(max < 0 ? BOUNDS_MAX_NEGATIVE : BOUNDS_MAX, max, s->cap);
        limit = (size_t)max;
        if (unlikely((size_t)hi > limit)) bounds_panic(hi < 0 ? BOUNDS_HI3_NEGATIVE : BOUNDS_HI3, hi, max);
        if (unlikely((size_t)lo > (size_t)hi)) bounds_panic(lo < 0 ? BOUNDS_LO3_NEGATIVE : BOUNDS_LO3, lo, hi);
    } else {
        if (!(given & SLICE_HI)) hi = s->n;
        if (unlikely((size_t)hi > limit)) bounds_panic(hi < 0 ? BOUNDS_HI_NEGATIVE : BOUNDS_HI_CAP, hi, s->cap);
        if (unlikely((size_t)lo > (size_t)hi)) bounds_panic(lo < 0 ? BOUNDS_LO_NEGATIVE : BOUNDS_LO, lo, hi);
    }
    s->n = hi - lo;
    s->cap = (intptr_t)limit - lo;
    // A slice without room must not point behind its array: to the collector that would be the next object.
    if (s->cap > 0) s->p = (char *)s->p + (size_t)lo * elem_bytes;
    RT_DOOR();
}

// ---- growth

static intptr_t capacity_for(intptr_t old, intptr_t need) {
    if (need > 2 * old) return need;
    if (old < 256) return 2 * old;
    intptr_t cap = old;
    while (cap < need)
        cap += (cap + 3 * 256) / 4;
    return cap;
}

static size_t allocated_bytes(size_t bytes) {
    if (bytes == 0) return 0;
    if (bytes <= SMALL_MAX) return size_class_bytes(size_class(bytes));
    return (bytes + PAGE_SIZE - 1) & ~(size_t)(PAGE_SIZE - 1);
}

void slice_grow_of(const Type *t, void *slice, intptr_t more) {
    Slice *s = slice;
    intptr_t need, cap;
    size_t bytes;
    if (unlikely(more < 0 || __builtin_add_overflow(s->n, more, &need))) panic_runtime("runtime error: growslice: len out of range");
    if (need <= s->cap) return;
    cap = capacity_for(s->cap, need);
    if (unlikely(!array_bytes(t, cap, &bytes))) panic_runtime("runtime error: growslice: len out of range");
    if (t->size != 0) {
        cap = (intptr_t)(allocated_bytes(bytes) / t->size);
        bytes = (size_t)cap * t->size;
    }
    char *p = heap_alloc(bytes, t, 0);
    mem_copy(p, s->p, (size_t)s->n * t->size); // whole words; the new array holds nothing yet, so no barrier
    s->p = p;
    s->cap = cap;
    RT_DOOR();
}

void slice_append_of(const Type *t, void *slice, const void *from, intptr_t n) {
    Slice *s = slice;
    slice_grow_of(t, s, n);
    value_copy_of(t, (char *)s->p + (size_t)s->n * t->size, from, n);
    s->n += n;
}
