// t_events.c -- ACPI events that nobody asked for: switches them on behind the kernel's back, as firmware
// may, for tests/test_injected.py.
//
// First the PM timer's overflow event, which sets its bit every 2.3 s and is never cleared by anybody: the
// kernel must switch it off. Then all general-purpose events; the test plugs in a processor, whose event only
// AML could clear: the line must be masked. Both interrupts are level triggered, so without that the boot
// core would never do anything else again.
//
// hosted: no (needs the registers)
// judged by: tests/test_injected.py
#include "check.h"
#include "kernel/acpi.h"
#include "kernel/kernel.h"
#include "kernel/x86/cpu.h"

enum { TIMER_EVENT = 1, STORM = 1000 };

static uint64_t events(void) {
    return cpus[0]->irq_device;
}

int main(int argc, char **argv) {
    const AcpiInfo *a = acpi_info();
    uint16_t enable = (uint16_t)(a->pm1a_event + a->pm1_event_bytes / 2);
    println("enabled at start: 0x%x", cpu_in16(enable));
    uint64_t before = events();
    cpu_out16(enable, (uint16_t)(cpu_in16(enable) | TIMER_EVENT));
    while (cpu_in16(enable) & TIMER_EVENT)
        time_sleep(10 * MILLISECOND);
    println("timer event switched off after %lu interrupts", (unsigned long)(events() - before));

    before = events();
    for (uint16_t i = 0; i < a->gpe[0].bytes / 2; i++)
        cpu_out8((uint16_t)(a->gpe[0].port + a->gpe[0].bytes / 2 + i), 0xff);
    println("waiting for a processor");
    while (events() - before < STORM)
        time_sleep(MILLISECOND);
    uint64_t seen = events();
    time_sleep(100 * MILLISECOND);
    CHECK(events() == seen);
    println("quiet after %lu interrupts", (unsigned long)(events() - before));
    return atomic_int32_load(&failures) != 0;
}
