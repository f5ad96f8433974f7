// gc.h -- what the collector's stress programs share: looks at the heap from inside, and hiding from the collector.
#pragma once
#include "metal.h"
#include "rt/gc.h"
#include "rt/heap.h"

// Is p the start of an object now?
static ON_SYSTEM_STACK void find_object_here(void *arg) {
    HeapObject o;
    void **p = arg;
    *p = heap_find((uintptr_t)*p, &o) ? (void *)o.base : NULL;
}
static inline bool is_object(const void *p) {
    const void *found = p;
    sys_call(find_object_here, &found);
    return found == p;
}

typedef struct InUse {
    uint64_t objects, bytes;
} InUse;
static ON_SYSTEM_STACK void in_use_here(void *arg) {
    InUse *u = arg;
    heap_in_use(&u->objects, &u->bytes);
}
// What is in the heap, garbage that has not been swept included.
static inline InUse in_use(void) {
    InUse u;
    sys_call(in_use_here, &u);
    return u;
}

// An address that may lie anywhere without keeping its object.
static __attribute__((noinline, unused)) uintptr_t disguised(const void *p) {
    return ~(uintptr_t)p;
}
static inline void *revealed(uintptr_t hidden) {
    return (void *)~hidden;
}
// Overwrites what calls have left on the stack above, in the same segment, so not too much.
static __attribute__((noinline, unused)) void wipe(void) {
    volatile uint64_t words[64];
    for (int i = 0; i < 64; i++)
        words[i] = 0;
    __asm__ volatile("" : : "r"(words) : "memory");
}
