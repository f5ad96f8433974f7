// pci_scan.c -- see pci_scan.h.
//
// Bridges form a tree in theory. In broken configuration spaces they name themselves, each other or buses
// that are not theirs: a set of the buses seen makes the walk end after at most 256 of them. Lists of
// capabilities may have loops: they are followed for as many steps as there is room for capabilities.
#include "drivers/pci_scan.h"

enum {
    REG_ID = 0x00,
    REG_COMMAND = 0x04, // status above
    REG_CLASS = 0x08,
    REG_HEADER = 0x0c, // bits 16 to 23
    REG_BAR = 0x10,
    REG_BUSES = 0x18, // of a bridge: primary, secondary, subordinate
    REG_CAPS = 0x34,
};
enum {
    COMMAND_IO = 1,
    COMMAND_MEMORY = 2,
    COMMAND_MASTER = 4,
    COMMAND_NO_INTX = 0x400,
    STATUS_CAPS = 1 << 20, // in REG_COMMAND's upper half
    HEADER_MANY = 0x80,    // functions
    CLASS_BRIDGE = 0x0604,
    FIRST_CAP = 0x40,
    CAPS_MAX = (256 - FIRST_CAP) / 4,
};
enum { BAR_IO = 1, BAR_TYPE = 6, BAR_64 = 4, BAR_PREFETCH = 8 };
enum { MSI_64 = 1 << 23, MSI_MASKS = 1 << 24, MSI_ENABLE = 1 << 16, MSI_MULTIPLE = 7 << 20 };
enum { MSIX_ENABLE = 1u << 31, MSIX_MASKED = 1u << 30 };

// ---- scanning

typedef struct Scan {
    const PciAccess *access;
    PciList *list;
    uint16_t segment;
    unsigned first, last;
    uint8_t todo[256]; // each bus at most once: list->seen
    unsigned todo_count;
} Scan;

static bool is_seen(const PciList *list, unsigned bus) {
    return list->seen[bus / 8] >> (bus % 8) & 1;
}

static void see_bus(Scan *s, PciAddress from, unsigned bus) {
    const char *why = bus < s->first || bus > s->last ? "leads to a bus outside of its segment"
                      : is_seen(s->list, bus)         ? "leads to a bus that is known already"
                                                      : NULL;
    if (why) {
        s->access->refuse(s->access->ctx, from, why);
        return;
    }
    s->list->seen[bus / 8] |= (uint8_t)(1 << (bus % 8)); // visited, or waiting for it
    s->todo[s->todo_count++] = (uint8_t)bus;
}

// Returns the header type byte; -1: no function here.
static int scan_function(Scan *s, PciAddress at) {
    const PciAccess *a = s->access;
    uint32_t id = a->read(a->ctx, at, REG_ID);
    if ((id & 0xffff) == 0xffff || (id & 0xffff) == 0) return -1;
    uint8_t header = (uint8_t)(a->read(a->ctx, at, REG_HEADER) >> 16);
    PciDevice d = {.at = at,
                   .vendor = (uint16_t)id,
                   .device = (uint16_t)(id >> 16),
                   .class_code = a->read(a->ctx, at, REG_CLASS) >> 8,
                   .header = header & 0x7f};
    if (d.header > 2) {
        a->refuse(a->ctx, at, "has a header of unknown kind");
        return header;
    }
    if (s->list->count < PCI_DEVICES_MAX)
        s->list->device[s->list->count++] = d;
    else
        s->list->lost++;
    // Secondary bus 0: not configured.
    unsigned secondary = a->read(a->ctx, at, REG_BUSES) >> 8 & 0xff;
    if (d.class_code >> 8 == CLASS_BRIDGE && d.header == 1 && secondary) see_bus(s, at, secondary);
    return header;
}

static void scan_bus(Scan *s, uint8_t bus) {
    bool any = false;
    for (uint8_t dev = 0; dev < 32; dev++) {
        int header = scan_function(s, (PciAddress){s->segment, bus, dev, 0});
        if (header < 0) continue;
        any = true;
        for (uint8_t fn = 1; fn < 8 && (header & HEADER_MANY); fn++)
            scan_function(s, (PciAddress){s->segment, bus, dev, fn});
    }
    s->list->buses += any;
}

void pci_scan(const PciAccess *access, uint16_t segment, unsigned first, unsigned last, PciList *list) {
    if (first > last || last > 255) return;
    if (list->segment != segment)
        for (unsigned i = 0; i < sizeof list->seen; i++)
            list->seen[i] = 0;
    list->segment = segment;
    if (is_seen(list, first)) return;
    Scan s = {.access = access, .list = list, .segment = segment, .first = first, .last = last};
    see_bus(&s, (PciAddress){segment, (uint8_t)first, 0, 0}, first);
    for (unsigned i = 0; i < s.todo_count; i++)
        scan_bus(&s, s.todo[i]);
}

// ---- one device

unsigned pci_find_cap(const PciAccess *a, PciAddress at, uint8_t id) {
    if (!(a->read(a->ctx, at, REG_COMMAND) & STATUS_CAPS)) return 0;
    unsigned offset = a->read(a->ctx, at, REG_CAPS) & 0xfc;
    for (int steps = 0; offset >= FIRST_CAP; steps++) {
        uint32_t v = a->read(a->ctx, at, offset);
        if (steps == CAPS_MAX || v == UINT32_MAX) {
            a->refuse(a->ctx, at,
                      v == UINT32_MAX ? "does not answer" : "has a loop in its list of capabilities");
            return 0;
        }
        if ((v & 0xff) == id) return offset;
        offset = v >> 8 & 0xfc;
    }
    return 0;
}

static uint32_t size_mask(const PciAccess *a, PciAddress at, unsigned offset, uint32_t now) {
    a->write(a->ctx, at, offset, UINT32_MAX);
    uint32_t mask = a->read(a->ctx, at, offset);
    a->write(a->ctx, at, offset, now);
    return mask;
}

bool pci_bar(const PciAccess *a, const PciDevice *d, unsigned index, PciBar *bar) {
    *bar = (PciBar){0};
    unsigned count = d->header == 0 ? PCI_BARS : d->header == 1 ? 2 : 0;
    if (index >= count) return false;
    const unsigned offset = REG_BAR + 4 * index;
    uint32_t command = a->read(a->ctx, d->at, REG_COMMAND) & 0xffff; // status: 1 would clear
    uint32_t low = a->read(a->ctx, d->at, offset), high = 0;
    bool io = low & BAR_IO, wide = !io && (low & BAR_TYPE) == BAR_64;
    if (wide && index + 1 >= count) {
        a->refuse(a->ctx, d->at, "has a 64-bit address in its last register");
        return false;
    }
    if (wide) high = a->read(a->ctx, d->at, offset + 4);

    a->write(a->ctx, d->at, REG_COMMAND, command & ~(uint32_t)(COMMAND_IO | COMMAND_MEMORY));
    uint32_t flags = io ? 3 : 15;
    uint64_t mask = size_mask(a, d->at, offset, low) & ~flags;
    if (wide) mask |= (uint64_t)size_mask(a, d->at, offset + 4, high) << 32;
    a->write(a->ctx, d->at, REG_COMMAND, command);

    if (io)
        mask = (mask & 0xffff) | 0xffffffffffff0000u; // a port may have 16 bits only
    else if (!wide)
        mask |= 0xffffffff00000000u;
    bar->io = io;
    bar->prefetch = !io && (low & BAR_PREFETCH);
    bar->base = (uint64_t)high << 32 | (low & ~flags);
    bar->bytes = ~mask + 1; // lowest writable bit, if the bits above it are writable
    if ((low & ~flags) == 0 && high == 0) return false; // not there, or not assigned
    if (bar->bytes == 0 || (bar->bytes & (bar->bytes - 1)) || bar->base % bar->bytes) {
        a->refuse(a->ctx, d->at, "has an address register of impossible size");
        return false;
    }
    return true;
}

void pci_enable(const PciAccess *a, PciAddress at) {
    uint32_t command = a->read(a->ctx, at, REG_COMMAND) & 0xffff;
    a->write(a->ctx, at, REG_COMMAND, command | COMMAND_MEMORY | COMMAND_MASTER | COMMAND_NO_INTX);
}

// ---- messages as interrupts

// The address that a message is written to names the core; the data is the vector, edge, fixed delivery.
static uint32_t message_address(uint8_t apic_id) {
    return 0xfee00000u | (uint32_t)apic_id << 12;
}

bool pci_msi_set(const PciAccess *a, PciAddress at, uint8_t vector, uint8_t apic_id) {
    unsigned cap = pci_find_cap(a, at, PCI_CAP_MSI);
    if (!cap) return false;
    uint32_t control = a->read(a->ctx, at, cap);
    unsigned data = cap + (control & MSI_64 ? 12 : 8);
    if (data + (control & MSI_MASKS ? 8 : 4) > 256) {
        a->refuse(a->ctx, at, "has an MSI capability that does not fit");
        return false;
    }
    control &= ~(uint32_t)(MSI_ENABLE | MSI_MULTIPLE); // one message
    a->write(a->ctx, at, cap, control);
    a->write(a->ctx, at, cap + 4, message_address(apic_id));
    if (control & MSI_64) a->write(a->ctx, at, cap + 8, 0);
    a->write(a->ctx, at, data, (a->read(a->ctx, at, data) & 0xffff0000u) | vector);
    if (control & MSI_MASKS) a->write(a->ctx, at, data + 4, 0);
    a->write(a->ctx, at, cap, control | MSI_ENABLE);
    return true;
}

bool pci_msix_find(const PciAccess *a, const PciDevice *d, PciMsix *msix) {
    unsigned cap = pci_find_cap(a, d->at, PCI_CAP_MSIX);
    if (!cap) return false;
    uint32_t table = cap + 12 <= 256 ? a->read(a->ctx, d->at, cap + 4) : UINT32_MAX;
    *msix = (PciMsix){.cap = cap,
                      .entries = (a->read(a->ctx, d->at, cap) >> 16 & 0x7ff) + 1,
                      .bar = table & 7,
                      .offset = table & ~7u};
    PciBar bar;
    if (table == UINT32_MAX || !pci_bar(a, d, msix->bar, &bar) || bar.io || msix->offset > bar.bytes ||
        16ull * msix->entries > bar.bytes - msix->offset) {
        a->refuse(a->ctx, d->at, "has a table of MSI-X messages outside of its registers");
        return false;
    }
    return true;
}

void pci_msix_control(const PciAccess *a, PciAddress at, const PciMsix *msix, bool on, bool masked) {
    uint32_t control = a->read(a->ctx, at, msix->cap) & ~(MSIX_ENABLE | MSIX_MASKED);
    a->write(a->ctx, at, msix->cap, control | (on ? MSIX_ENABLE : 0) | (masked ? MSIX_MASKED : 0));
}
