// memstats.h -- what the parts of the collector tell for MemStats (memstats.c).
#pragma once
#include "api/gcstats.h"
#include "mem.h"

// Of the cycle (gc.c, gcstats.c): written by the coordinator at stop 2, world stopped. All sums since the start.
typedef struct CycleFigures {
    uint64_t last_gc;
    uint64_t pause_total_ns, pause_ns[MEM_STATS_PAUSES], pause_end[MEM_STATS_PAUSES];
    uint32_t num_gc, num_forced_gc;
    uint32_t gc_cpu_ppm;
} CycleFigures;
extern CycleFigures gc_figures; // memstats.c
uint64_t gc_goal(void);          // heap_alloc at which the next cycle shall be over, as reckoned last (pace.c). World stopped
// A cycle ends; world stopped or not, the coordinator only. pause_ns: both stops; end: Unix time. Counts it.
void gc_figures_cycle(uint64_t pause_ns, uint64_t end, bool forced);

RecordBytes special_bytes(uint64_t *count); // finalizer.c: records of finalizers, and how many there are. System stack
