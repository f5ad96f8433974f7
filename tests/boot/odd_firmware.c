// odd_firmware.c -- what firmware may have done before it starts a loader: for tests, linked in front of the
// real one.
//
// ODD_4K: the screen is in a mode of 3840 by 2160. OVMF has such modes and chooses a smaller one.
// ODD_WATCHDOG: the watchdog is set to WATCHDOG_SECONDS, and the loader takes longer than that: its first
// request for pages does. ODD_WATCHDOG=2: it is set only then, when the loader has already disarmed it; so
// the machine must be reset, or the test would show nothing.
#include <efi.h>

enum { WATCHDOG_SECONDS = 1, SLOW_SECONDS = 3, TICKS_A_SECOND = 10000000, STALL_US = 10000 };

EFI_STATUS loader_main(EFI_HANDLE self, EFI_SYSTEM_TABLE *table);
EFI_STATUS efi_main(EFI_HANDLE self, EFI_SYSTEM_TABLE *table);

#ifdef ODD_4K
static void odd(EFI_BOOT_SERVICES *bs) {
    EFI_GUID guid = EFI_GRAPHICS_OUTPUT_PROTOCOL_GUID;
    EFI_GRAPHICS_OUTPUT_PROTOCOL *gop;
    if (EFI_ERROR(bs->LocateProtocol(&guid, NULL, (void **)&gop))) return;
    for (UINT32 mode = 0; mode < gop->Mode->MaxMode; mode++) {
        EFI_GRAPHICS_OUTPUT_MODE_INFORMATION *info;
        UINTN bytes;
        if (EFI_ERROR(gop->QueryMode(gop, mode, &bytes, &info))) continue;
        if (info->HorizontalResolution == 3840 && info->VerticalResolution == 2160) gop->SetMode(gop, mode);
    }
}
#endif

#ifdef ODD_WATCHDOG
static EFI_BOOT_SERVICES *services;
static EFI_ALLOCATE_PAGES allocate_pages;

static EFI_STATUS EFIAPI slow_allocate_pages(EFI_ALLOCATE_TYPE how, EFI_MEMORY_TYPE type, UINTN pages,
                                             EFI_PHYSICAL_ADDRESS *at) {
    services->AllocatePages = allocate_pages; // once
    if (ODD_WATCHDOG == 2) services->SetWatchdogTimer(WATCHDOG_SECONDS, 0x10000, 0, NULL);
    // By a timer of the firmware's own, as its watchdog is: on a busy host it gets fewer ticks than it
    // counts.
    EFI_EVENT end;
    services->CreateEvent(EVT_TIMER, 0, NULL, NULL, &end);
    services->SetTimer(end, TimerRelative, (UINT64)SLOW_SECONDS * TICKS_A_SECOND);
    while (services->CheckEvent(end) != EFI_SUCCESS)
        services->Stall(STALL_US);
    services->CloseEvent(end);
    return allocate_pages(how, type, pages, at);
}

static void odd(EFI_BOOT_SERVICES *bs) {
    services = bs;
    allocate_pages = bs->AllocatePages;
    bs->AllocatePages = slow_allocate_pages;
    bs->SetWatchdogTimer(WATCHDOG_SECONDS, 0x10000, 0, NULL);
}
#endif

EFI_STATUS efi_main(EFI_HANDLE self, EFI_SYSTEM_TABLE *table) {
    odd(table->BootServices);
    return loader_main(self, table);
}
