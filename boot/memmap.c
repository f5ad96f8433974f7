// memmap.c -- the firmware's memory map becomes ours, at the moment when the firmware is left.
//
// ExitBootServices wants the key of the newest map, and may refuse because something (a timer of the
// firmware) changed the map in between; after a refusal only these two calls are allowed. So all memory is
// taken before, with room for the map to grow, and the two calls are repeated a bounded number of times.
#include "boot/loader.h"
#include "boot/earlyport.h"
#include "boot/memrange.h"

#define EXIT_ATTEMPTS         16
#define SPARE_RANGES          64 // the map grows by our own allocations, and by splitting
#define EFI_MEMORY_RUN        0x8000000000000000ull
#define EFI_MEMORY_WRITE_BACK 0x8ull

static uint8_t *raw;       // EFI_MEMORY_DESCRIPTOR[], each raw_step bytes
static UINTN raw_capacity; // bytes
static MemMap map;

void memmap_prepare(BootInfo *bi) {
    UINTN bytes = 0, key, step = 0;
    UINT32 version;
    EFI_STATUS status = BS->GetMemoryMap(&bytes, NULL, &key, &step, &version);
    if (status != EFI_BUFFER_TOO_SMALL || step < sizeof(EFI_MEMORY_DESCRIPTOR))
        boot_fail("the firmware gives no memory map (%r)", status);

    raw_capacity = bytes + SPARE_RANGES * step;
    raw = memory_low(PAGES(raw_capacity), EfiLoaderData, "the firmware's memory map");
    map.capacity = (uint32_t)(raw_capacity / step + SPARE_RANGES);
    map.ranges = memory_low(PAGES(map.capacity * sizeof(MemRange)), EfiLoaderData, "the memory map");
    bi->mem_map = (uint64_t)map.ranges;
}

static MemType type_of(const EFI_MEMORY_DESCRIPTOR *d) {
    if (d->Attribute & EFI_MEMORY_RUN) return MEM_EFI_RUNTIME; // whatever it is: ResetSystem may need it
    switch (d->Type) {
    case EfiConventionalMemory:
        return d->Attribute & EFI_MEMORY_WRITE_BACK ? MEM_USABLE : MEM_RESERVED;
    case EfiLoaderCode:
    case EfiLoaderData:
    case EfiBootServicesCode:
    case EfiBootServicesData:
        return MEM_BOOT;
    case EfiACPIReclaimMemory:
    case EfiACPIMemoryNVS:
        return MEM_ACPI; // NVS: the FACS lies there
    case EfiRuntimeServicesCode:
    case EfiRuntimeServicesData:
        return MEM_EFI_RUNTIME;
    default:
        return MEM_RESERVED;
    }
}

static void convert(UINTN bytes, UINTN step) {
    for (UINTN at = 0; at + step <= bytes; at += step) {
        const EFI_MEMORY_DESCRIPTOR *d = (const EFI_MEMORY_DESCRIPTOR *)(raw + at);
        uint64_t pages = d->NumberOfPages < UINT64_MAX / 4096 ? d->NumberOfPages : UINT64_MAX / 4096;
        memmap_add(&map, (MemRange){d->PhysicalStart, pages * 4096, type_of(d), (uint32_t)d->Attribute});
    }
}

void memmap_leave_firmware(EFI_HANDLE image, BootInfo *bi) {
    UINTN bytes = 0, key = 0, step = 0;
    UINT32 version;
    EFI_STATUS status = EFI_SUCCESS;
    for (unsigned attempt = 0; attempt < EXIT_ATTEMPTS; attempt++) {
        bytes = raw_capacity;
        status = BS->GetMemoryMap(&bytes, (EFI_MEMORY_DESCRIPTOR *)raw, &key, &step, &version);
        if (!EFI_ERROR(status)) status = BS->ExitBootServices(image, key);
        if (!EFI_ERROR(status)) break;
    }
    if (EFI_ERROR(status)) { // the console may be gone already
        early_puts("burrow: cannot boot: the firmware does not let go (ExitBootServices)\n");
        early_exit_failed();
        for (;;)
            __asm__ volatile("cli; hlt");
    }

    __asm__ volatile("cli");
    convert(bytes, step);
    memmap_carve(&map, bi->image_phys, bi->image_bytes, MEM_BOOT, MEM_IMAGE);
    bi->mem_count = map.count;
    bi->mem_lost = map.lost;
    bi->mem_lost_bytes = map.lost_bytes;
}
