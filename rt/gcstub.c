// gcstub.c -- weak bodies of what is not there yet; goes when the last of them is.
#include "core.h"
#define WEAK __attribute__((weak))
WEAK void gc_mark_begin(void) {}
WEAK uint64_t gc_drain(P *p, uint64_t budget, bool (*enough)(P *p)) { return 0; }
WEAK bool gc_work_exists(void) { return false; }
WEAK void gc_work_flush(P *p) {}
WEAK void gc_barrier_flush(P *p) {}
WEAK bool gc_mark_finish(uint64_t budget) { return true; }
WEAK void gc_scan_before_run(P *p, G *g) {}
WEAK void gc_marked(uint64_t *objects, uint64_t *bytes) { *objects = *bytes = 0; }
WEAK uint64_t gc_scan_work(void) { return 0; }
WEAK uint64_t gc_root_bytes(void) { return 0; }
WEAK void gc_verify(void) {}
WEAK void heap_cache_black(P *p) {}
WEAK void heap_cache_flush(P *p) {}
WEAK void heap_sweep_begin(void) {}
WEAK bool heap_sweep_step(size_t pages) { return false; }
WEAK bool heap_sweep_done(void) { return true; }
WEAK void heap_allocated_black(uint64_t *objects, uint64_t *bytes) { *objects = *bytes = 0; }
WEAK void heap_in_use(uint64_t *objects, uint64_t *bytes) { *objects = *bytes = 0; }
WEAK void gc_mark_word(P *p, uintptr_t word) {}
WEAK void gc_scan_object(P *p, uintptr_t obj) {}
