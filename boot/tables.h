// tables.h -- the boot page tables: enough address space to reach the kernel, which then builds its own.
#pragma once
#include <stdbool.h>
#include <stdint.h>

#define LARGE_PAGE       (2ull << 20)
#define BOOT_TABLE_PAGES 32 // two sets of at most 14

// Zeroed 4 KiB pages, used at the addresses where they lie.
typedef struct {
    uint64_t *pages;
    uint32_t used, capacity; // pages
} TablePool;

// Returns a root table that maps the first 4 GiB to themselves, or NULL when the pool is empty. Levels: 4, or
// 5 where the firmware left the processor in LA57 mode.
uint64_t *tables_identity(TablePool *pool, unsigned levels);
// Maps [virt, virt + bytes) to phys by 2 MiB pages, in place of what was there. virt and phys are LARGE_PAGE
// aligned. False: the pool is empty.
bool tables_map(TablePool *pool, uint64_t *root, unsigned levels, uint64_t virt, uint64_t phys,
                uint64_t bytes);
