// inject.h -- allocations that fail on purpose: GODEBUG=oomat=n,oomfor=k,oomkind=m.
//
// From the start of the program on, calls of the places below are counted, over all cores; calls n to n + k - 1 fail as if there were no memory (k: 1 by
// default; m: sum of the kinds that are counted, by default all). So a test walks over every place that can run out of memory
// (tests/test_oom.py). Off, a place costs a load and a branch.
#pragma once
#include "atomic.h"

enum {
    INJECT_PAGES = 1,   // page_alloc, page_alloc_large
    INJECT_RESERVE = 2, // what page_alloc_reserve tries last
    INJECT_SEGMENT = 4, // seg_alloc, seg_alloc_reserve
    INJECT_RECORD = 8,  // rec_alloc
    INJECT_MAP = 16,    // plat_vmap for a large object
    INJECT_ALL = 31,
};

extern bool inject_on; // hint_store
bool inject_slow(unsigned kind);
// True: fail. Any context.
static inline bool inject(unsigned kind) { return unlikely(hint_load(&inject_on)) && inject_slow(kind); }
void inject_start(uint32_t at, uint32_t calls, uint32_t kinds); // rt_main, tests; at 0: off
uint64_t inject_count(void);                                    // calls so far; 0: off
