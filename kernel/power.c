// power.c -- the end: the program's status is told, the consoles drain, the machine goes off.
//
// The status reaches whoever started the machine twice: as the last line on the console, exact ("@@burrow
// exit N"; scripts/run reads it), and by QEMU's isa-debug-exit device, which can only say (N << 1 | 1) modulo
// 256. It is looked for at that moment: a machine may end before it knows itself. Without that device the ways to switch off are tried from the most to the least civil; each can fail
// silently, so each is followed by the next, and the last is a message.
//
// One core ends the machine. Another that arrives waits for it, bounded, as it does for a crash report in
// progress; a fault on the way brings the same core here again, and it goes on with the next step.
#include "kernel/acpi.h"
#include "kernel/button.h"
#include "kernel/cmdline.h"
#include "kernel/efi_reset.h"
#include "kernel/fwcfg.h"
#include "kernel/kernel.h"
#include "kernel/log.h"
#include "kernel/x86/cpu.h"
#include "rt/atomic.h"

enum {
    PORT_DEBUG_EXIT = 0xf4,
    PM1_SLP_EN = 1 << 13,
    SETTLE_MS = 200,
    YIELD_S = 20,
    HOLD_S = 300,
    HOLD_STEP_MS = 100
};

static bool is_pvh;
static _Atomic uint32_t ending_core; // core + 1; first come; taken over after YIELD_S
static int steps_begun;              // by the ending core

void power_init(const BootInfo *bi) {
    is_pvh = bi->source == BOOT_PVH;
    efi_reset_init(bi);
}

static uint64_t cycles_per_ms(void) {
    uint64_t hz = clock_tsc_hz();
    return (hz ? hz : 3000000000u) / 1000;
}

static void wait_ms(uint64_t ms) {
    uint64_t start = cpu_rdtsc(), cycles = cycles_per_ms() * ms;
    while (cpu_rdtsc() - start < cycles)
        cpu_pause();
}

// ---- ways to end, each returning when it had no effect

static void tell_status(int code) {
    rt_printf("@@burrow exit %d\n", code);
}

static void end_debug_exit(int code) {
    if (fwcfg_present()) cpu_out32(PORT_DEBUG_EXIT, (uint32_t)code);
}

static void end_efi(int code) {
    efi_shutdown();
}

// ACPI soft-off needs the sleep type from AML, which we do not interpret; QEMU's is 0.
static void end_qemu_acpi(int code) {
    uint16_t port = acpi_info()->pm1a_control;
    if (fwcfg_present() && port) cpu_out16(port, PM1_SLP_EN);
}

// Only where a restart ends the machine (QEMU -no-reboot): a real one would start all over again.
static void end_reset(int code) {
    const AcpiInfo *a = acpi_info();
    if (is_pvh && a->reset.space == ACPI_PORT) cpu_out8((uint16_t)a->reset.addr, a->reset_value);
}

// Who sits before a screen wants to read how it ended. (QEMU has ended by then; its screen is a file.)
static void hold(int code) {
    uint64_t seconds = code ? HOLD_S : 0;
    if (!console_has_screen()) seconds = 0;
    cmdline_knob(KNOB_HOLD, &seconds);
    if (seconds == 0 || code == BUTTON_STATUS) return; // who presses the button has seen it
    console_show_code();
    rt_printf("The machine switches off in %lu seconds.\n", seconds);
    for (uint64_t ms = 0; ms < seconds * 1000 && !button_is_pressed(); ms += HOLD_STEP_MS)
        wait_ms(HOLD_STEP_MS);
}

static void tell_safe(int code) {
    rt_printf("It is now safe to switch off.\n");
}

static void (*const steps[])(int code) = {tell_status,   end_debug_exit, hold,     end_efi,
                                          end_qemu_acpi, end_reset,      tell_safe};

// ---- who ends the machine

static void yield_to_others(void) {
    Cpu *c = cpu_self();
    uint32_t self = c ? (uint32_t)c->id + 1 : 1, none = 0;
    if (!cas(&ending_core, &none, self) && none != self) {
        wait_ms(YIELD_S * 1000);
        store_seq(&ending_core, self);
    } else if (console_panic_elsewhere()) {
        wait_ms(YIELD_S * 1000); // the report's author ends the machine
    }
}

_Noreturn void power_off(int code) {
    cpu_cli();
    yield_to_others();
    console_panic();
    while (steps_begun < (int)(sizeof steps / sizeof *steps)) {
        steps[steps_begun++](code & 0xff);
        if (steps_begun > 1) wait_ms(SETTLE_MS); // some take effect a moment later
    }
    for (;;) {
        cpu_cli();
        cpu_hlt();
    }
}
