// layout.h -- the address map, drawn, and the symbols of the image (boot/image.ld).
//
//   0x0000000000000000  page zero      never mapped: a nil access faults
//   0x0000000000001000  low memory     unmapped, but for the AP trampoline's page until all cores are up
//   0x0000000000200000  image          IMAGE_BASE, wherever it was loaded:
//                                      text R-X | rodata R-- | data, bss RW- | blobs R--
//   0x0000000080000000                 end of the small code model; nothing from here on
//   0xffff800000000000  direct map     + physical address: RAM and ACPI tables only, never executable;
//                                      RW-, but R-- where it shows text, rodata, blobs and ACPI tables
//   0xffffc00000000000  vmap arena     large objects out of scattered frames (vmap.c), RW-
//   0xffffd00000000000  MMIO           device registers, UC or WC; firmware tables outside RAM, R--
//   0xffffe00000000000  kernel stacks  1 MiB a core, a slot a stack: [guard page | stack | unmapped rest]
//
// The addresses are canonical with four and with five levels of tables (LA57), and mean the same with both.
#pragma once
#include <stdint.h>
#include "boot/bootinfo.h"

#define DIRECT_BASE  0xffff800000000000ull
#define DIRECT_BYTES 0x0000400000000000ull // 64 TiB of physical addresses
#define VMAP_BASE    0xffffc00000000000ull
#define VMAP_BYTES   0x0000100000000000ull // 16 TiB
#define MMIO_BASE    0xffffd00000000000ull
#define MMIO_BYTES   0x0000100000000000ull
#define KSTACK_BASE  0xffffe00000000000ull
#define KSTACK_SLOT  (64ull * 1024) // guard page, stack of at most KSTACK_SLOT - PAGE_SIZE
#define KSTACK_SLOTS 16ull          // per core
#define LOW_LIMIT    0x100000ull // physical memory below is not handed out: firmware was seen to write there

_Static_assert(DIRECT_BASE + DIRECT_BYTES == VMAP_BASE && VMAP_BASE + VMAP_BYTES == MMIO_BASE &&
                   MMIO_BASE + MMIO_BYTES == KSTACK_BASE,
               "the drawing above");

// Page aligned; see boot/image.ld.
extern char __image_start[], __text_start[], __text_end[], __rodata_start[], __rodata_end[], __data_start[],
    __data_end[], __blobs_start[], __image_end[];
