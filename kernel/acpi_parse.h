// acpi_parse.h -- what the static ACPI tables say about this machine.
//
// A pure parser: it reads memory only through a callback, allocates nothing, keeps no state and reports what
// it refuses through a second callback. So the kernel runs it over physical memory, and unit tests and
// fuzzers over arrays of bytes.
//
// Rules: every length is checked against the table and the table against a bound before use; a table with a
// wrong checksum or a malformed entry chain is reported by name and left out as a whole. What is left out
// shows as zero in AcpiInfo.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    ACPI_MAX_CPUS = 256,
    ACPI_MAX_MEM = 128,
    ACPI_MAX_ECAM = 16,
    ACPI_MAX_IOAPICS = 16,
    ACPI_ISA_IRQS = 16
};

typedef struct AcpiReader {
    // Copies n bytes at physical address `phys`. False: not readable memory.
    bool (*read)(void *ctx, uint64_t phys, void *dst, size_t n);
    // Told once per refused table: signature, address, constant text with the reason.
    void (*refuse)(void *ctx, const char sig[4], uint64_t phys, const char *why);
    void *ctx;
} AcpiReader;

typedef struct AcpiCpu {
    uint32_t apic_id;
    uint32_t uid;
    uint32_t node;
} AcpiCpu;

typedef struct AcpiMem {
    uint64_t base, bytes;
    uint32_t node;
} AcpiMem;

typedef struct AcpiEcam {
    uint64_t base; // of bus 0 of the segment
    uint16_t segment;
    uint8_t bus_first, bus_last;
} AcpiEcam;

// A generic address structure, reduced to the two spaces that we can reach.
typedef enum { ACPI_NOWHERE = 0, ACPI_MEMORY, ACPI_PORT, ACPI_PCI_CONFIG } AcpiSpace;
typedef struct AcpiReg {
    uint8_t space; // AcpiSpace
    uint8_t bits;
    uint64_t addr;
} AcpiReg;

// Where an ISA interrupt arrives, if firmware says so; otherwise at the input of its own number, edge, active
// high.
typedef struct AcpiIsaIrq {
    bool given, level, active_low;
    uint32_t gsi;
} AcpiIsaIrq;

typedef struct AcpiInfo {
    bool have_root, have_madt, have_fadt, have_srat;
    uint8_t rsdp_revision;

    uint64_t lapic_phys;
    AcpiCpu cpus[ACPI_MAX_CPUS]; // enabled ones, in table order, without duplicates
    unsigned cpu_count;
    unsigned cpu_disabled;  // listed, but neither enabled nor usable without hot-plug
    unsigned cpu_duplicate; // listed more than once
    unsigned cpu_lost;      // enabled, but beyond ACPI_MAX_CPUS
    unsigned ioapic_count;
    uint32_t ioapic_phys[ACPI_MAX_IOAPICS];
    uint32_t ioapic_gsi[ACPI_MAX_IOAPICS]; // number of its first input
    AcpiIsaIrq isa[ACPI_ISA_IRQS];         // by ISA interrupt number

    uint64_t hpet_phys;
    AcpiReg pm_timer;
    bool pm_timer_32bit;     // else 24 bits
    uint16_t pm1a_control;   // port; 0: none
    uint16_t pm1a_event;     // port of the status register, the enable register behind it; 0: none
    uint8_t pm1_event_bytes; // of both
    bool fixed_button;       // the power button is an event of those registers
    uint32_t sci_gsi;        // where the events' interrupt arrives
    bool sci_level, sci_active_low;
    uint16_t smi_command; // port; 0: the machine is always in ACPI mode
    uint8_t acpi_enable;  // written to it: ACPI mode
    struct {
        uint16_t port;
        uint8_t bytes;
    } gpe[2];      // general-purpose events: status half, enable half; bytes 0: none
    AcpiReg reset; // space 0: firmware does not support it
    uint8_t reset_value;
    uint8_t rtc_century; // CMOS index; 0: none
    bool no_i8042; // firmware says so; absence of the flag on old tables means "unknown: assume present"
    bool no_cmos_rtc;
    bool no_x2apic; // firmware asks for this: its management mode cannot do with it
    bool no_legacy; // no 8254/8259 and other ISA devices (hardware-reduced)

    AcpiEcam ecam[ACPI_MAX_ECAM];
    unsigned ecam_count;
    AcpiMem mem[ACPI_MAX_MEM]; // enabled memory affinity ranges
    unsigned mem_count, mem_lost;
} AcpiInfo;

// Fills *out from the tables under the RSDP at `rsdp`. False: no usable root table; *out is then all zero.
// Context: any.
bool acpi_parse(const AcpiReader *r, uint64_t rsdp, AcpiInfo *out);

// NUMA node of a physical address; 0 when unknown.
uint32_t acpi_node_of(const AcpiInfo *info, uint64_t phys);
