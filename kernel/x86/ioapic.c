// ioapic.c -- the board's interrupt controller: one line from a device becomes a vector at a core.
//
// PCI devices send messages and need none of this; what is left are ISA lines, and of those the serial
// port's. The tables say which input each I/O APIC starts at and which ISA lines arrive elsewhere than at
// their own number. An input belongs to the first who asks for it, until it is masked: tables may name one
// for two devices.
//
// Locks: none; boot core only. The index register makes every access two steps.
#include "kernel/x86/ioapic.h"
#include "kernel/acpi.h"
#include "kernel/kernel.h"
#include "kernel/x86/apic.h"

enum { WINDOW_BYTES = 0x20, WINDOW_INDEX = 0, WINDOW_DATA = 0x10 / 4 };
enum { REG_VERSION = 1, REG_INPUTS = 0x10 }; // two registers for each input
enum { INPUT_ACTIVE_LOW = 1 << 13, INPUT_LEVEL = 1 << 15, INPUT_MASKED = 1 << 16 };

static volatile uint32_t *window[ACPI_MAX_IOAPICS]; // NULL: not there, or not reachable

static uint32_t reg_read(volatile uint32_t *w, uint32_t reg) {
    w[WINDOW_INDEX] = reg;
    return w[WINDOW_DATA];
}
static void reg_write(volatile uint32_t *w, uint32_t reg, uint32_t v) {
    w[WINDOW_INDEX] = reg;
    w[WINDOW_DATA] = v;
}
static uint32_t input_count(volatile uint32_t *w) {
    return (reg_read(w, REG_VERSION) >> 16 & 0xff) + 1;
}

// Its index register holds what is written, its version is one; nothing, and what is something else, does
// not.
static bool answers(volatile uint32_t *w) {
    uint32_t version = reg_read(w, REG_VERSION);
    return (w[WINDOW_INDEX] & 0xff) == REG_VERSION && version != UINT32_MAX && (version & 0xff) != 0;
}

// Where the tables say that it is. NULL: it cannot be there, said.
static volatile uint32_t *window_at(uint64_t phys) {
    const char *what = NULL;
    volatile uint32_t *w = NULL;
    if (phys / PAGE_SIZE == apic_phys() / PAGE_SIZE)
        what = "the local APIC is there";
    else if (!(w = map_mmio(phys, WINDOW_BYTES, CACHE_UC)))
        return NULL; // said there
    else if (!answers(w))
        what = "nothing answers";
    if (!what) return w;
    rt_printf("acpi: no I/O APIC at 0x%lx: %s\n", (unsigned long)phys, what);
    return NULL;
}

void ioapic_init(void) {
    const AcpiInfo *acpi = acpi_info();
    for (unsigned i = 0; i < acpi->ioapic_count; i++) {
        volatile uint32_t *w = window_at(acpi->ioapic_phys[i]);
        if (!w) continue;
        for (uint32_t n = 0; n < input_count(w); n++)
            reg_write(w, REG_INPUTS + 2 * n, INPUT_MASKED);
        window[i] = w;
    }
}

// The registers of an input: its window and the first index. NULL: no I/O APIC has it.
static volatile uint32_t *input_find(uint32_t gsi, uint32_t *reg) {
    const AcpiInfo *acpi = acpi_info();
    for (unsigned i = 0; i < acpi->ioapic_count; i++) {
        volatile uint32_t *w = window[i];
        if (!w || gsi < acpi->ioapic_gsi[i] || gsi - acpi->ioapic_gsi[i] >= input_count(w)) continue;
        *reg = REG_INPUTS + 2 * (gsi - acpi->ioapic_gsi[i]);
        return w;
    }
    return NULL;
}

bool ioapic_route_gsi(uint32_t gsi, bool level, bool active_low, int vector, uint32_t apic_id) {
    uint32_t reg;
    volatile uint32_t *w = input_find(gsi, &reg);
    if (!w || apic_id > 0xff) return false; // an input has 8 bits for the core
    if (!(reg_read(w, reg) & INPUT_MASKED)) return false;
    reg_write(w, reg + 1, apic_id << 24);
    reg_write(w, reg,
              (uint32_t)vector | (active_low ? INPUT_ACTIVE_LOW : 0) |
                  (level ? INPUT_LEVEL : 0)); // fixed delivery, not masked
    return true;
}

static uint32_t isa_gsi(unsigned irq) {
    const AcpiIsaIrq *isa = &acpi_info()->isa[irq];
    return isa->given ? isa->gsi : irq;
}

bool ioapic_route_isa(unsigned irq, int vector, uint32_t apic_id) {
    if (irq >= ACPI_ISA_IRQS) return false;
    const AcpiIsaIrq *isa = &acpi_info()->isa[irq];
    return ioapic_route_gsi(isa_gsi(irq), isa->level, isa->active_low, vector, apic_id);
}

void ioapic_mask_gsi(uint32_t gsi) {
    uint32_t reg;
    volatile uint32_t *w = input_find(gsi, &reg);
    if (w) reg_write(w, reg, INPUT_MASKED);
}

void ioapic_mask_isa(unsigned irq) {
    if (irq < ACPI_ISA_IRQS) ioapic_mask_gsi(isa_gsi(irq));
}
