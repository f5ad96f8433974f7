// clock.c -- time: one monotonic clock for all cores, read from the TSC, and each core's one-shot timer.
//
// now = (TSC - start) * 10^9 / Hz, as a 64 x 64 -> 128 bit product and a shift: no division, no lock, no
// shared writes. All cores use one `start`, so their TSCs must agree; tsc_sync.c checks that when a core
// starts and sets a stray TSC right.
//
// A TSC that changes its speed with the core's (no invariant TSC on a physical machine), or that differs
// between cores and cannot be set right, is no clock. Then time is read from the board (counter.c): slower,
// but one for all. The change is made before rt runs and goes on from where the TSC was. A hypervisor's TSC
// is taken as it is: what it says about invariance is about moving the machine to another host.
//
// The timer serves three: rt's deadline (clock_arm), the console's next step (clock_poll_at) and the devices'
// (clock_device_at); it is set to the earliest. rt's deadline is remembered per core: arming it again costs
// nothing, and an interrupt that comes before it (for the console, or because the APIC counts at most 2^32
// ticks) is told from the real one. Owner of a core's entries: the core itself, with interrupts off.
//
// Deep idle. Without ARAT (CPUID.06H:EAX[2]) the APIC timer may stop in C3 and deeper (Intel SDM vol.
// 3A, 11.5.4). No core here goes there: idle is HLT, which is C1, in which the APIC timer runs; MWAIT with a
// deeper hint is never used. The one way from HLT into a state that stops it is AMD's C1E of families 0Fh to
// 11h, which is switched off (c1e.c).
#include "kernel/x86/clock.h"
#include "kernel/cmdline.h"
#include "kernel/kernel.h"
#include "kernel/log.h"
#include "kernel/x86/apic.h"
#include "kernel/x86/c1e.h"
#include "kernel/x86/calibrate.h"
#include "kernel/x86/counter.h"
#include "kernel/x86/cpu.h"
#include "kernel/x86/rtc.h"
#include "kernel/x86/tsc.h"

enum { SHIFT = 60 };
// Nanoseconds of 63 bits end in 2262. What a battery clock says beyond this is taken as this: ten years are
// left to go on from there.
#define WALL_MAX_S (INT64_MAX / 1000000000 - 10ll * 365 * 86400)

static uint64_t tsc_hz, tsc_start;
static uint64_t ns_per_tsc;    // 10^9 / tsc_hz, scaled by 2^SHIFT
static int64_t wall_offset_ns; // Unix time of now = 0; 0: unknown
// TIME_NEVER: none. poll: the earlier of console and device, so that clock_arm, which must be small, looks at
// two.
static struct { int64_t rt, poll, console, device; } due[PLAT_MAX_CPUS];
static bool by_counter;      // constant once a second core runs rt
static int64_t counter_from; // now - counter_now_ns(): what the TSC said when the counter took over

// (high * 2^64) / divisor; high < divisor.
static uint64_t divide_128(uint64_t high, uint64_t divisor) {
    uint64_t quotient, rest;
    __asm__("divq %4" : "=a"(quotient), "=d"(rest) : "0"(0ull), "1"(high), "r"(divisor) : "cc");
    return quotient;
}

// Does the TSC run at one speed whatever the core does?
static bool tsc_is_steady(void) {
    uint64_t test;
    if (cmdline_knob(KNOB_TESTTSC, &test) && test == TESTTSC_NOT_INVARIANT) return false;
    return cpu_features.invariant_tsc || cpu_features.hypervisor;
}

void clock_init(void) {
    Calibration c = calibrate();
    if (c.tsc_hz < 100000000) kernel_throw("the TSC runs below 100 MHz");
    if (c.apic_timer_hz == 0 && !(cpu_features.tsc_deadline && tsc_is_steady()))
        kernel_throw("the local APIC's timer stands still");
    ns_per_tsc = divide_128(1000000000ull >> (64 - SHIFT), c.tsc_hz); // exact: 10^9 is a multiple of 2^4
    tsc_start = tsc_ordered();
    tsc_hz = c.tsc_hz;
    for (int i = 0; i < PLAT_MAX_CPUS; i++)
        due[i].rt = due[i].poll = due[i].console = due[i].device = TIME_NEVER;
    bool steady = tsc_is_steady();
    c1e_off_core();
    bool deadline = cpu_features.tsc_deadline && steady;
    apic_timer_set_hz(deadline ? 0 : c.apic_timer_hz);
    rt_printf("clock:  TSC %lu kHz by %s, ", c.tsc_hz / 1000, c.source);
    if (deadline)
        rt_printf("timer by TSC deadline\n");
    else
        rt_printf("APIC timer %lu kHz\n", c.apic_timer_hz / 1000);
    if (!cpu_features.arat && !cpu_features.hypervisor)
        rt_printf("clock:  APIC timer without ARAT: no core goes deeper than C1, where it runs\n");
    if (!steady) clock_leave_tsc("it is not invariant");
    int64_t seconds = rtc_read();
    if (seconds > WALL_MAX_S) {
        rt_printf("clock:  the battery clock is beyond 2252, where times end; set back to that year\n");
        seconds = WALL_MAX_S;
    }
    if (seconds) wall_offset_ns = seconds * 1000000000 - clock_now_ns();
}

void clock_init_core(void) {
    c1e_off_core(); // its TSC is compared when it parks (smp.c), its timer was set up by apic_init_core
}

uint64_t clock_tsc_hz(void) {
    return tsc_hz;
}

static int64_t tsc_now_ns(void) {
    uint64_t cycles = tsc_ordered() - tsc_start;
    return (int64_t)(((unsigned __int128)cycles * ns_per_tsc) >> SHIFT); // 0 before clock_init: ns_per_tsc is
}

int64_t clock_now_ns(void) {
    return __builtin_expect(by_counter, 0) ? counter_from + counter_now_ns() : tsc_now_ns();
}

int64_t clock_wall_ns(void) {
    return wall_offset_ns ? wall_offset_ns + clock_now_ns() : 0;
}

// ---- the timer

// On the interrupt stack. With a counter, the boot core looks at it often enough (counter.h).
static void program_now(int cpu, int64_t now) {
    int64_t next = due[cpu].rt < due[cpu].poll ? due[cpu].rt : due[cpu].poll;
    if (by_counter && cpu == 0 && next - now > counter_keep_ns()) next = now + counter_keep_ns();
    apic_timer_arm_ns(next == TIME_NEVER ? TIME_NEVER : next - now);
}

// On any stack, however little room is left: too little to read a counter, or for a frame of its own. So
// reading is left to clock_irq, at once.
static inline __attribute__((always_inline)) void program(int cpu) {
    int64_t next = due[cpu].rt < due[cpu].poll ? due[cpu].rt : due[cpu].poll;
    if (__builtin_expect(by_counter, 0)) next = 0;
    apic_timer_arm_ns(next == TIME_NEVER ? TIME_NEVER : next - (by_counter ? 0 : tsc_now_ns()));
}

void clock_leave_tsc(const char *why) {
    if (by_counter) return;
    const char *name = counter_open();
    if (!name) {
        rt_printf(
            "clock:  the TSC is unfit (%s), but there is neither HPET nor PM timer: times may be wrong\n",
            why);
        return;
    }
    counter_from = clock_now_ns();
    by_counter = true;
    rt_printf("clock:  time by %s instead of TSC: %s\n", name, why);
    program(0); // from now on the boot core looks at the counter often enough
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

static void poll_earlier(int cpu) {
    due[cpu].poll = due[cpu].console < due[cpu].device ? due[cpu].console : due[cpu].device;
}

void clock_poll_at(int64_t deadline_ns) {
    bool irq = cpu_irq_save();
    int cpu = cpu_self()->id;
    due[cpu].console = deadline_ns;
    poll_earlier(cpu);
    program(cpu);
    cpu_irq_restore(irq);
}

void clock_device_at(int64_t deadline_ns) {
    bool irq = cpu_irq_save();
    int cpu = cpu_self()->id;
    due[cpu].device = deadline_ns;
    poll_earlier(cpu);
    program(cpu);
    cpu_irq_restore(irq);
}

bool clock_irq(void) {
    int cpu = cpu_self()->id;
    int64_t now = clock_now_ns();
    bool come = due[cpu].rt <= now;
    if (come) due[cpu].rt = TIME_NEVER;
    bool console = due[cpu].console <= now, device = due[cpu].device <= now;
    if (console) due[cpu].console = TIME_NEVER;
    if (device) due[cpu].device = TIME_NEVER;
    poll_earlier(cpu);
    program_now(cpu, now);
    if (console) console_poll(); // may ask for the next one
    if (device) devices_poll();  // likewise
    return come;
}
