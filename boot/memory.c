// memory.c -- pages from the firmware for what outlives it: the image, BootInfo, boot page tables.
//
// The kernel finds them through the first 4 GiB, identity mapped, except that the image's link addresses show
// the image, wherever it lies (the window). So everything but the image is taken below 4 GiB and outside the
// window. A firmware that hands out window pages anyway is asked again; what it gave stays taken, so that it
// gives something else.
#include "boot/loader.h"
#include "boot/tables.h"

#define MAX_REFUSED 64 // page runs inside the window before we give up

static uint64_t window_end = IMAGE_BASE; // the window is [IMAGE_BASE, window_end)

void memory_set_image_window(uint64_t bytes) {
    window_end = IMAGE_BASE + (bytes + LARGE_PAGE - 1) / LARGE_PAGE * LARGE_PAGE;
}

void *memory_low(uint64_t pages, EFI_MEMORY_TYPE type, const char *what) {
    EFI_STATUS status = EFI_SUCCESS;
    for (unsigned refused = 0; refused < MAX_REFUSED; refused++) {
        EFI_PHYSICAL_ADDRESS at = LOW_LIMIT - 1;
        status = BS->AllocatePages(AllocateMaxAddress, type, pages, &at);
        if (EFI_ERROR(status)) break;
        if (at >= window_end || at + pages * 4096 <= IMAGE_BASE) {
            BS->SetMem((void *)at, pages * 4096, 0);
            return (void *)at;
        }
    }
    boot_fail("no memory below 4 GiB for %s, %u KiB (%r)", what, pages * 4, status);
}

uint64_t memory_image(uint64_t pages) {
    const uint64_t slack = LARGE_PAGE / 4096 - 1; // enough to round up to a 2 MiB border
    EFI_PHYSICAL_ADDRESS got = LOW_LIMIT - 1;
    EFI_STATUS status = BS->AllocatePages(AllocateMaxAddress, EfiLoaderData, pages + slack, &got);
    if (EFI_ERROR(status)) status = BS->AllocatePages(AllocateAnyPages, EfiLoaderData, pages + slack, &got);
    if (EFI_ERROR(status))
        boot_fail("no %u KiB of contiguous memory for the image (%r)", (pages + slack) * 4, status);

    uint64_t base = (got + LARGE_PAGE - 1) / LARGE_PAGE * LARGE_PAGE;
    uint64_t before = (base - got) / 4096, after = slack - before;
    if (before) BS->FreePages(got, before);
    if (after) BS->FreePages(base + pages * 4096, after);
    return base;
}
