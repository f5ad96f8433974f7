// pvh.c -- fills BootInfo from what a PVH loader hands over (xen/interface/hvm/start_info.h: hvm_start_info).
//
// Runs once, on pvh.asm's boot stack, with the first 4 GiB identity mapped. The start info, command line and
// memory map lie in RAM that the map calls usable, so all are copied into the image. PVH knows neither
// framebuffer nor EFI; its RSDP is an ACPI 1.0 one under QEMU.
#include "boot/bootinfo.h"
#include "boot/memrange.h"
#include "boot/earlyport.h"

#define HVM_START_MAGIC 0x336ec578u
#define PVH_MAX_RANGES  256u // QEMU gives about ten
#define PVH_SPARE       32u  // for the image, if sixteen ranges claim its place
#define FOUR_GIB        (1ull << 32)

typedef struct {
    uint32_t magic, version;
    uint32_t flags, module_count;
    uint64_t modules, cmdline, rsdp;
    uint64_t memmap; // from version 1 on
    uint32_t memmap_count;
    uint32_t reserved;
} HvmStartInfo;
_Static_assert(sizeof(HvmStartInfo) == 56, "layout of the PVH ABI");

typedef struct {
    uint64_t base, bytes;
    uint32_t type; // as e820
    uint32_t reserved;
} HvmMemRange;
_Static_assert(sizeof(HvmMemRange) == 24, "layout of the PVH ABI");

extern char __image_start[], __image_end[];

BootInfo *pvh_boot_info(const HvmStartInfo *start, uint64_t tsc); // called by pvh.asm alone

static BootInfo boot_info;
static MemRange boot_ranges[PVH_MAX_RANGES];
static char boot_cmdline[BOOT_CMDLINE_MAX];

// A boot that cannot go on: names the reason on COM1 and ends QEMU with a failure.
static _Noreturn void pvh_fail(const char *why) {
    early_puts("burrow: cannot boot: ");
    early_puts(why);
    early_puts("\n");
    early_exit_failed();
    for (;;)
        __asm__ volatile("cli; hlt");
}

static MemType memtype_of_e820(uint32_t type) {
    switch (type) {
    case 1:
        return MEM_USABLE;
    case 3:
        return MEM_ACPI; // tables
    case 4:
        return MEM_ACPI; // NVS: the FACS may lie there
    default:
        return MEM_RESERVED;
    }
}

static void copy_memory_map(const HvmStartInfo *start) {
    if (start->version < 1 || start->memmap == 0 || start->memmap_count == 0)
        pvh_fail("the PVH loader gave no memory map (start info version 0)");
    if (start->memmap >= FOUR_GIB || start->memmap_count > (FOUR_GIB - start->memmap) / sizeof(HvmMemRange))
        pvh_fail("the PVH memory map lies above 4 GiB");

    const HvmMemRange *e820 = (const HvmMemRange *)start->memmap;
    uint64_t base = (uint64_t)__image_start, bytes = (uint64_t)(__image_end - __image_start);
    MemMap map = {.ranges = boot_ranges,
                  .capacity = PVH_MAX_RANGES,
                  .spare = PVH_SPARE,
                  .keep_base = base,
                  .keep_bytes = bytes};
    for (uint32_t i = 0; i < start->memmap_count; i++)
        memmap_add(&map, (MemRange){e820[i].base, e820[i].bytes, memtype_of_e820(e820[i].type), 0});

    if (map.lost_claims) pvh_fail("the memory map reserves more than 224 ranges");
    if (!memmap_covers(&map, base, bytes, MEM_USABLE))
        pvh_fail("the image does not fit into this machine's RAM");
    memmap_carve(&map, base, bytes, MEM_USABLE, MEM_IMAGE);

    boot_info.image_phys = base;
    boot_info.image_bytes = bytes;
    boot_info.mem_map = (uint64_t)boot_ranges;
    boot_info.mem_count = map.count;
    boot_info.mem_lost = map.lost;
    boot_info.mem_lost_bytes = map.lost_bytes;
}

static void copy_cmdline(uint64_t phys) {
    if (phys == 0) return;
    if (phys >= FOUR_GIB - BOOT_CMDLINE_MAX) pvh_fail("the command line lies above 4 GiB");
    const char *from = (const char *)phys;
    uint32_t n = 0;
    while (n < BOOT_CMDLINE_MAX && from[n])
        n++;
    if (n == BOOT_CMDLINE_MAX) pvh_fail("the command line is longer than 4095 bytes");
    for (uint32_t i = 0; i < n; i++)
        boot_cmdline[i] = from[i];
    boot_info.cmdline = n ? (uint64_t)boot_cmdline : 0;
}

BootInfo *pvh_boot_info(const HvmStartInfo *start, uint64_t tsc) {
    if (!start || start->magic != HVM_START_MAGIC)
        pvh_fail("the PVH start info has no magic number (QEMU writes a command line over 4 KB across it)");

    boot_info.magic = BOOTINFO_MAGIC;
    boot_info.version = BOOTINFO_VERSION;
    boot_info.source = BOOT_PVH;
    boot_info.tsc_start = boot_info.tsc_exit = tsc;
    boot_info.rsdp = start->rsdp;
    copy_memory_map(start);
    copy_cmdline(start->cmdline);

    static const char name[] = "PVH";
    for (unsigned i = 0; i < sizeof name; i++)
        boot_info.firmware[i] = name[i];
    return &boot_info;
}
