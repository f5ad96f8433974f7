// tables.c -- builds the boot page tables.
//
// Everything is present, writable and executable, in 2 MiB pages (1 GiB pages are not everywhere), and no NX
// bit is set, so the tables hold whatever EFER.NXE is. They live for microseconds: W^X starts with the
// kernel's own tables.
#include "boot/tables.h"
#include <stddef.h>

#define PTE_TABLE   0x03ull // present, writable
#define PTE_LARGE   0x83ull // present, writable, 2 MiB
#define PTE_ADDRESS 0x000ffffffffff000ull

static uint64_t *pool_page(TablePool *pool) {
    if (pool->used == pool->capacity) return NULL;
    return pool->pages + 512 * pool->used++;
}

// The page directory entry for virt, with the tables above it made as needed; NULL: the pool is empty.
static uint64_t *large_entry(TablePool *pool, uint64_t *root, unsigned levels, uint64_t virt) {
    uint64_t *table = root;
    for (unsigned level = levels; level > 2; level--) {
        uint64_t *entry = &table[virt >> (12 + 9 * (level - 1)) & 511];
        if (*entry == 0) {
            uint64_t *below = pool_page(pool);
            if (!below) return NULL;
            *entry = (uint64_t)below | PTE_TABLE;
        }
        table = (uint64_t *)(*entry & PTE_ADDRESS);
    }
    return &table[virt >> 21 & 511];
}

bool tables_map(TablePool *pool, uint64_t *root, unsigned levels, uint64_t virt, uint64_t phys,
                uint64_t bytes) {
    for (uint64_t at = 0; at < bytes; at += LARGE_PAGE) {
        uint64_t *entry = large_entry(pool, root, levels, virt + at);
        if (!entry) return false;
        *entry = (phys + at) | PTE_LARGE;
    }
    return true;
}

uint64_t *tables_identity(TablePool *pool, unsigned levels) {
    uint64_t *root = pool_page(pool);
    if (!root || !tables_map(pool, root, levels, 0, 0, 1ull << 32)) return NULL;
    return root;
}
