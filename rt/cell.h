// cell.h -- stores of pointers into heap memory for the rest of rt: the barrier of gc.h and the store as one step.
//
// Goroutine's or system stack, no lock of rank > RANK_RECORD, like gc_shade.
#pragma once
#include "gc.h"
#include <stddef.h>

// A store in the program's name (cell.c). No frame: every path leaves by a jump. (gcc does not keep %rbp then, whatever the build's flags say.)
#define CELL_LEAF __attribute__((section("rt_leaf_cells"), optimize("omit-frame-pointer")))

// *slot = v, for a pointer-sized field at any place, in the heap or not.
#define slot_store(slot, v)                                                                                  \
    do {                                                                                                     \
        gc_shade((const void *)*(slot));                                                                     \
        *(slot) = (v);                                                                                       \
    } while (0)

// Copies or clears words that hold pointers, shading what was there; between pieces of 64 KB others may run, so on a goroutine's stack
// only. bytes: a multiple of 8. The blocks may overlap.
void cells_copy(void *dst, const void *src, size_t bytes);
void cells_clear(void *dst, size_t bytes);
