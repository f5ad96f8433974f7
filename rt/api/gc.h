// api/gc.h -- the collector's doors (Go: runtime.GC, runtime/debug). It works by itself; none of this is needed for that.
#pragma once
#include <stdint.h>

// Collects: returns when everything that was garbage at the call is freed (Go: runtime.GC). Parks.
void gc_collect(void);
