// bootinfo.h -- the one struct that the boot stage hands to the kernel.
//
// Both ways in (UEFI: boot/main.c, PVH: kernel/x86/pvh.asm + kernel/x86/pvh.c) fill the same struct, so
// that the kernel knows no firmware. It and everything it points to lie below 4 GiB, identity mapped
// at entry, in memory that the memory map calls MEM_BOOT; the kernel copies what it keeps.
//
// State at kernel_entry(BootInfo *in rdi): long mode, interrupts off, SSE enabled, the image mapped at its
// link addresses (IMAGE_BASE...), the first 4 GiB identity mapped, writable; any stack. Never returns.
#pragma once
#include <stdint.h>

#define BOOTINFO_MAGIC   0x31574f5252554200ull // "\0BURROW1"
#define BOOTINFO_VERSION 3u
#define IMAGE_BASE       0x200000ull // link address of the image: low, for the small code model
#define BOOT_CMDLINE_MAX 4096u // bytes of a command line, the NUL included; a longer one is refused by name

typedef enum {
    MEM_USABLE = 1, // free RAM
    MEM_BOOT = 2,   // BootInfo, boot page tables, EFI boot services data: RAM after the kernel has copied it
    MEM_IMAGE = 3,  // the loaded image: RAM in use for ever
    MEM_ACPI = 4,   // ACPI tables: RAM, readable; treated as reserved
    MEM_RESERVED = 5,    // not RAM, or not ours
    MEM_EFI_RUNTIME = 6, // code and data of the EFI runtime services; mapped for ResetSystem only
} MemType;

typedef struct {
    uint64_t base; // physical, as firmware gave it (the kernel checks alignment and overlap)
    uint64_t bytes;
    uint32_t type; // MemType
    uint32_t attr; // low 32 bits of the EFI attribute word, 0 under PVH
} MemRange;

typedef struct {
    uint64_t base; // physical; 0: none
    uint32_t width, height, stride_px;
    uint32_t format; // 0: BGRX (EFI PixelBlueGreenRedReserved8BitPerColor), 1: RGBX
} BootFramebuffer;

// Date and time as the firmware tells it; year 0: unknown.
typedef struct {
    uint64_t tsc; // when it was asked
    uint16_t year;
    uint8_t month, day, hour, minute, second, reserved;
    int16_t zone; // minutes that it is behind UTC, negative: ahead
    uint16_t reserved2[3];
} BootTime;

typedef enum { BOOT_UEFI = 1, BOOT_PVH = 2 } BootSource;

typedef struct BootInfo {
    uint64_t magic;
    uint32_t version;
    uint32_t source; // BootSource

    uint64_t image_phys;  // where link address IMAGE_BASE was placed; contiguous from there
    uint64_t image_bytes; // to the end of bss and blobs, page multiple

    uint64_t mem_map; // physical address of MemRange[mem_count], in firmware's order, unmerged
    uint32_t mem_count;
    uint32_t mem_lost;       // entries that did not fit (reported aloud, never silently)
    uint64_t mem_lost_bytes; // usable, in them

    uint64_t rsdp;    // physical; 0: none known
    uint64_t cmdline; // physical address of a NUL-terminated UTF-8 string; 0: none
    BootFramebuffer fb;

    uint64_t efi_system_table; // physical; 0 under PVH
    uint64_t efi_reset_system; // physical address of RuntimeServices->ResetSystem; 0: none

    BootTime time;

    uint64_t tsc_start; // TSC at the first instruction of ours
    uint64_t tsc_exit;  // TSC after ExitBootServices (PVH: = tsc_start)
    char firmware[48];  // vendor string, ASCII, NUL-terminated
} BootInfo;

_Static_assert(sizeof(MemRange) == 24, "MemRange is shared with assembly");
_Static_assert(sizeof(BootInfo) == 200, "BootInfo is shared between boot and kernel");
