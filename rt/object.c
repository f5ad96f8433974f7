// object.c -- the doors to the heap for applications in C (api/mem.h). They add the checks of n and the
// door's exit to heap_alloc.
#include "api/mem.h"
#include "alloc_fast.h"

#define OBJECT_MAX ((size_t)1 << 47) // as Go's maxAlloc: the address space

// What the fast path leaves: an object to be made, or the way out of the door.
static __attribute__((noinline)) void *rest(size_t size, const Type *t, unsigned flags, void *p) {
    if (!p) p = alloc_rest(size, t, flags);
    RT_DOOR();
    return p;
}

static inline __attribute__((always_inline)) void *make(size_t size, const Type *t, unsigned flags) {
    P *self = p_self();
    void *p = alloc_fast(self, size, t);
    if (likely(p && load_relaxed(&self->request) == 0)) return p; // RT_DOOR
    return rest(size, t, flags, p);
}

void *object_new(const Type *t) { return make(t->size, t, 0); }
void *object_new_try(const Type *t) { return make(t->size, t, ALLOC_NULL_OK); }

// False: n elements of type t cannot be addressed.
static bool array_bytes(const Type *t, intptr_t n, size_t *bytes) {
    return n >= 0 && !__builtin_mul_overflow((size_t)n, t->size, bytes) && *bytes <= OBJECT_MAX;
}

static __attribute__((noinline)) void *array_rest(const Type *t, intptr_t n) {
    size_t bytes = 0;
    if (!array_bytes(t, n, &bytes)) panic_runtime("runtime error: makeslice: len out of range");
    return rest(bytes, t, 0, NULL);
}

// (What is small enough for the fast path is in range, if the product is one: then that is neither negative nor wrong.)
void *array_new(const Type *t, intptr_t n) {
    P *self = p_self();
    intptr_t bytes;
    if (unlikely(__builtin_mul_overflow(n, (intptr_t)t->size, &bytes))) return array_rest(t, n);
    void *p = alloc_fast(self, (size_t)bytes, t);
    if (unlikely(!p)) return array_rest(t, n);
    return likely(load_relaxed(&self->request) == 0) ? p : rest((size_t)bytes, t, 0, p); // RT_DOOR
}

void *array_new_try(const Type *t, intptr_t n) {
    size_t bytes;
    return array_bytes(t, n, &bytes) ? make(bytes, t, ALLOC_NULL_OK) : NULL;
}

static void stats_call(void *arg) {
    MemoryStats *m = arg;
    PageStats pages = page_stats();
    HeapStats heap = heap_stats();
    *m = (MemoryStats){
        .total = pages.total,
        .free = pages.free,
        .largest_free = pages.largest,
        .heap_objects = heap.allocs,
        .heap_bytes = heap.bytes,
        .stack_bytes = seg_stats().in_use_bytes,
        .near_bytes = pages.near,
        .far_bytes = pages.far,
    };
}

MemoryStats memory_stats(void) {
    MemoryStats m;
    sys_call(stats_call, &m);
    RT_DOOR();
    return m;
}
