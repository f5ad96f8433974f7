// rtc.h -- the battery clock.
#pragma once
#include <stdint.h>

// Seconds since 1970, taking the clock as UTC; 0: no clock, or it says nothing sensible. Takes milliseconds
// at most. [boot]
int64_t rtc_read(void);
