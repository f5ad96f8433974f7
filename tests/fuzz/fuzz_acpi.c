// fuzz_acpi.c -- ACPI tables: the input is the memory from BASE on, the RSDP first.
#include "fuzz.h"
#include "kernel/acpi_parse.c"

enum { BASE = 0x1000 };

typedef struct {
    const uint8_t *data;
    size_t size;
    unsigned refused;
} Memory;

static bool read_memory(void *ctx, uint64_t phys, void *dst, size_t n) {
    const Memory *m = ctx;
    if (phys < BASE || phys - BASE > m->size || n > m->size - (phys - BASE)) return false;
    memcpy(dst, m->data + (phys - BASE), n);
    return true;
}
static void refused(void *ctx, const char sig[4], uint64_t phys, const char *why) {
    MUST(sig && why && *why);
    ((Memory *)ctx)->refused++;
}

static void check_cores(const AcpiInfo *a) {
    MUST(a->cpu_count <= ACPI_MAX_CPUS);
    for (unsigned i = 0; i < a->cpu_count; i++)
        for (unsigned k = 0; k < i; k++)
            MUST(a->cpus[i].apic_id != a->cpus[k].apic_id);
}

static void check_devices(const AcpiInfo *a) {
    MUST(a->ioapic_count <= ACPI_MAX_IOAPICS);
    for (unsigned i = 0; i < ACPI_ISA_IRQS; i++)
        MUST(a->isa[i].given || (!a->isa[i].gsi && !a->isa[i].level && !a->isa[i].active_low));
    MUST(a->ecam_count <= ACPI_MAX_ECAM);
    for (unsigned i = 0; i < a->ecam_count; i++)
        MUST(a->ecam[i].base && a->ecam[i].base % (1 << 20) == 0 &&
             a->ecam[i].bus_first <= a->ecam[i].bus_last);
    MUST(a->hpet_phys % 8 == 0);
    MUST(a->pm_timer.space != ACPI_PORT || a->pm_timer.addr <= 0xffff);
    MUST(a->reset.space <= ACPI_PCI_CONFIG);
}

static void check_memory(const AcpiInfo *a) {
    MUST(a->mem_count <= ACPI_MAX_MEM);
    for (unsigned i = 0; i < a->mem_count; i++) {
        const AcpiMem *m = &a->mem[i];
        MUST(m->bytes && m->base + m->bytes >= m->base);
        (void)acpi_node_of(a, m->base + m->bytes - 1);
    }
    MUST(acpi_node_of(&(AcpiInfo){0}, 0) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static AcpiInfo info, again;
    Memory m = {data, size, 0};
    const AcpiReader reader = {read_memory, refused, &m};
    memset(&info, 0xaa, sizeof info);
    bool ok = acpi_parse(&reader, BASE, &info);
    MUST(ok == info.have_root);
    MUST(ok || m.refused);
    check_cores(&info);
    check_devices(&info);
    check_memory(&info);
    if (!ok) {
        MUST(info.cpu_count == 0 && info.mem_count == 0 && !info.have_madt && !info.have_fadt);
        return 0;
    }
    acpi_parse(&reader, BASE, &again); // keeps no state
    MUST(memcmp(&info.cpus, &again.cpus, sizeof info.cpus) == 0 && info.mem_count == again.mem_count);
    return 0;
}

// ---- mutation: every table that is recognised gets a good checksum

static void mend_sum(uint8_t *p, size_t n, size_t at) {
    p[at] = 0;
    uint8_t sum = 0;
    for (size_t i = 0; i < n; i++)
        sum = (uint8_t)(sum + p[i]);
    p[at] = (uint8_t)-sum;
}

static void mend(uint8_t *data, size_t size) {
    static const char names[][5] = {"RSDT", "XSDT", "APIC", "FACP", "HPET", "MCFG", "SRAT"};
    if (size >= 36 && memcmp(data, "RSD PTR ", 8) == 0) {
        mend_sum(data, 20, 8);
        mend_sum(data, 36, 32);
    }
    for (size_t at = 36; at + SDT_HEADER <= size; at += 4)
        for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
            if (memcmp(data + at, names[i], 4)) continue;
            uint32_t length = le32(data + at + 4);
            if (length >= SDT_HEADER && length <= size - at) mend_sum(data + at, length, 9);
        }
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed) {
    return mutate_and_mend(data, size, max_size, seed, mend);
}
