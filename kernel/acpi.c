// acpi.c -- runs the parser (acpi_parse.c) over firmware's tables and says aloud what it refused.
//
// Tables are reached by map_acpi, which knows where firmware memory may be read. No AML is interpreted.
#include "kernel/acpi.h"
#include "kernel/kernel.h"

static AcpiInfo info;

const AcpiInfo *acpi_info(void) {
    return &info;
}

// Page by page, the last one remembered: each page outside the direct map is mapped once, however often it is
// read.
static bool read_phys(void *ctx, uint64_t phys, void *dst, size_t n) {
    static const uint8_t *page;
    static uint64_t page_phys;
    uint8_t *to = dst;
    for (size_t done = 0; done < n; done++) {
        uint64_t at = phys + done, base = at & ~(uint64_t)(PAGE_SIZE - 1);
        if (!page || page_phys != base) {
            page = map_acpi(base, PAGE_SIZE);
            page_phys = base;
            if (!page) return false;
        }
        to[done] = page[at - base];
    }
    return true;
}

static void say_refused(void *ctx, const char sig[4], uint64_t phys, const char *why) {
    char name[5];
    for (int i = 0; i < 4; i++)
        name[i] = sig[i] >= ' ' && sig[i] <= '~' ? sig[i] : '?';
    name[4] = 0;
    rt_printf("acpi: table %s at %lx left out: %s\n", name, phys, why);
}

void acpi_init(uint64_t rsdp) {
    if (rsdp == 0) {
        rt_printf("acpi: no tables; one core, no HPET, no PCI\n");
        return;
    }
    AcpiReader reader = {read_phys, say_refused, NULL};
    if (!acpi_parse(&reader, rsdp, &info)) return;
    if (!info.have_madt) rt_printf("acpi: no MADT; one core\n");
    if (info.cpu_duplicate) rt_printf("acpi: MADT names %u cores more than once\n", info.cpu_duplicate);
    if (info.cpu_lost)
        rt_printf("acpi: %u cores beyond the first %d left out\n", info.cpu_lost, ACPI_MAX_CPUS);
    if (info.mem_lost) rt_printf("acpi: %u SRAT memory ranges left out\n", info.mem_lost);
}
