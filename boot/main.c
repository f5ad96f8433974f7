// main.c -- the UEFI way in: BOOTX64.EFI carries the image, places it, and leaves the firmware for it.
//
// Everything that can fail is done while the firmware still offers a console; after memmap_leave_firmware()
// there are only stores, and the jump. Debian's crt0 calls efi_main by the System V convention: it must not
// be EFIAPI.
#include "boot/loader.h"

typedef struct {
    BootInfo info;
    char cmdline[BOOT_CMDLINE_MAX];
} BootBlock;

EFI_STATUS efi_main(EFI_HANDLE self, EFI_SYSTEM_TABLE *system_table) {
    uint64_t tsc_start = tsc_read();
    InitializeLib(self, system_table);
    console_open(self);
    firmware_disarm_watchdog();

    ImageLayout layout;
    image_check(&layout);
    memory_set_image_window(layout.bytes);

    BootBlock *block = memory_low(PAGES(sizeof *block), EfiLoaderData, "the boot information");
    BootInfo *bi = &block->info;
    bi->magic = BOOTINFO_MAGIC;
    bi->version = BOOTINFO_VERSION;
    bi->source = BOOT_UEFI;
    bi->tsc_start = tsc_start;

    firmware_describe(bi);
    cmdline_find(self, bi, block->cmdline);
    image_place(&layout, bi);
    handoff_prepare(bi);
    memmap_prepare(bi);
    memmap_leave_firmware(self, bi);

    bi->tsc_exit = tsc_read();
    handoff_jump(bi, layout.entry);
}
