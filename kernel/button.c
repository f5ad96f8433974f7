// button.c -- the power button ends the program: ACPI's fixed event, without AML.
//
// A press says so on the consoles, lets them drain, and ends the machine with status 143. The program is not
// asked: there is no signal that it could have handled.
//
// The button is one of the events of the PM1 registers, which arrive as the system control interrupt (SCI):
// level triggered, so whoever does not take away its cause is interrupted for ever. So all other events are
// switched off, the general-purpose ones (whose meaning only AML knows) included, and as a last resort, after
// STORM interrupts in a row in which nothing of ours was set, the line.
//
// Machines with reduced hardware, or whose button is an AML device, have no button here.
//
// Sources: ACPI 6.4, 4.8.3 (PM1 registers), 4.8.2.1 (SCI_EN, ACPI_ENABLE), 5.2.9 (FADT).
#include "kernel/button.h"
#include "kernel/acpi.h"
#include "kernel/kernel.h"
#include "kernel/x86/cpu.h"
#include "kernel/x86/ioapic.h"

enum { PM1_BUTTON = 1 << 8, PM1_ALL_EVENTS = 0x8731, PM1_SCI_ENABLED = 1 };
enum { ENABLE_POLLS = 300000, STORM = 1000 }; // a poll takes a microsecond; firmware is known to need 300 ms

static uint16_t status_port, enable_port;
static unsigned idle_run; // interrupts in a row with nothing set; boot core only

static void pressed(void) {
    cpu_out16(status_port, PM1_BUTTON);
    rt_printf("power button: the machine ends\n");
    plat_exit(BUTTON_STATUS);
}

static void sci(int vector, void *arg) {
    uint16_t set = cpu_in16(status_port) & cpu_in16(enable_port);
    if (set & PM1_BUTTON) pressed();
    if (set) { // somebody, firmware perhaps, has switched on another event
        cpu_out16(enable_port, PM1_BUTTON);
        cpu_out16(status_port, set);
        idle_run = 0;
        return;
    }
    if (++idle_run < STORM) return;
    ioapic_mask_gsi(acpi_info()->sci_gsi);
    rt_printf(
        "acpi: %d interrupts in a row without an event of ours; the line is masked, the power button dead\n",
        STORM);
}

bool button_is_pressed(void) {
    return enable_port && (cpu_in16(status_port) & PM1_BUTTON);
}

// The enable register holds what is written. Nothing would read as ones: events all the time, the button's
// among them. [boot]
static bool registers_answer(void) {
    cpu_out16(enable_port, PM1_BUTTON);
    uint16_t one = cpu_in16(enable_port);
    cpu_out16(enable_port, 0);
    return (one & PM1_BUTTON) && !(cpu_in16(enable_port) & PM1_BUTTON);
}

// ACPI mode, in which events become interrupts and not firmware's business.
static bool acpi_mode(void) {
    const AcpiInfo *a = acpi_info();
    if (cpu_in16(a->pm1a_control) & PM1_SCI_ENABLED) return true;
    if (!a->smi_command || !a->acpi_enable) return false;
    cpu_out8(a->smi_command, a->acpi_enable);
    for (int i = 0; i < ENABLE_POLLS; i++)
        if (cpu_in16(a->pm1a_control) & PM1_SCI_ENABLED) return true;
    return false;
}

static void switch_off_general_events(const AcpiInfo *a) {
    for (int block = 0; block < 2; block++)
        for (uint16_t i = 0, half = a->gpe[block].bytes / 2; i < half; i++) {
            cpu_out8((uint16_t)(a->gpe[block].port + half + i), 0);
            cpu_out8((uint16_t)(a->gpe[block].port + i), 0xff); // written ones clear
        }
}

void button_init(void) {
    const AcpiInfo *a = acpi_info();
    if (a->no_legacy || !a->fixed_button || !a->pm1a_event || !a->pm1a_control) return;
    status_port = a->pm1a_event;
    enable_port = (uint16_t)(status_port + a->pm1_event_bytes / 2);
    if (!acpi_mode()) {
        rt_printf("acpi: firmware does not hand over its events; no power button\n");
        return;
    }
    if (!registers_answer()) {
        rt_printf("acpi: nothing answers at port 0x%x, where its events should be; no power button\n",
                  status_port);
        status_port = enable_port = 0;
        return;
    }
    switch_off_general_events(a);
    cpu_out16(status_port, PM1_ALL_EVENTS);
    int vector = irq_register(sci, NULL);
    if (vector < 0 ||
        !ioapic_route_gsi(a->sci_gsi, a->sci_level, a->sci_active_low, vector, cpus[0]->apic_id)) {
        rt_printf("acpi: no way for interrupt %u; no power button\n", a->sci_gsi);
        return;
    }
    cpu_out16(enable_port, PM1_BUTTON);
}
