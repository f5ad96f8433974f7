// reference.c -- HPET, ACPI PM timer and PIT: counters outside the core, of known speed.
//
// Reading one takes a microsecond, more in a virtual machine.
//
// Sources: IA-PC HPET Specification 1.0a (2.3.4 General Capabilities), ACPI 6.4 (4.8.3.3 PM timer), Intel
// 8254.
#include "kernel/x86/reference.h"
#include "kernel/acpi.h"
#include "kernel/kernel.h"
#include "kernel/x86/cpu.h"

enum { MOVES_POLLS = 100000 }; // readings; each counter below moves within ten

static uint64_t pit_read(void);

uint64_t reference_read(const Reference *r) {
    return r->kind == REFERENCE_PIT ? pit_read() : reference_read_wide(r);
}

static bool moves(const Reference *r) {
    uint64_t first = reference_read(r);
    for (int polls = 0; polls < MOVES_POLLS; polls++)
        if (((reference_read(r) ^ first) & r->mask) != 0) return true;
    rt_printf("clock:  the %s stands still\n", r->name);
    return false;
}

// ---- HPET

bool reference_hpet(Reference *r) {
    const uint64_t period_max_fs = 100000000; // by the specification
    if (!acpi_info()->hpet_phys) return false;
    volatile uint64_t *hpet = map_mmio(acpi_info()->hpet_phys, 1024, CACHE_UC);
    if (!hpet) return false;
    uint64_t caps = hpet[0], period_fs = caps >> 32;
    if (period_fs == 0 || period_fs > period_max_fs) {
        rt_printf("clock:  no HPET at 0x%lx: nothing answers\n", (unsigned long)acpi_info()->hpet_phys);
        return false;
    }
    hpet[0x10 / 8] |= 1; // main counter runs
    bool wide = caps >> 13 & 1;
    *r = (Reference){.name = "HPET",
                     .hz = 1000000000000000ull / period_fs,
                     .mask = wide ? UINT64_MAX : UINT32_MAX,
                     .kind = wide ? REFERENCE_MEMORY_64 : REFERENCE_MEMORY_32,
                     .memory = &hpet[0xf0 / 8]};
    return moves(r);
}

// ---- ACPI PM timer

bool reference_pm_timer(Reference *r) {
    AcpiReg reg = acpi_info()->pm_timer;
    *r = (Reference){.name = "PM timer",
                     .hz = 3579545,
                     .mask = acpi_info()->pm_timer_32bit ? UINT32_MAX : 0xffffff,
                     .kind = REFERENCE_PORT_32,
                     .port = (uint16_t)reg.addr};
    if (reg.space == ACPI_MEMORY) {
        r->kind = REFERENCE_MEMORY_32;
        r->memory = map_mmio(reg.addr, 4, CACHE_UC);
        if (!r->memory) return false;
    } else if (reg.space != ACPI_PORT) {
        return false;
    }
    return moves(r);
}

// ---- PIT

enum { PIT_CHANNEL2 = 0x42, PIT_COMMAND = 0x43, PORT_B = 0x61 };

static uint64_t pit_read(void) {
    cpu_out8(PIT_COMMAND, 0x80); // latch channel 2
    uint32_t lo = cpu_in8(PIT_CHANNEL2), hi = cpu_in8(PIT_CHANNEL2);
    return 0xffff - (hi << 8 | lo); // counts down
}

bool reference_any_pit(Reference *r) {
    cpu_out8(PORT_B, (cpu_in8(PORT_B) & ~2u) | 1); // speaker off, gate on
    cpu_out8(PIT_COMMAND, 0xb4);                   // channel 2, both bytes, mode 2: free running
    cpu_out8(PIT_CHANNEL2, 0);
    cpu_out8(PIT_CHANNEL2, 0);
    *r = (Reference){.name = "PIT", .hz = 1193182, .mask = 0xffff, .kind = REFERENCE_PIT};
    return moves(r);
}

bool reference_pit(Reference *r) {
    return !acpi_info()->no_legacy && reference_any_pit(r);
}
