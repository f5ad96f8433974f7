// barrier.c -- (skeleton: interfaces only)
#include "core.h"

void gc_shade_slow(uintptr_t old) {}
void gc_shade_words_slow(const void *p, uint64_t bytes) {}
