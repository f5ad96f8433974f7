// acpi_parse.c -- RSDP, RSDT/XSDT, MADT, FADT, HPET, MCFG, SRAT, DMAR. See acpi_parse.h for the rules.
//
// Tables come from firmware, that is from outside: nothing in them is believed before it is checked. An entry
// chain is walked twice: the first walk only checks it, so that a malformed table contributes nothing at all
// instead of its first half.
#include "acpi_parse.h"

enum {
    SDT_HEADER = 36,
    TABLE_MAX = 1 << 20, // bytes; the largest MADT of 256 cores needs 5 KB
    ROOT_MAX = 64 << 10, // bytes of RSDT or XSDT
    ENTRY_MAX = 64,      // bytes of an entry that we look at
};

typedef struct Table {
    const AcpiReader *r;
    uint64_t phys;
    uint32_t length;
    uint8_t revision;
    char sig[4];
} Table;

static uint16_t le16(const uint8_t *p) {
    return (uint16_t)(p[0] | p[1] << 8);
}
static uint32_t le32(const uint8_t *p) {
    return le16(p) | (uint32_t)le16(p + 2) << 16;
}
static uint64_t le64(const uint8_t *p) {
    return le32(p) | (uint64_t)le32(p + 4) << 32;
}

static bool bytes_equal(const void *a, const char *b, size_t n) {
    const char *p = a;
    for (size_t i = 0; i < n; i++)
        if (p[i] != b[i]) return false;
    return true;
}

static bool read_at(const AcpiReader *r, uint64_t phys, void *dst, size_t n) {
    return phys != 0 && phys + n > phys && r->read(r->ctx, phys, dst, n);
}

// Sum of n bytes; false: not readable.
static bool byte_sum(const AcpiReader *r, uint64_t phys, uint32_t n, uint8_t *sum) {
    uint8_t buf[256];
    *sum = 0;
    for (uint32_t done = 0; done < n;) {
        uint32_t step = n - done < sizeof buf ? n - done : (uint32_t)sizeof buf;
        if (!read_at(r, phys + done, buf, step)) return false;
        for (uint32_t i = 0; i < step; i++)
            *sum = (uint8_t)(*sum + buf[i]);
        done += step;
    }
    return true;
}

static bool refuse(const AcpiReader *r, const char *sig, uint64_t phys, const char *why) {
    if (r->refuse) r->refuse(r->ctx, sig, phys, why);
    return false;
}

// Reads and checks the header at phys, then the checksum of the whole table.
static bool table_open(const AcpiReader *r, uint64_t phys, const char *sig, uint32_t min, uint32_t max,
                       Table *t) {
    uint8_t h[SDT_HEADER];
    uint8_t sum;
    if (!read_at(r, phys, h, sizeof h)) return refuse(r, sig, phys, "header not readable");
    if (!bytes_equal(h, sig, 4)) return refuse(r, sig, phys, "wrong signature");
    *t = (Table){.r = r, .phys = phys, .length = le32(h + 4), .revision = h[8]};
    for (int i = 0; i < 4; i++)
        t->sig[i] = sig[i];
    if (t->length < min) return refuse(r, sig, phys, "too short");
    if (t->length > max) return refuse(r, sig, phys, "longer than any sane table");
    if (!byte_sum(r, phys, t->length, &sum)) return refuse(r, sig, phys, "not readable to its end");
    if (sum != 0) return refuse(r, sig, phys, "wrong checksum");
    return true;
}

// Copies table bytes [off, off + n); false if they are not all inside.
static bool table_read(const Table *t, uint32_t off, void *dst, uint32_t n) {
    return off <= t->length && n <= t->length - off && read_at(t->r, t->phys + off, dst, n);
}

// ---- chains of {type u8, length u8, ...} entries (MADT, SRAT)

// Reads the entry at *off into e (at most ENTRY_MAX bytes, the rest zero) and advances. False at the end or
// at a bad entry (*bad).
static bool entry_next(const Table *t, uint32_t *off, uint8_t e[ENTRY_MAX], const char **bad) {
    if (*off == t->length) return false;
    for (int i = 0; i < ENTRY_MAX; i++)
        e[i] = 0;
    if (!table_read(t, *off, e, 2)) {
        *bad = "entry header beyond its end";
        return false;
    }
    uint32_t len = e[1];
    if (len < 2) {
        *bad = "entry of length 0 or 1";
        return false;
    }
    if (len > t->length - *off) {
        *bad = "entry longer than the table";
        return false;
    }
    if (!table_read(t, *off, e, len < ENTRY_MAX ? len : ENTRY_MAX)) {
        *bad = "entry not readable";
        return false;
    }
    *off += len;
    return true;
}

typedef struct EntrySize {
    uint8_t type, min;
} EntrySize;

// True when the chain from `off` ends exactly at the table's end and entries of the listed types are long
// enough.
static bool chain_check(const Table *t, uint32_t off, const EntrySize *sizes, int n) {
    uint8_t e[ENTRY_MAX];
    const char *bad = NULL;
    while (entry_next(t, &off, e, &bad))
        for (int i = 0; i < n; i++)
            if (e[0] == sizes[i].type && e[1] < sizes[i].min)
                return refuse(t->r, t->sig, t->phys, "entry too short for its type");
    return bad ? refuse(t->r, t->sig, t->phys, bad) : true;
}

// ---- MADT

enum {
    MADT_ENTRIES = 44,
    MADT_LAPIC = 0,
    MADT_IOAPIC = 1,
    MADT_OVERRIDE = 2,
    MADT_LAPIC_ADDR = 5,
    MADT_X2APIC = 9
};

static void cpu_add(AcpiInfo *out, uint32_t apic_id, uint32_t uid, uint32_t flags) {
    if (!(flags & 1)) { // bit 1 "online capable" would need hot-plug
        out->cpu_disabled++;
        return;
    }
    for (unsigned i = 0; i < out->cpu_count; i++)
        if (out->cpus[i].apic_id == apic_id) {
            out->cpu_duplicate++;
            return;
        }
    if (out->cpu_count == ACPI_MAX_CPUS) {
        out->cpu_lost++;
        return;
    }
    out->cpus[out->cpu_count++] = (AcpiCpu){apic_id, uid, 0};
}

static void parse_madt(const AcpiReader *r, uint64_t phys, AcpiInfo *out) {
    static const EntrySize sizes[] = {
        {MADT_LAPIC, 8}, {MADT_IOAPIC, 12}, {MADT_OVERRIDE, 10}, {MADT_LAPIC_ADDR, 12}, {MADT_X2APIC, 16}};
    Table t;
    uint8_t e[ENTRY_MAX];
    const char *bad = NULL;
    if (!table_open(r, phys, "APIC", MADT_ENTRIES, TABLE_MAX, &t)) return;
    if (!chain_check(&t, MADT_ENTRIES, sizes, 5)) return;
    if (!table_read(&t, SDT_HEADER, e, 8)) return;
    out->have_madt = true;
    out->lapic_phys = le32(e);
    for (uint32_t off = MADT_ENTRIES; entry_next(&t, &off, e, &bad);) {
        switch (e[0]) {
        case MADT_LAPIC:
            if (e[3] != 0xff) cpu_add(out, e[3], e[2], le32(e + 4)); // 0xff is the broadcast address
            break;
        case MADT_X2APIC:
            if (le32(e + 4) != UINT32_MAX) cpu_add(out, le32(e + 4), le32(e + 12), le32(e + 8));
            break;
        case MADT_LAPIC_ADDR:
            out->lapic_phys = le64(e + 4);
            break;
        case MADT_IOAPIC:
            if (out->ioapic_count == ACPI_MAX_IOAPICS) break;
            out->ioapic_gsi[out->ioapic_count] = le32(e + 8);
            out->ioapic_phys[out->ioapic_count++] = le32(e + 4);
            break;
        case MADT_OVERRIDE: // polarity in bits 0-1, trigger in bits 2-3; 3 is the unusual one of each
            if (e[2] == 0 && e[3] < ACPI_ISA_IRQS)
                out->isa[e[3]] = (AcpiIsaIrq){true, (e[8] >> 2 & 3) == 3, (e[8] & 3) == 3, le32(e + 4)};
            break;
        }
    }
}

// ---- FADT, HPET

// 12-byte generic address structure.
static AcpiReg parse_gas(const uint8_t *g) {
    static const uint8_t spaces[3] = {ACPI_MEMORY, ACPI_PORT, ACPI_PCI_CONFIG};
    AcpiReg reg = {ACPI_NOWHERE, g[1], le64(g + 4)};
    if (g[0] < 3 && reg.addr != 0 && (g[0] != 1 || reg.addr <= 0xffff)) reg.space = spaces[g[0]];
    return reg;
}

// May events be there? Below 400h are the PC's own devices, at 0CF8h is PCI: whoever believes a table that
// names their ports writes into their registers.
static bool is_event_block(uint64_t port, uint32_t bytes) {
    enum { LEGACY_END = 0x400, PCI_PORTS = 0xcf8, PCI_PORTS_END = 0xd00 };
    return port >= LEGACY_END && port + bytes <= 0x10000 &&
           (port + bytes <= PCI_PORTS || port >= PCI_PORTS_END);
}

// The registers of events, and the way of their interrupt. An override in the MADT, which was parsed before,
// moves it.
static void parse_events(const Table *t, const uint8_t *b, uint32_t flags, AcpiInfo *out) {
    enum { FLAG_BUTTON_IS_DEVICE = 1 << 4, EVENT_BYTES_MIN = 4 };
    uint32_t event = le32(b + 56), smi = le32(b + 48), sci = le16(b + 46);
    bool good = true;
    if (event && !is_event_block(event, b[88])) {
        good = false;
    } else if (event && b[88] >= EVENT_BYTES_MIN && b[88] % 2 == 0 && b[88] <= 0x10) {
        out->pm1a_event = (uint16_t)event;
        out->pm1_event_bytes = b[88];
    }
    out->fixed_button = !(flags & FLAG_BUTTON_IS_DEVICE);
    if (smi <= 0xffff) {
        out->smi_command = (uint16_t)smi;
        out->acpi_enable = b[52];
    }
    for (int i = 0; i < 2; i++) {
        uint32_t port = le32(b + 80 + 4 * i), bytes = b[92 + i];
        if (port == 0 || bytes == 0) continue;
        if (!is_event_block(port, bytes)) {
            good = false;
            continue;
        }
        out->gpe[i].port = (uint16_t)port;
        out->gpe[i].bytes = (uint8_t)bytes;
    }
    if (!good) refuse(t->r, t->sig, t->phys, "events at ports that cannot be theirs; those are not used");
    out->sci_gsi = sci;
    out->sci_level = out->sci_active_low = true;
    if (sci < ACPI_ISA_IRQS && out->isa[sci].given) {
        out->sci_gsi = out->isa[sci].gsi;
        out->sci_level = out->isa[sci].level;
        out->sci_active_low = out->isa[sci].active_low;
    }
}

static void parse_fadt(const AcpiReader *r, uint64_t phys, AcpiInfo *out) {
    enum { FLAG_RTC32 = 1 << 8, FLAG_RESET = 1 << 10, FLAG_HW_REDUCED = 1 << 20 };
    enum { BOOT_LEGACY = 1, BOOT_8042 = 2, BOOT_NO_RTC = 1 << 5 };
    Table t;
    uint8_t b[116], g[13];
    if (!table_open(r, phys, "FACP", sizeof b, TABLE_MAX, &t) || !table_read(&t, 0, b, sizeof b)) return;
    uint32_t flags = le32(b + 112);
    uint16_t boot = le16(b + 109);
    out->have_fadt = true;
    out->rtc_century = b[108];
    parse_events(&t, b, flags, out);
    if (le32(b + 64) <= 0xffff && b[89] >= 2) out->pm1a_control = le16(b + 64);
    if (le32(b + 76) != 0 && le32(b + 76) <= 0xffff && b[91] == 4)
        out->pm_timer = (AcpiReg){ACPI_PORT, 32, le32(b + 76)};
    if (table_read(&t, 208, g, 12)) { // X_PM_TMR_BLK replaces the old field when it is given
        AcpiReg x = parse_gas(g);
        if (x.space == ACPI_PORT || x.space == ACPI_MEMORY) out->pm_timer = x;
    }
    out->pm_timer_32bit = flags & FLAG_RTC32;
    if ((flags & FLAG_RESET) && table_read(&t, 116, g, 13)) {
        out->reset = parse_gas(g);
        out->reset_value = g[12];
    }
    if (t.revision >= 3) { // earlier firmware left the boot flags zero without meaning it
        out->no_i8042 = !(boot & BOOT_8042);
        out->no_cmos_rtc = boot & BOOT_NO_RTC;
        out->no_legacy = flags & FLAG_HW_REDUCED;
    }
}

static void parse_hpet(const AcpiReader *r, uint64_t phys, AcpiInfo *out) {
    Table t;
    uint8_t g[12];
    if (!table_open(r, phys, "HPET", 56, TABLE_MAX, &t) || !table_read(&t, 40, g, sizeof g)) return;
    AcpiReg reg = parse_gas(g);
    if (reg.space == ACPI_MEMORY && (reg.addr & 7) == 0)
        out->hpet_phys = reg.addr;
    else
        refuse(r, "HPET", phys, "not in memory, or misaligned");
}

// ---- MCFG

// Buses that another entry has too: their devices would be found twice, and get two drivers.
static bool ecam_overlaps(const AcpiInfo *out, const AcpiEcam *c) {
    for (unsigned i = 0; i < out->ecam_count; i++) {
        const AcpiEcam *o = &out->ecam[i];
        if (o->segment == c->segment && o->bus_first <= c->bus_last && c->bus_first <= o->bus_last)
            return true;
    }
    return false;
}

static void parse_mcfg(const AcpiReader *r, uint64_t phys, AcpiInfo *out) {
    enum { ENTRIES = 44, ENTRY = 16 };
    Table t;
    uint8_t e[ENTRY];
    if (!table_open(r, phys, "MCFG", ENTRIES, TABLE_MAX, &t)) return;
    if ((t.length - ENTRIES) % ENTRY) {
        refuse(r, "MCFG", phys, "length is not a whole number of entries");
        return;
    }
    for (uint32_t off = ENTRIES; off < t.length; off += ENTRY) {
        if (out->ecam_count == ACPI_MAX_ECAM) {
            refuse(r, "MCFG", phys, "more entries than there is room for; the first ones are used");
            return;
        }
        if (!table_read(&t, off, e, ENTRY)) return;
        AcpiEcam c = {le64(e), le16(e + 8), e[10], e[11]};
        if (c.base == 0 || (c.base & 0xfffff) || c.bus_last < c.bus_first)
            refuse(r, "MCFG", phys, "entry misaligned or with buses reversed");
        else if (ecam_overlaps(out, &c))
            refuse(r, "MCFG", phys, "buses listed twice; those of the later entry are not used");
        else
            out->ecam[out->ecam_count++] = c;
    }
}

// ---- SRAT

enum { SRAT_ENTRIES = 48, SRAT_LAPIC = 0, SRAT_MEMORY = 1, SRAT_X2APIC = 2 };

static void cpu_set_node(AcpiInfo *out, uint32_t apic_id, uint32_t node) {
    for (unsigned i = 0; i < out->cpu_count; i++)
        if (out->cpus[i].apic_id == apic_id) out->cpus[i].node = node;
}

static void srat_memory(AcpiInfo *out, const uint8_t *e, uint32_t node_bits) {
    AcpiMem m = {le64(e + 8), le64(e + 16), le32(e + 2) & node_bits};
    if (!(le32(e + 28) & 1) || m.bytes == 0 || m.base + m.bytes < m.base)
        return; // disabled, empty or wrapping
    if (out->mem_count == ACPI_MAX_MEM)
        out->mem_lost++;
    else
        out->mem[out->mem_count++] = m;
}

// Needs the MADT's cores already collected.
static void parse_srat(const AcpiReader *r, uint64_t phys, AcpiInfo *out) {
    static const EntrySize sizes[] = {{SRAT_LAPIC, 16}, {SRAT_MEMORY, 40}, {SRAT_X2APIC, 24}};
    Table t;
    uint8_t e[ENTRY_MAX];
    const char *bad = NULL;
    if (!table_open(r, phys, "SRAT", SRAT_ENTRIES, TABLE_MAX, &t)) return;
    if (!chain_check(&t, SRAT_ENTRIES, sizes, 3)) return;
    out->have_srat = true;
    uint32_t node_bits =
        t.revision < 2 ? 0xff : UINT32_MAX; // the others were reserved, and are not always zero
    for (uint32_t off = SRAT_ENTRIES; entry_next(&t, &off, e, &bad);) {
        if (e[0] == SRAT_LAPIC && (le32(e + 4) & 1))
            cpu_set_node(out, e[3],
                         (e[2] | (uint32_t)e[9] << 8 | (uint32_t)e[10] << 16 | (uint32_t)e[11] << 24) &
                             node_bits);
        else if (e[0] == SRAT_X2APIC && (le32(e + 12) & 1))
            cpu_set_node(out, le32(e + 8), le32(e + 4));
        else if (e[0] == SRAT_MEMORY)
            srat_memory(out, e, node_bits);
    }
}

// ---- DMAR (Intel's Virtualization Technology for Directed I/O, 8.1): nothing of it but this flag

static void parse_dmar(const AcpiReader *r, uint64_t phys, AcpiInfo *out) {
    enum { FLAGS = 37, X2APIC_OPT_OUT = 2 };
    Table t;
    uint8_t flags;
    if (!table_open(r, phys, "DMAR", 48, TABLE_MAX, &t) || !table_read(&t, FLAGS, &flags, 1)) return;
    out->no_x2apic = flags & X2APIC_OPT_OUT;
}

// ---- the root

typedef struct Wanted {
    const char *sig;
    void (*parse)(const AcpiReader *r, uint64_t phys, AcpiInfo *out);
} Wanted;

// In this order, whatever the root table's: SRAT annotates the MADT's cores.
static const Wanted wanted[] = {
    {"APIC", parse_madt}, {"FACP", parse_fadt}, {"HPET", parse_hpet},
    {"MCFG", parse_mcfg}, {"SRAT", parse_srat}, {"DMAR", parse_dmar},
};
enum { WANTED = sizeof wanted / sizeof wanted[0] };

// Walks one root table. Each wanted table is taken where it is first listed.
static bool parse_root(const AcpiReader *r, uint64_t phys, const char *sig, uint32_t width, AcpiInfo *out) {
    Table root;
    uint64_t found[WANTED] = {0};
    uint8_t e[8], name[4];
    if (!table_open(r, phys, sig, SDT_HEADER, ROOT_MAX, &root)) return false;
    if ((root.length - SDT_HEADER) % width)
        return refuse(r, sig, phys, "length is not a whole number of entries");
    for (uint32_t off = SDT_HEADER; off < root.length; off += width) {
        if (!table_read(&root, off, e, width)) return refuse(r, sig, phys, "entry not readable");
        uint64_t at = width == 8 ? le64(e) : le32(e);
        if (at == 0) continue; // firmware that blanks an entry
        if (!read_at(r, at, name, 4)) {
            refuse(r, "????", at, "listed table not readable");
            continue;
        }
        for (int i = 0; i < WANTED; i++) {
            if (!bytes_equal(name, wanted[i].sig, 4)) continue;
            if (found[i] == 0)
                found[i] = at;
            else if (found[i] != at)
                refuse(r, wanted[i].sig, at, "second table of this name");
        }
    }
    for (int i = 0; i < WANTED; i++)
        if (found[i]) wanted[i].parse(r, found[i], out);
    return true;
}

bool acpi_parse(const AcpiReader *r, uint64_t rsdp, AcpiInfo *out) {
    uint8_t p[36], sum;
    *out = (AcpiInfo){0};
    if (!read_at(r, rsdp, p, 20)) return refuse(r, "RSDP", rsdp, "not readable");
    if (!bytes_equal(p, "RSD PTR ", 8)) return refuse(r, "RSDP", rsdp, "wrong signature");
    if (!byte_sum(r, rsdp, 20, &sum) || sum != 0) return refuse(r, "RSDP", rsdp, "wrong checksum");
    out->rsdp_revision = p[15];
    if (p[15] >= 2) {
        if (!read_at(r, rsdp, p, 36)) {
            refuse(r, "RSDP", rsdp, "second half not readable");
        } else {
            uint32_t length = le32(p + 20);
            if (length < 36 || length > 4096)
                refuse(r, "RSDP", rsdp, "wrong length");
            else if (!byte_sum(r, rsdp, length, &sum) || sum != 0)
                refuse(r, "RSDP", rsdp, "wrong extended checksum");
            else if (le64(p + 24) != 0 && parse_root(r, le64(p + 24), "XSDT", 8, out))
                return out->have_root = true;
        }
    }
    if (le32(p + 16) != 0 && parse_root(r, le32(p + 16), "RSDT", 4, out)) return out->have_root = true;
    *out = (AcpiInfo){0};
    return refuse(r, "RSDP", rsdp, "no usable RSDT or XSDT");
}

uint32_t acpi_node_of(const AcpiInfo *info, uint64_t phys) {
    for (unsigned i = 0; i < info->mem_count; i++)
        if (phys - info->mem[i].base < info->mem[i].bytes) return info->mem[i].node;
    return 0;
}
