// assist.c -- (first step)
#include "gcrun.h"

void gc_allocated(uint64_t bytes) {}
