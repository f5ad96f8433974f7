// losses.h -- telling that input was lost: how much since the last time, once a second at most.
#pragma once
#include "kernel/kernel.h"

enum { LOSSES_TELL_NS = 1000000000 };

typedef struct Losses {
    uint64_t told;
    int64_t tell_at;
} Losses;

// `count`: all that was ever lost. Returns when to ask again, TIME_NEVER if everything has been told. Boot
// core, interrupts off.
static inline int64_t losses_tell(Losses *l, uint64_t count, int64_t now, const char *before,
                                  const char *after) {
    if (count == l->told) return TIME_NEVER;
    if (now < l->tell_at) return l->tell_at;
    rt_printf("%s%lu bytes lost%s\n", before, (unsigned long)(count - l->told), after);
    l->told = count;
    l->tell_at = now + LOSSES_TELL_NS;
    return TIME_NEVER;
}
