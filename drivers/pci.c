// pci.c -- PCI on this machine: how configuration space is reached, and the devices that are there.
//
// Configuration space lies in memory where the table MCFG says (ECAM), a megabyte a bus, mapped bus by bus as
// the walk comes there; without that table, or where it is wrong, behind two ports. It is wrong if what it
// shows of the first device of the first bus is not what the ports show: firmware was seen to name a region
// that nothing decodes.
//
// Roots that the table gives no range of their own and no bridge leads to (second sockets) are not found:
// only AML names them.
//
// Locks: none; boot core, before the others run anything.
#include "drivers/pci.h"
#include "drivers/driver.h"
#include "kernel/acpi.h"
#include "kernel/x86/cpu.h"

enum { PORT_ADDRESS = 0xcf8, PORT_DATA = 0xcfc, PORT_ENABLE = 1u << 31 };
enum { ECAM_BUS_BYTES = 1 << 20, MSIX_ENTRY_WORDS = 4, MSIX_ENTRY_MASKED = 1 };

static PciList list;
static bool ports_work, ports_only;
static volatile uint32_t *ecam_bus[ACPI_MAX_ECAM][256]; // NULL: not mapped yet
static bool ecam_lost[ACPI_MAX_ECAM];                   // cannot be mapped, said

static uint32_t port_address(PciAddress at, unsigned offset) {
    return PORT_ENABLE | (uint32_t)at.bus << 16 | (uint32_t)at.dev << 11 | (uint32_t)at.fn << 8 |
           (offset & 0xfc);
}

static uint32_t port_read(PciAddress at, unsigned offset) {
    cpu_out32(PORT_ADDRESS, port_address(at, offset));
    return cpu_in32(PORT_DATA);
}

// The register of the address reads back what was written, on a machine that has it.
static bool probe_ports(void) {
    uint32_t before = cpu_in32(PORT_ADDRESS);
    cpu_out32(PORT_ADDRESS, PORT_ENABLE);
    bool there = cpu_in32(PORT_ADDRESS) == PORT_ENABLE;
    cpu_out32(PORT_ADDRESS, before);
    return there;
}

static volatile uint32_t *ecam_at(PciAddress at, unsigned offset) {
    const AcpiInfo *acpi = acpi_info();
    for (unsigned i = 0; i < acpi->ecam_count; i++) {
        const AcpiEcam *e = &acpi->ecam[i];
        if (e->segment != at.segment || at.bus < e->bus_first || at.bus > e->bus_last || ecam_lost[i])
            continue;
        volatile uint32_t **bus = &ecam_bus[i][at.bus];
        if (!*bus) *bus = map_mmio(e->base + (uint64_t)at.bus * ECAM_BUS_BYTES, ECAM_BUS_BYTES, CACHE_UC);
        ecam_lost[i] = !*bus;
        return *bus ? *bus + ((uint32_t)at.dev << 15 | (uint32_t)at.fn << 12 | offset) / 4 : NULL;
    }
    return NULL;
}

static uint32_t config_read(void *ctx, PciAddress at, unsigned offset) {
    volatile uint32_t *p = ports_only && at.segment == 0 ? NULL : ecam_at(at, offset);
    if (p) return *p;
    return ports_work && at.segment == 0 ? port_read(at, offset) : UINT32_MAX;
}

static void config_write(void *ctx, PciAddress at, unsigned offset, uint32_t v) {
    volatile uint32_t *p = ports_only && at.segment == 0 ? NULL : ecam_at(at, offset);
    if (p) {
        *p = v;
    } else if (ports_work && at.segment == 0) {
        cpu_out32(PORT_ADDRESS, port_address(at, offset));
        cpu_out32(PORT_DATA, v);
    }
}

void pci_say(PciAddress at, const char *text) {
    rt_printf("pci %02x:%02x.%x: %s\n", at.bus, at.dev, at.fn, text);
}
static void refuse(void *ctx, PciAddress at, const char *why) {
    pci_say(at, why);
}
static const PciAccess access = {config_read, config_write, refuse, NULL};

// ---- finding

// Some device of the first bus says the same both ways.
static bool ecam_agrees(const AcpiEcam *e) {
    for (uint8_t dev = 0; dev < 32; dev++) {
        PciAddress at = {0, e->bus_first, dev, 0};
        uint32_t by_port = port_read(at, 0);
        if (by_port == UINT32_MAX) continue;
        volatile uint32_t *p = ecam_at(at, 0);
        return p && *p == by_port;
    }
    return true; // nothing to compare
}

// Those of segment 0 that show what the ports show, or none. True: bus 0 is among them.
static bool compare_with_ports(void) {
    const AcpiInfo *acpi = acpi_info();
    bool first_bus = false;
    for (unsigned i = 0; i < acpi->ecam_count; i++) {
        const AcpiEcam *e = &acpi->ecam[i];
        if (e->segment != 0) continue;
        if (ports_work && !ecam_agrees(e)) {
            rt_printf("pci: configuration space is not at 0x%lx, where the table MCFG says\n", e->base);
            ports_only = true;
        }
        first_bus |= e->bus_first == 0;
    }
    return first_bus && !ports_only;
}

// The ports reach all buses of segment 0, also those that the table leaves out: bus 0 perhaps.
static void scan_all(void) {
    const AcpiInfo *acpi = acpi_info();
    if (ports_work) pci_scan(&access, 0, 0, 255, &list);
    for (int others = 0; others < 2; others++)
        for (unsigned i = 0; i < acpi->ecam_count; i++) {
            const AcpiEcam *e = &acpi->ecam[i];
            if ((e->segment != 0) == others && (others || !ports_only))
                pci_scan(&access, e->segment, e->bus_first, e->bus_last, &list);
        }
}

static bool pci_probe(const BootInfo *bi) {
    ports_work = probe_ports();
    bool first_by_ecam = compare_with_ports();
    scan_all();
    if (list.lost) rt_printf("pci: %u devices beyond the first %d left out\n", list.lost, PCI_DEVICES_MAX);
    if (list.count == 0) return false;
    rt_printf("pci:    %u devices on %u %s, by %s\n", list.count, list.buses,
              list.buses == 1 ? "bus" : "buses", first_by_ecam ? "ECAM" : "ports");
    return true;
}

const PciDevice *pci_next(const PciDevice *after, uint32_t class_code) {
    for (const PciDevice *d = after ? after + 1 : list.device; d < list.device + list.count; d++)
        if (d->class_code == class_code) return d;
    return NULL;
}

// ---- using

volatile void *pci_map(const PciDevice *device, unsigned index, size_t least, uint64_t *bytes) {
    PciBar bar;
    if (!pci_bar(&access, device, index, &bar) || bar.io || bar.bytes < least) {
        pci_say(device->at, "has no registers in memory");
        return NULL;
    }
    pci_enable(&access, device->at);
    *bytes = bar.bytes;
    return map_mmio(bar.base, bar.bytes, CACHE_UC);
}

static bool use_msix(const PciDevice *device, int vector, uint32_t apic_id) {
    PciMsix msix;
    PciBar bar;
    if (!pci_msix_find(&access, device, &msix) || !pci_bar(&access, device, msix.bar, &bar)) return false;
    volatile uint32_t *table = map_mmio(bar.base + msix.offset, 16 * msix.entries, CACHE_UC);
    if (!table) return false;
    pci_msix_control(&access, device->at, &msix, true, true);
    for (unsigned i = 0; i < msix.entries; i++)
        table[MSIX_ENTRY_WORDS * i + 3] = MSIX_ENTRY_MASKED;
    table[0] = 0xfee00000u | apic_id << 12;
    table[1] = 0;
    table[2] = (uint32_t)vector;
    table[3] = 0;
    pci_msix_control(&access, device->at, &msix, true, false);
    return true;
}

const char *pci_irq(const PciDevice *device, IrqHandler fn, void *arg, int *vector_out) {
    uint32_t apic_id = apic_id_self();
    if (apic_id > 0xff) return NULL; // a message has 8 bits for the core
    int vector = irq_register(fn, arg);
    if (vector < 0) return NULL;
    *vector_out = vector;
    if (use_msix(device, vector, apic_id)) return "MSI-X";
    return pci_msi_set(&access, device->at, (uint8_t)vector, (uint8_t)apic_id) ? "MSI" : NULL;
}

const Driver pci_driver = {.name = "pci", .stage = DRIVER_DEVICE, .probe = pci_probe};
