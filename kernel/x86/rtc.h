// rtc.h -- date and time at boot: from the firmware, else from the battery clock.
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "boot/bootinfo.h"

// What the firmware told before it was left; rtc_read prefers it. [boot], before clock_init
void rtc_firmware_time(const BootTime *t);
// Seconds since 1970, taking a clock that names no time zone as UTC; 0: no clock, or it says nothing
// sensible (said). Takes milliseconds at most. [boot]
int64_t rtc_read(void);
// Returns when the battery clock's second changes. False: there is none, or it stands still; known within a
// minute. [boot]
bool rtc_next_second(void);
