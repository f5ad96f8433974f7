// gcstub.c -- weak bodies of what is not there yet; goes when the last of them is.
#include "core.h"
#define WEAK __attribute__((weak))
WEAK void heap_cache_black(P *p) {}
WEAK void heap_cache_flush(P *p) {}
WEAK void heap_sweep_begin(void) {}
WEAK bool heap_sweep_step(size_t pages) { return false; }
WEAK bool heap_sweep_done(void) { return true; }
WEAK void heap_allocated_black(uint64_t *objects, uint64_t *bytes) { *objects = *bytes = 0; }
WEAK void heap_in_use(uint64_t *objects, uint64_t *bytes) { *objects = *bytes = 0; }
