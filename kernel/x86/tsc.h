// tsc.h -- reading the time-stamp counter in order, and making two cores' counters agree.
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "kernel/x86/cpu.h"

// A load before it in program order is not newer than the time.
static inline uint64_t tsc_ordered(void) {
    __asm__ volatile("lfence" : : : "memory");
    return cpu_rdtsc();
}

// Compares core `cpu`'s TSC with the caller's, the boot core's, and sets it right. The caller interrupts the core afterwards or
// before; it must come to tsc_sync_core soon. Returns what difference remains, in cycles; 0: none can be seen; INT64_MIN: no answer
// within half a second.
int64_t tsc_sync_boot(int cpu, void (*wake)(int cpu));
bool tsc_sync_wanted(int cpu); // the boot core waits for this core in tsc_sync_boot. [any]
void tsc_sync_core(int cpu);   // its other half, on that core, interrupts off
