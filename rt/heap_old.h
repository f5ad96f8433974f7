// heap.h -- the heap of application objects: spans, size classes, and how an object is found from any address
// in it.
//
// One allocation, from the top:
//
//   heap_alloc(size, type)        on the goroutine's stack: size class, current span of this P, next slot;
//   zero it, note its type
//        | span full, or larger than 32 KB: sys_call
//   OldSpan                          a run of pages cut into slots of one class, of one kind: with pointers
//   (scan) or without
//        |
//   page_alloc, page_alloc_large  pages; a large object is a span of one slot, perhaps mapped from scattered
//   frames
//
// There is no collector yet, so no span is ever freed and a span's slots are handed out in order. What the
// collector needs is there: every page of a span leads to its OldSpan (page_owner), every slot of a scan span
// has the type descriptor of its object, and slots become visible (`used`) only after zeroing and typing
// (golang/go#54596).
//
// A slot's type is kept beside the slots, not inside (no header): alignment stays that of the class. The
// table lies behind the slots, or in the OldSpan when there are few. A type smaller than its slot repeats: an
// array's descriptor is its element's; the bytes behind the last element are zero and stay so.
#pragma once
#include "mem.h"

#define SPAN_FEW 8u // types of so many slots fit in the OldSpan itself

typedef struct OldSpan {
    uintptr_t base;
    size_t slot_bytes; // large object: its size
    size_t pages;
    uint32_t slots;
    _Atomic uint32_t
        used; // slots [0, used) are objects. Owner P stores with release, pairs with heap_find's acquire
    const Type **types;    // per slot; NULL: noscan
    struct OldSpan *all_next; // heap_spans, under its lock
    const Type *few[SPAN_FEW];
} OldSpan;

// Per P, in P.heap_cache. Owner P only; heap_stats reads the counts.
typedef struct OldCache {
    OldSpan *span[2][SIZE_CLASSES]; // [noscan][class]; NULL or has been full
    _Atomic size_t allocs, bytes;
    struct OldCache *next; // all of them
    bool known;
} OldCache;

// The object that contains addr; false: addr is in none. Any address, valid or not. System stack.
typedef struct OldObject {
    uintptr_t base;
    size_t bytes;     // slot size; large: size
    const Type *type; // NULL: noscan
} OldObject;

