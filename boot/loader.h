// loader.h -- what the parts of the UEFI loader share.
//
// The loader is a GNU-EFI program that runs once, on one core, until it jumps to kernel_entry(). A step that
// cannot succeed calls boot_fail(), so that main.c reads as the list of steps. ST, BS and RT are gnu-efi's
// names for the system table, the boot services and the runtime services; calls use the Microsoft convention
// (GNU_EFI_USE_MS_ABI).
#pragma once
#include <efi.h>
#include <efilib.h>
#include <stdbool.h>
#include <stdint.h>
#include "boot/bootinfo.h"
#include "boot/elfcheck.h"

#define LOW_LIMIT    (1ull << 32)                 // BootInfo, tables and trampoline lie below
#define PAGES(bytes) (((bytes) + 4095ull) / 4096) // of 4 KiB, as the firmware counts

// ---- console.c
void console_open(EFI_HANDLE self);
// Prints on the firmware's console and on COM1. Understands %s (ASCII), %u, %x (both uint64_t), %r
// (EFI_STATUS).
void console_print(const char *format, ...);
// Says why this boot ends, gives a reader time, ends QEMU with a failure or returns EFI_LOAD_ERROR to the
// firmware.
_Noreturn void boot_fail(const char *format, ...);

// ---- memory.c: pages from the firmware, zeroed, never given back
// Addresses that the low identity map will not reach, because the image's link addresses are mapped there.
void memory_set_image_window(uint64_t bytes);
// Below 4 GiB and outside that window. `what` names it when there is none.
void *memory_low(uint64_t pages, EFI_MEMORY_TYPE type, const char *what);
// Contiguous, on a 2 MiB border, below 4 GiB if possible.
uint64_t memory_image(uint64_t pages);

// ---- image.c
void image_check(ImageLayout *layout);                     // fails, by name, for a damaged image
void image_place(const ImageLayout *layout, BootInfo *bi); // sets image_phys, image_bytes

// ---- firmware.c
void firmware_disarm_watchdog(void);
void firmware_describe(BootInfo *bi); // vendor, ACPI, ResetSystem, frame buffer

// ---- cmdline.c
void cmdline_find(EFI_HANDLE image, BootInfo *bi, char *buffer); // buffer: BOOT_CMDLINE_MAX bytes

// ---- memmap.c
void memmap_prepare(BootInfo *bi);
void memmap_leave_firmware(EFI_HANDLE image, BootInfo *bi); // afterwards no EFI call is possible

// ---- handoff.c
void handoff_prepare(const BootInfo *bi);
_Noreturn void handoff_jump(BootInfo *bi, uint64_t entry);

static inline uint64_t tsc_read(void) {
    uint32_t low, high;
    __asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
    return (uint64_t)high << 32 | low;
}
