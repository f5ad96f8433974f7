// tsc.h -- reading the time-stamp counter in order, and making the cores' counters agree.
#pragma once
#include <stdint.h>
#include "kernel/x86/cpu.h"

// A load before it in program order is not newer than the time.
static inline uint64_t tsc_ordered(void) {
    __asm__ volatile("lfence" : : : "memory");
    return cpu_rdtsc();
}

// On the boot core, before others start.
void tsc_sync_init(void);
// On a core that starts, interrupts off: compares its counter with the boot core's, which runs tsc_sync_pump
// meanwhile, and sets it right. Takes a millisecond at most.
void tsc_sync_core(int cpu);
// On the boot core, over and over while cores [1, count) start: a short step.
void tsc_sync_pump(int count);
// What was found: *corrected cycles were added to the core's counter; returns the cycles by which it still
// differs, 0: none visible.
int64_t tsc_sync_result(int cpu, int64_t *corrected);
