// elfcheck.h -- is this file an image that can be placed, and where do its parts go?
#pragma once
#include <stdint.h>

#define IMAGE_MAX_SEGMENTS 8
#define IMAGE_LIMIT        0x80000000ull // link addresses end here: the small code model

typedef struct {
    uint64_t offset, file_bytes;    // in the file
    uint64_t address, memory_bytes; // link address; beyond file_bytes: zeros
} ImageSegment;

typedef struct {
    ImageSegment segments[IMAGE_MAX_SEGMENTS]; // ascending, page aligned, disjoint
    uint32_t count;
    uint64_t bytes; // from IMAGE_BASE to the end of the last segment, page multiple
    uint64_t entry; // link address of kernel_entry
} ImageLayout;

// Returns NULL and fills *layout, or returns what is wrong. Reads nothing outside [file, file + bytes). Knows
// no firmware: tests/unit/test_boot.c feeds it damaged files.
const char *elf_check(const void *file, uint64_t bytes, ImageLayout *layout);
