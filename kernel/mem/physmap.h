// physmap.h -- firmware's memory map made clean; no machine in it, so that it is tested alone.
#pragma once
#include "kernel/kernel.h"

typedef struct {
    MemRange *ranges; // sorted in place
    size_t count;
    uint64_t limit;              // addresses from here on cannot be used
    uint64_t image_lo, image_hi; // the loaded image, whatever the map says
} PhysMapInput;

typedef void (*PhysMapSay)(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

// Writes sorted, disjoint, merged spans to out; returns how many. RAM spans are page aligned, inward. What is
// odd about the input is said aloud; what does not fit into out is left unused, aloud too.
size_t physmap_clean(const PhysMapInput *in, MemSpan *out, size_t capacity, PhysMapSay say);
