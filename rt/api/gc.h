// api/gc.h -- the collector's doors (Go: runtime.GC, runtime/debug). It works by itself; none of this is needed for that.
#pragma once
#include <stdint.h>

// Collects: returns when everything that was garbage at the call is freed (Go: runtime.GC). Parks.
void gc_collect(void);

// GOGC from now on: the heap may grow by so many percent between two cycles' ends; negative: no cycles but forced ones and those of the memory limit. Returns the
// previous value (Go: debug.SetGCPercent). May park.
int gc_set_percent(int percent);
// All memory that the runtime may use, in bytes, as far as collecting helps; INT64_MAX: no limit. At first GOMEMLIMIT, else the machine's
// memory less a reserve of one part in 32. Negative: changes nothing, and so tells the limit. Returns the previous value (Go:
// debug.SetMemoryLimit). May park.
int64_t gc_set_memory_limit(int64_t bytes);
