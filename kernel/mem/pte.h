// pte.h -- page table entries, and how to walk them; for paging.c and vmap.c only.
//
// All tables are reached through the direct map. There is one set of tables for all cores: %cr3 never changes
// after start.
#pragma once
#include "kernel/kernel.h"

#define PTE_P     (1ull << 0)
#define PTE_W     (1ull << 1)
#define PTE_PWT   (1ull << 3) // PAT entry 1: write-combining (paging_load)
#define PTE_PCD   (1ull << 4) // with PWT, PAT entry 3: uncached
#define PTE_A     (1ull << 5)
#define PTE_D     (1ull << 6)
#define PTE_LARGE (1ull << 7) // in a PD or PDPT entry
#define PTE_NX    (1ull << 63)
#define PTE_ADDR  0x000ffffffffff000ull

#define PTES 512u

// Leaves are born accessed and dirty: nobody reads those bits here, and setting them later costs the CPU a
// locked write.
#define PTE_LEAF_RX (PTE_P | PTE_A | PTE_D)
#define PTE_TABLE   (PTE_P | PTE_W | PTE_A) // the leaves restrict

extern uint64_t pte_nx; // PTE_NX, or 0 on a CPU without it

// Level 1 is the page table, 4 the PML4, 5 the PML5. Address bits that index a table of that level, and what
// one entry of it maps.
static inline unsigned pte_index(uintptr_t addr, int level) {
    return (unsigned)(addr >> (12 + 9 * (level - 1))) % PTES;
}
static inline uint64_t pte_span(int level) {
    return 1ull << (12 + 9 * (level - 1));
}
static inline uint64_t *pte_table(uint64_t entry) {
    return phys_to_virt(entry & PTE_ADDR);
}

int paging_levels(void); // 4 or 5
