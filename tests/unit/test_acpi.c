// test_acpi.c -- the ACPI parser over good tables, over tables broken in each way we check, and over random
// damage.
//
// Memory is one flat array at physical address MEM_BASE; reads outside it fail, as unmapped addresses do on
// the metal, and the array is allocated exactly, so that AddressSanitizer sees an overread of the test's own.
#include "test.h"
#include "kernel/acpi_parse.c"

enum { MEM_BASE = 0x10000, MEM_BYTES = 0x8000 };
enum {
    AT_RSDP = 0x10000,
    AT_RSDT = 0x10100,
    AT_XSDT = 0x10300,
    AT_MADT = 0x11000,
    AT_FADT = 0x12000,
    AT_HPET = 0x12200,
    AT_MCFG = 0x12300,
    AT_SRAT = 0x12400,
    AT_BIG = 0x13000
};

static uint8_t *mem;
static unsigned refusals;
static char last_refusal[128];
static unsigned long reads;

static bool mem_read(void *ctx, uint64_t phys, void *dst, size_t n) {
    reads++;
    if (phys < MEM_BASE || phys - MEM_BASE > MEM_BYTES || n > MEM_BYTES - (phys - MEM_BASE)) return false;
    memcpy(dst, mem + (phys - MEM_BASE), n);
    return true;
}
static void note_refusal(void *ctx, const char sig[4], uint64_t phys, const char *why) {
    refusals++;
    snprintf(last_refusal, sizeof last_refusal, "%.4s: %s", sig, why);
}
static const AcpiReader reader = {mem_read, note_refusal, NULL};

static uint8_t *at(uint64_t phys) {
    return mem + (phys - MEM_BASE);
}
static void put16(uint64_t a, unsigned v) {
    memcpy(at(a), &(uint16_t){(uint16_t)v}, 2);
}
static void put32(uint64_t a, uint32_t v) {
    memcpy(at(a), &v, 4);
}
static void put64(uint64_t a, uint64_t v) {
    memcpy(at(a), &v, 8);
}

// Makes bytes [a, a + n) sum to zero by setting the byte at `where`.
static void fix_sum(uint64_t a, uint32_t n, uint64_t where) {
    uint8_t sum = 0;
    *at(where) = 0;
    for (uint32_t i = 0; i < n; i++)
        sum = (uint8_t)(sum + at(a)[i]);
    *at(where) = (uint8_t)-sum;
}
static void seal(uint64_t table) { // recompute the checksum after an edit
    uint32_t n;
    memcpy(&n, at(table) + 4, 4);
    fix_sum(table, n, table + 9);
}
static void header(uint64_t a, const char *sig, uint32_t length, uint8_t revision) {
    memset(at(a), 0, length);
    memcpy(at(a), sig, 4);
    put32(a + 4, length);
    *at(a + 8) = revision;
}
static void seal_rsdp(void) {
    fix_sum(AT_RSDP, 20, AT_RSDP + 8);
    fix_sum(AT_RSDP, 36, AT_RSDP + 32);
}

static uint64_t lapic_entry(uint64_t a, uint8_t uid, uint8_t id, uint32_t flags) {
    *at(a) = 0, *at(a + 1) = 8, *at(a + 2) = uid, *at(a + 3) = id;
    put32(a + 4, flags);
    return a + 8;
}
static uint64_t x2apic_entry(uint64_t a, uint32_t id, uint32_t flags) {
    *at(a) = 9, *at(a + 1) = 16;
    put32(a + 4, id), put32(a + 8, flags), put32(a + 12, id);
    return a + 16;
}
static void end_table(uint64_t table, uint64_t end) {
    put32(table + 4, (uint32_t)(end - table));
    seal(table);
}

// A machine of three enabled cores (0, 2, 300), one disabled, one online-capable, one listed twice.
static void build(void) {
    memset(mem, 0, MEM_BYTES);
    memcpy(at(AT_RSDP), "RSD PTR ", 8);
    *at(AT_RSDP + 15) = 2;
    put32(AT_RSDP + 16, AT_RSDT), put32(AT_RSDP + 20, 36), put64(AT_RSDP + 24, AT_XSDT);
    seal_rsdp();

    static const uint32_t tables[] = {AT_SRAT, AT_MADT, AT_FADT, AT_HPET,
                                      AT_MCFG}; // SRAT before MADT on purpose
    header(AT_RSDT, "RSDT", 36 + 5 * 4, 1), header(AT_XSDT, "XSDT", 36 + 5 * 8, 1);
    for (int i = 0; i < 5; i++)
        put32(AT_RSDT + 36 + 4 * i, tables[i]), put64(AT_XSDT + 36 + 8 * i, tables[i]);
    seal(AT_RSDT), seal(AT_XSDT);

    header(AT_MADT, "APIC", 512, 4);
    put32(AT_MADT + 36, 0xfee00000);
    uint64_t e = AT_MADT + 44;
    e = lapic_entry(e, 0, 0, 1);
    e = lapic_entry(e, 1, 1, 0);
    e = lapic_entry(e, 2, 2, 1);
    e = lapic_entry(e, 3, 3, 2);   // online-capable only
    e = lapic_entry(e, 4, 255, 1); // broadcast: no core
    *at(e) = 1, *at(e + 1) = 12, put32(e + 4, 0xfec00000), put32(e + 8, 24), e += 12;
    *at(e) = 2, *at(e + 1) = 10, *at(e + 3) = 4, put32(e + 4, 9), *at(e + 8) = 0x0f, e += 10; // ISA 4 is input 9
    *at(e) = 0x7f, *at(e + 1) = 5, e += 5; // unknown type: skipped
    e = x2apic_entry(e, 2, 1);             // core 2 again
    e = x2apic_entry(e, 300, 1);
    end_table(AT_MADT, e);

    header(AT_FADT, "FACP", 244, 4);
    put32(AT_FADT + 76, 0x608), *at(AT_FADT + 91) = 4, put32(AT_FADT + 64, 0x604), *at(AT_FADT + 89) = 2,
                                              *at(AT_FADT + 108) = 0x32;
    put16(AT_FADT + 46, 4), put32(AT_FADT + 48, 0xb2), *at(AT_FADT + 52) = 0xa0; // events: SCI is ISA 4
    put32(AT_FADT + 56, 0x600), *at(AT_FADT + 88) = 4, put32(AT_FADT + 80, 0x620), *at(AT_FADT + 92) = 16;
    put16(AT_FADT + 109, 1 << 1), put32(AT_FADT + 112, 1 << 8 | 1 << 10);
    *at(AT_FADT + 116) = 1, *at(AT_FADT + 117) = 8, put64(AT_FADT + 120, 0xcf9), *at(AT_FADT + 128) = 0x0f;
    seal(AT_FADT);

    header(AT_HPET, "HPET", 56, 1);
    put64(AT_HPET + 44, 0xfed00000);
    seal(AT_HPET);

    header(AT_MCFG, "MCFG", 44 + 16, 1);
    put64(AT_MCFG + 44, 0xb0000000), *at(AT_MCFG + 55) = 255;
    seal(AT_MCFG);

    header(AT_SRAT, "SRAT", 48 + 16 + 24 + 40 + 40, 3);
    e = AT_SRAT + 48;
    *at(e) = 0, *at(e + 1) = 16, *at(e + 2) = 1, *at(e + 3) = 2, put32(e + 4, 1), e += 16; // core 2: node 1
    *at(e) = 2, *at(e + 1) = 24, put32(e + 4, 7), put32(e + 8, 300), put32(e + 12, 1), e += 24;
    *at(e) = 1, *at(e + 1) = 40, put32(e + 2, 1), put64(e + 8, 0x40000000), put64(e + 16, 0x1000),
    put32(e + 28, 1), e += 40;
    *at(e) = 1, *at(e + 1) = 40, put32(e + 2, 9), put64(e + 8, 0x80000000), put64(e + 16, 0x1000),
    e += 40; // disabled
    end_table(AT_SRAT, e);
}

static AcpiInfo info;
static bool parse(void) {
    refusals = 0;
    last_refusal[0] = 0;
    return acpi_parse(&reader, AT_RSDP, &info);
}

static void check_good(void) {
    CHECK(info.have_root && info.have_madt && info.have_fadt && info.have_srat);
    CHECK_EQ(info.lapic_phys, 0xfee00000);
    CHECK_EQ(info.cpu_count, 3);
    CHECK_EQ(info.cpus[0].apic_id, 0);
    CHECK_EQ(info.cpus[1].apic_id, 2);
    CHECK_EQ(info.cpus[2].apic_id, 300);
    CHECK_EQ(info.cpus[1].node, 1);
    CHECK_EQ(info.cpus[2].node, 7);
    CHECK_EQ(info.cpu_disabled, 2);
    CHECK_EQ(info.cpu_duplicate, 1);
    CHECK_EQ(info.ioapic_phys[0], 0xfec00000);
    CHECK_EQ(info.ioapic_gsi[0], 24);
    CHECK(info.isa[4].given && info.isa[4].gsi == 9 && info.isa[4].level && info.isa[4].active_low);
    CHECK(!info.isa[0].given);
    CHECK_EQ(info.hpet_phys, 0xfed00000);
    CHECK_EQ(info.pm_timer.space, ACPI_PORT);
    CHECK_EQ(info.pm_timer.addr, 0x608);
    CHECK(info.pm_timer_32bit);
    CHECK_EQ(info.pm1a_control, 0x604);
    CHECK_EQ(info.pm1a_event, 0x600);
    CHECK_EQ(info.pm1_event_bytes, 4);
    CHECK(info.fixed_button && info.sci_gsi == 9 && info.sci_level && info.sci_active_low);
    CHECK_EQ(info.smi_command, 0xb2);
    CHECK_EQ(info.acpi_enable, 0xa0);
    CHECK(info.gpe[0].port == 0x620 && info.gpe[0].bytes == 16 && info.gpe[1].bytes == 0);
    CHECK_EQ(info.reset.space, ACPI_PORT);
    CHECK_EQ(info.reset.addr, 0xcf9);
    CHECK_EQ(info.reset_value, 0x0f);
    CHECK_EQ(info.rtc_century, 0x32);
    CHECK(!info.no_i8042 && !info.no_cmos_rtc && !info.no_legacy);
    CHECK_EQ(info.ecam_count, 1);
    CHECK_EQ(info.ecam[0].base, 0xb0000000);
    CHECK_EQ(info.ecam[0].bus_last, 255);
    CHECK_EQ(info.mem_count, 1);
    CHECK_EQ(acpi_node_of(&info, 0x40000fff), 1);
    CHECK_EQ(acpi_node_of(&info, 0x40001000), 0);
}

static void good_tables(void) {
    build();
    CHECK(parse());
    CHECK_EQ(refusals, 0);
    check_good();
}

static void acpi_1_0(void) {
    build();
    *at(AT_RSDP + 15) = 0;
    seal_rsdp();
    memset(at(AT_XSDT), 0xee, 100); // must not be looked at
    CHECK(parse());
    CHECK_EQ(refusals, 0);
    check_good();
}

static void xsdt_broken_falls_back(void) {
    build();
    *at(AT_XSDT + 40) ^= 1;
    CHECK(parse());
    CHECK_STR(last_refusal, "XSDT: wrong checksum");
    check_good();
    build();
    put64(AT_RSDP + 24, 0xfffffffffffffff0), seal_rsdp(); // wraps
    CHECK(parse());
    CHECK_STR(last_refusal, "XSDT: header not readable");
    check_good();
}

static void no_root(void) {
    build();
    *at(AT_RSDP) = 'X';
    CHECK(!parse());
    CHECK_STR(last_refusal, "RSDP: wrong signature");
    build();
    *at(AT_RSDP + 10) ^= 1;
    CHECK(!parse());
    CHECK_STR(last_refusal, "RSDP: wrong checksum");
    build();
    *at(AT_RSDT + 9) ^= 1, *at(AT_XSDT + 9) ^= 1;
    CHECK(!parse());
    CHECK_STR(last_refusal, "RSDP: no usable RSDT or XSDT");
    CHECK_EQ(info.cpu_count, 0);
    refusals = 0;
    CHECK(!acpi_parse(&reader, 0, &info));
    CHECK(!acpi_parse(&reader, UINT64_MAX - 3, &info));
    CHECK_EQ(refusals, 2);
    build();
    put32(AT_RSDP + 20, 35), seal_rsdp(); // v2 with a wrong length: the first half still serves
    CHECK(parse());
    CHECK_STR(last_refusal, "RSDP: wrong length");
    check_good();
}

static void root_points_to_itself(void) {
    build();
    put64(AT_XSDT + 36, AT_XSDT), put64(AT_XSDT + 44, AT_RSDP), put64(AT_XSDT + 52, 0), seal(AT_XSDT);
    CHECK(parse()); // SRAT, MADT and FADT are gone, HPET and MCFG are left
    CHECK_EQ(refusals, 0);
    CHECK(!info.have_madt && !info.have_fadt);
    CHECK_EQ(info.hpet_phys, 0xfed00000);
}

static void listed_twice(void) {
    build();
    put64(AT_XSDT + 36, AT_MADT), seal(AT_XSDT); // the same table again: harmless
    CHECK(parse());
    CHECK_EQ(refusals, 0);
    CHECK_EQ(info.cpu_count, 3);
    CHECK_EQ(info.cpu_duplicate, 1);
    build();
    memcpy(at(AT_BIG), at(AT_MADT), 512);
    put64(AT_XSDT + 36, AT_BIG), seal(AT_XSDT); // another of the same name
    CHECK(parse());
    CHECK_STR(last_refusal, "APIC: second table of this name");
    CHECK_EQ(info.cpu_count, 3);
    build();
    put64(AT_XSDT + 36, 0x7fff0000), seal(AT_XSDT); // nowhere
    CHECK(parse());
    CHECK_STR(last_refusal, "????: listed table not readable");
    CHECK_EQ(info.cpu_count, 3);
}

// Applies one edit to the MADT, seals it and expects it refused for `why`, with everything else intact.
static void madt_refused(uint64_t where, uint8_t value, const char *why) {
    build();
    *at(where) = value;
    seal(AT_MADT);
    CHECK(parse());
    CHECK_STR(last_refusal, why);
    CHECK(!info.have_madt && info.have_fadt);
    CHECK_EQ(info.cpu_count, 0);
    CHECK_EQ(info.lapic_phys, 0);
}

static void bad_madt(void) {
    madt_refused(AT_MADT + 44 + 8 + 1, 0, "APIC: entry of length 0 or 1");
    madt_refused(AT_MADT + 44 + 8 + 1, 1, "APIC: entry of length 0 or 1");
    madt_refused(AT_MADT + 44 + 8 + 1, 7, "APIC: entry too short for its type");
    madt_refused(AT_MADT + 44 + 8 + 1, 255, "APIC: entry longer than the table");
    build();
    put32(AT_MADT + 4, 44 + 8 + 1), seal(AT_MADT); // one byte of an entry left
    CHECK(parse());
    CHECK_STR(last_refusal, "APIC: entry header beyond its end");
    build();
    put32(AT_MADT + 4, 43), seal(AT_MADT);
    CHECK(parse());
    CHECK_STR(last_refusal, "APIC: too short");
    build();
    put32(AT_MADT + 4, 0x7001); // one byte beyond the memory
    CHECK(parse());
    CHECK_STR(last_refusal, "APIC: not readable to its end");
    build();
    put32(AT_MADT + 4, 0xffffffff);
    CHECK(parse());
    CHECK_STR(last_refusal, "APIC: longer than any sane table");
    build();
    *at(AT_MADT + 50) ^= 0x40;
    CHECK(parse());
    CHECK_STR(last_refusal, "APIC: wrong checksum");
    CHECK(!info.have_madt);
}

static void bad_others(void) {
    build();
    put32(AT_FADT + 4, 115), seal(AT_FADT);
    CHECK(parse());
    CHECK_STR(last_refusal, "FACP: too short");
    CHECK_EQ(info.pm_timer.space, ACPI_NOWHERE);
    build();
    put32(AT_FADT + 4, 116), seal(AT_FADT); // ACPI 1.0 size: no reset register
    CHECK(parse());
    CHECK_EQ(refusals, 0);
    CHECK_EQ(info.reset.space, ACPI_NOWHERE);
    CHECK_EQ(info.pm_timer.addr, 0x608);
    build();
    put64(AT_FADT + 120, 0x10cf9), seal(AT_FADT); // a port beyond 64K
    CHECK(parse());
    CHECK_EQ(info.reset.space, ACPI_NOWHERE);
    build();
    *at(AT_HPET + 40) = 1, seal(AT_HPET);
    CHECK(parse());
    CHECK_STR(last_refusal, "HPET: not in memory, or misaligned");
    CHECK_EQ(info.hpet_phys, 0);
    build();
    put32(AT_MCFG + 4, 44 + 15), seal(AT_MCFG);
    CHECK(parse());
    CHECK_STR(last_refusal, "MCFG: length is not a whole number of entries");
    build();
    *at(AT_MCFG + 54) = 9, *at(AT_MCFG + 55) = 8, seal(AT_MCFG);
    CHECK(parse());
    CHECK_EQ(info.ecam_count, 0);
    build(); // the first entry again, then one with other buses
    put32(AT_MCFG + 4, 44 + 3 * 16);
    memcpy(at(AT_MCFG + 60), at(AT_MCFG + 44), 16), memcpy(at(AT_MCFG + 76), at(AT_MCFG + 44), 16);
    *at(AT_MCFG + 54) = 0, *at(AT_MCFG + 55) = 7, *at(AT_MCFG + 70) = 7, *at(AT_MCFG + 71) = 9, *at(AT_MCFG + 86) = 8, *at(AT_MCFG + 87) = 9;
    seal(AT_MCFG);
    CHECK(parse());
    CHECK_STR(last_refusal, "MCFG: buses listed twice; those of the later entry are not used");
    CHECK(info.ecam_count == 2 && info.ecam[1].bus_first == 8);
    build();
    put32(AT_FADT + 80, 0xfffffff0), seal(AT_FADT); // port + bytes wraps
    CHECK(parse());
    CHECK(info.gpe[0].port == 0 && info.gpe[0].bytes == 0);
    for (unsigned i = 0; i < 2; i++) { // at the serial port, then over PCI's
        build();
        put32(AT_FADT + 56, i ? 0xcf4 : 0x3f8), *at(AT_FADT + 88) = i ? 8 : 4, put32(AT_FADT + 80, 0x60), *at(AT_FADT + 92) = 8, seal(AT_FADT);
        CHECK(parse());
        CHECK_STR(last_refusal, "FACP: events at ports that cannot be theirs; those are not used");
        CHECK(info.pm1a_event == 0 && info.gpe[0].port == 0);
    }
    build();
    header(AT_BIG, "MCFG", 44 + 17 * 16, 1);
    for (unsigned i = 0; i < 17; i++) { // buses of their own
        put64(AT_BIG + 44 + 16 * i, 0xb0000000);
        put32(AT_BIG + 52 + 16 * i, i << 16 | i << 24);
    }
    seal(AT_BIG);
    put64(AT_XSDT + 36 + 4 * 8, AT_BIG), seal(AT_XSDT);
    CHECK(parse());
    CHECK_STR(last_refusal, "MCFG: more entries than there is room for; the first ones are used");
    CHECK_EQ(info.ecam_count, ACPI_MAX_ECAM);
    build();
    *at(AT_SRAT + 48 + 16 + 1) = 0, seal(AT_SRAT);
    CHECK(parse());
    CHECK_STR(last_refusal, "SRAT: entry of length 0 or 1");
    CHECK_EQ(info.cpu_count, 3);
    CHECK_EQ(info.cpus[1].node, 0); // nothing of the malformed table was taken
    build();
    put64(AT_SRAT + 48 + 40 + 16, UINT64_MAX), seal(AT_SRAT); // base + bytes wraps
    CHECK(parse());
    CHECK_EQ(info.mem_count, 0);
}

// Of a table of revision 1 a node has 8 bits, and the others may be anything.
static void old_nodes(void) {
    for (uint8_t revision = 1; revision <= 3; revision++) {
        build();
        CHECK(parse());
        uint32_t core = info.cpus[1].node, memory = info.mem[0].node;
        for (uint64_t e = AT_SRAT + 48; *at(e + 1); e += *at(e + 1)) {
            if (*at(e) == 0) *at(e + 10) = 0x5a;
            if (*at(e) == 1) *at(e + 4) = 0x77;
        }
        *at(AT_SRAT + 8) = revision, seal(AT_SRAT);
        CHECK(parse());
        CHECK_EQ(info.mem[0].node, revision == 1 ? memory : memory | 0x770000);
        CHECK_EQ(info.cpus[1].node, revision == 1 ? core : core | 0x5a0000);
    }
}

static void firmware_that_wants_no_x2apic(void) {
    for (unsigned flags = 0; flags < 4; flags++) {
        build();
        header(AT_BIG, "DMAR", 48, 1);
        *at(AT_BIG + 36) = 45, *at(AT_BIG + 37) = (uint8_t)flags, seal(AT_BIG);
        put64(AT_XSDT + 36 + 3 * 8, AT_BIG), seal(AT_XSDT); // in the place of the HPET's
        CHECK(parse());
        CHECK_EQ(refusals, 0);
        CHECK_EQ(info.no_x2apic, flags >> 1);
    }
}

static void more_cores_than_we_take(void) {
    build();
    header(AT_BIG, "APIC", 0x3000, 4);
    uint64_t e = AT_BIG + 44;
    for (uint32_t id = 0; id < ACPI_MAX_CPUS + 7; id++)
        e = x2apic_entry(e, 1000 + id, 1);
    end_table(AT_BIG, e);
    put64(AT_XSDT + 44, AT_BIG), seal(AT_XSDT);
    CHECK(parse());
    CHECK_EQ(info.cpu_count, ACPI_MAX_CPUS);
    CHECK_EQ(info.cpu_lost, 7);
}

// Whatever is in memory, the parser ends, stays in its arrays and keeps its promises.
static void check_sane(void) {
    CHECK(info.cpu_count <= ACPI_MAX_CPUS && info.mem_count <= ACPI_MAX_MEM);
    CHECK(info.ecam_count <= ACPI_MAX_ECAM && info.ioapic_count <= ACPI_MAX_IOAPICS);
    for (unsigned i = 0; i < info.cpu_count; i++)
        for (unsigned j = 0; j < i; j++)
            CHECK(info.cpus[i].apic_id != info.cpus[j].apic_id);
    CHECK(info.pm_timer.space != ACPI_PORT || info.pm_timer.addr <= 0xffff);
}

// Random bytes changed, then the checksums made right again, so that the damage gets past the first line of
// defence.
static void random_damage(void) {
    static const uint32_t tables[] = {AT_RSDT, AT_XSDT, AT_MADT, AT_FADT, AT_HPET, AT_MCFG, AT_SRAT};
    unsigned whole = 0;
    for (int round = 0; round < 20000; round++) {
        build();
        for (uint64_t n = 1 + test_below(6); n > 0; n--) {
            uint32_t t = tables[test_below(7)];
            *at(t + 4 + test_below(test_below(2) ? 8 : 160)) = (uint8_t)(test_below(3) ? test_rand() : 0);
        }
        for (int i = 0; i < 7; i++) {
            uint32_t n;
            memcpy(&n, at(tables[i]) + 4, 4);
            if (n >= 36 && n <= MEM_BYTES - (tables[i] - MEM_BASE)) seal(tables[i]);
        }
        reads = 0;
        if (parse()) whole++;
        check_sane();
        CHECK(reads < 100000);
    }
    CHECK(whole > 10000); // the damage did not simply always hit the root
}

int main(void) {
    mem = malloc(MEM_BYTES);
    RUN(good_tables);
    RUN(acpi_1_0);
    RUN(xsdt_broken_falls_back);
    RUN(no_root);
    RUN(root_points_to_itself);
    RUN(listed_twice);
    RUN(bad_madt);
    RUN(bad_others);
    RUN(old_nodes);
    RUN(firmware_that_wants_no_x2apic);
    RUN(more_cores_than_we_take);
    RUN(random_damage);
    free(mem);
    return test_done();
}
