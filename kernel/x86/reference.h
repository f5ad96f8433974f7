// reference.h -- the board's clocks of known speed: what the TSC is measured against, and what time is read
// from when the TSC cannot be trusted.
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "kernel/x86/cpu.h"

typedef enum { REFERENCE_MEMORY_64, REFERENCE_MEMORY_32, REFERENCE_PORT_32, REFERENCE_PIT } ReferenceKind;

typedef struct Reference {
    const char *name;
    uint64_t hz, mask; // mask: of a counter that wraps; 2^n - 1
    ReferenceKind kind;
    uint16_t port;         // of REFERENCE_PORT_32
    volatile void *memory; // of REFERENCE_MEMORY_*
} Reference;

// The counter's value, of any kind but the PIT. [any] a leaf, for where stack is short
static inline uint64_t reference_read_wide(const Reference *r) {
    if (r->kind == REFERENCE_PORT_32) return cpu_in32(r->port);
    return r->kind == REFERENCE_MEMORY_64 ? *(volatile uint64_t *)r->memory : *(volatile uint32_t *)r->memory;
}
uint64_t reference_read(const Reference *r); // of any kind. [boot] for the PIT: two steps

// [boot] false: this machine has none, or it stands still. Opening one twice is harmless.
bool reference_hpet(Reference *r);
bool reference_pm_timer(Reference *r);
bool reference_pit(Reference *r);     // only where the tables do not deny it
bool reference_any_pit(Reference *r); // even there: some machines that call themselves legacy-free have one
