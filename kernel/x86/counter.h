// counter.h -- time from a counter of the board, for machines whose TSC does not serve as a clock.
#pragma once
#include <stdbool.h>
#include <stdint.h>

// Opens HPET or PM timer; time begins at 0 now. Its name, or NULL: this machine has neither. [boot]
const char *counter_open(void);
// Nanoseconds since counter_open, never backwards, the same on all cores. [any] small; a microsecond or more
int64_t counter_now_ns(void);
// Somebody must call counter_now_ns at least as often as this.
int64_t counter_keep_ns(void);
