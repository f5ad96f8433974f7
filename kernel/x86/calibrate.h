// calibrate.h -- how fast the TSC runs.
#pragma once
#include <stdint.h>

typedef struct Calibration {
    uint64_t tsc_hz;
    uint64_t apic_timer_hz; // divided clock
    const char *source;     // "HPET", "PM timer", "PIT", "CPUID leaf 15h", ...
} Calibration;

// Never fails: throws when there is nothing to measure against. Takes some 10 ms. [boot], apic_init_core done
Calibration calibrate(void);
