// inject.c -- see inject.h.
#include "inject.h"

bool inject_on;
static uint64_t first, last;  // constant while others allocate
static uint32_t counted_kinds;
static _Atomic uint64_t calls; // pairs with nothing: only the count matters

void inject_start(uint32_t at, uint32_t n, uint32_t kinds) {
    first = at;
    last = (uint64_t)at + (n ? n : 1) - 1;
    counted_kinds = kinds ? kinds : INJECT_ALL;
    store_relaxed(&calls, 0);
    hint_store(&inject_on, at != 0);
}

bool inject_slow(unsigned kind) {
    if (!(kind & counted_kinds)) return false;
    uint64_t i = fetch_add(&calls, 1) + 1;
    return i >= first && i <= last;
}

uint64_t inject_count(void) { return load_relaxed(&calls); }
