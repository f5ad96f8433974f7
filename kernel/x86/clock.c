// clock.c -- time: one monotonic clock for all cores, read from the TSC, and each core's one-shot timer.
//
// now = (TSC - start) * 10^9 / Hz, as a 64 x 64 -> 128 bit product and a shift: no division, no lock, no
// shared writes. All cores use one `start`, so their TSCs must agree; tsc_sync.c checks that when a core
// starts and sets a stray TSC right.
//
// The timer serves two: rt's deadline (clock_arm) and the console's next step (clock_poll_at); it is set to
// the earlier. rt's deadline is remembered per core: arming it again costs nothing, and an interrupt that
// comes before it (for the console, or because the APIC counts at most 2^32 ticks) is told from the real one.
// Owner of a core's entries: the core itself, with interrupts off.
#include "kernel/x86/clock.h"
#include "kernel/kernel.h"
#include "kernel/log.h"
#include "kernel/x86/apic.h"
#include "kernel/x86/calibrate.h"
#include "kernel/x86/cpu.h"
#include "kernel/x86/rtc.h"
#include "kernel/x86/tsc.h"

enum { SHIFT = 60 };

static uint64_t tsc_hz, tsc_start;
static uint64_t ns_per_tsc;                             // 10^9 / tsc_hz, scaled by 2^SHIFT
static int64_t wall_offset_ns;                          // Unix time of now = 0; 0: unknown
static struct { int64_t rt, poll; } due[PLAT_MAX_CPUS]; // TIME_NEVER: none

// (high * 2^64) / divisor; high < divisor.
static uint64_t divide_128(uint64_t high, uint64_t divisor) {
    uint64_t quotient, rest;
    __asm__("divq %4" : "=a"(quotient), "=d"(rest) : "0"(0ull), "1"(high), "r"(divisor) : "cc");
    return quotient;
}

void clock_init(void) {
    Calibration c = calibrate();
    if (c.tsc_hz < 100000000) kernel_throw("the TSC runs below 100 MHz");
    if (!cpu_features.tsc_deadline && c.apic_timer_hz == 0)
        kernel_throw("the local APIC's timer stands still");
    ns_per_tsc = divide_128(1000000000ull >> (64 - SHIFT), c.tsc_hz); // exact: 10^9 is a multiple of 2^4
    tsc_start = tsc_ordered();
    tsc_hz = c.tsc_hz;
    for (int i = 0; i < PLAT_MAX_CPUS; i++)
        due[i].rt = due[i].poll = TIME_NEVER;
    apic_timer_set_hz(cpu_features.tsc_deadline ? 0 : c.apic_timer_hz);
    rt_printf("clock:  TSC %lu kHz by %s, ", c.tsc_hz / 1000, c.source);
    if (cpu_features.tsc_deadline)
        rt_printf("timer by TSC deadline\n");
    else
        rt_printf("APIC timer %lu kHz\n", c.apic_timer_hz / 1000);
    int64_t seconds = rtc_read();
    if (seconds)
        wall_offset_ns = seconds * 1000000000 - clock_now_ns();
    else
        rt_printf("clock:  no battery clock\n");
}

void clock_init_core(void) {
} // a core's TSC is compared when it parks (smp.c), its timer was set up by apic_init_core

uint64_t clock_tsc_hz(void) {
    return tsc_hz;
}

int64_t clock_now_ns(void) {
    uint64_t cycles = tsc_ordered() - tsc_start;
    return (int64_t)(((unsigned __int128)cycles * ns_per_tsc) >> SHIFT); // 0 before clock_init: ns_per_tsc is
}

int64_t clock_wall_ns(void) {
    return wall_offset_ns ? wall_offset_ns + clock_now_ns() : 0;
}

// ---- the timer

static void program(int cpu) {
    int64_t next = due[cpu].rt < due[cpu].poll ? due[cpu].rt : due[cpu].poll;
    apic_timer_arm_ns(next == TIME_NEVER ? TIME_NEVER : next - clock_now_ns());
}

void clock_arm(int64_t deadline_ns) {
    bool irq = cpu_irq_save();
    int cpu = cpu_self()->id;
    if (due[cpu].rt != deadline_ns) {
        due[cpu].rt = deadline_ns;
        program(cpu);
    }
    cpu_irq_restore(irq);
}

void clock_poll_at(int64_t deadline_ns) {
    bool irq = cpu_irq_save();
    int cpu = cpu_self()->id;
    due[cpu].poll = deadline_ns;
    program(cpu);
    cpu_irq_restore(irq);
}

bool clock_irq(void) {
    int cpu = cpu_self()->id;
    int64_t now = clock_now_ns();
    bool come = due[cpu].rt <= now;
    if (come) due[cpu].rt = TIME_NEVER;
    bool poll = due[cpu].poll <= now;
    if (poll) due[cpu].poll = TIME_NEVER;
    program(cpu);
    if (poll) console_poll(); // may ask for the next one
    return come;
}
