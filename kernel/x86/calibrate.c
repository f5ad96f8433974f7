// calibrate.c -- measures the TSC and the APIC timer against a clock of known speed.
//
// References, the best that exists: HPET, ACPI PM timer, PIT (reference.c); a PIT that the tables deny, and
// the battery clock, whose second is long, when there is nothing else. Reading one takes a microsecond or
// more, in which the host may do something else. So a point in time is read several times and the quickest
// reading kept; the first window, which runs on cold caches and cold translations, is thrown away; two
// windows must agree.
//
// The CPU may state its nominal frequency (CPUID leaf 15h, 16h, or a hypervisor's leaf 40000010h). It is more
// exact than any measurement when true, and some state it wrongly: so it counts when the measurement confirms
// it, or when nothing can be measured.
#include "kernel/x86/calibrate.h"
#include "kernel/kernel.h"
#include "kernel/x86/apic.h"
#include "kernel/x86/cpu.h"
#include "kernel/x86/reference.h"
#include "kernel/x86/rtc.h"
#include "kernel/x86/tsc.h"

enum {
    WARM_US = 1000,
    WINDOW_US = 2000,
    READINGS = 5,        // of one point in time
    TRIES = 6,           // pairs of windows before we take what there is
    POLLS_MAX = 5000000, // of at least 0.3 us each: a reference that stands still
    AGREE_PER_MILLE = 2, // two windows
    NOMINAL_PER_MILLE = 10,
};

// ---- measuring

typedef struct Point {
    uint64_t tsc, ref;
    uint32_t apic;
} Point;

static Point point_read(const Reference *r) {
    Point best = {0};
    uint64_t width = UINT64_MAX;
    for (int i = 0; i < READINGS; i++) {
        uint64_t t0 = tsc_ordered();
        uint64_t ref = reference_read(r);
        uint32_t apic = apic_timer_left();
        uint64_t t1 = tsc_ordered();
        if (t1 - t0 >= width) continue;
        width = t1 - t0;
        best = (Point){t0 + width / 2, ref, apic};
    }
    return best;
}

typedef struct Window {
    uint64_t tsc_hz, apic_hz;
} Window;

// False: the reference stands still.
static bool window_measure(const Reference *r, uint64_t us, Window *w) {
    Point a = point_read(r);
    uint64_t ticks = r->hz * us / 1000000;
    for (int polls = 0; ((reference_read(r) - a.ref) & r->mask) < ticks; polls++)
        if (polls == POLLS_MAX) return false;
    Point b = point_read(r);
    uint64_t passed = (b.ref - a.ref) & r->mask;
    if (passed == 0 || b.tsc - a.tsc > UINT64_MAX / r->hz) return false;
    w->tsc_hz = (b.tsc - a.tsc) * r->hz / passed;
    w->apic_hz = (uint64_t)(uint32_t)(a.apic - b.apic) * r->hz / passed; // counts down
    return true;
}

static bool near(uint64_t a, uint64_t b, uint64_t per_mille) {
    uint64_t diff = a > b ? a - b : b - a;
    return diff <= (a / 1000) * per_mille;
}

static bool reference_measure(const Reference *r, Window *out) {
    Window a, b;
    if (!window_measure(r, WARM_US, &a)) return false;
    for (int i = 0; i < TRIES; i++) {
        if (!window_measure(r, WINDOW_US, &a) || !window_measure(r, WINDOW_US, &b)) return false;
        *out = (Window){(a.tsc_hz + b.tsc_hz) / 2, (a.apic_hz + b.apic_hz) / 2};
        if (near(a.tsc_hz, b.tsc_hz, AGREE_PER_MILLE) && near(a.apic_hz, b.apic_hz, AGREE_PER_MILLE))
            return true;
    }
    rt_printf("clock:  %s measurements differ by more than %d per mille\n", r->name, AGREE_PER_MILLE);
    return true;
}

// ---- what the CPU says of itself

static uint64_t nominal_tsc_hz(const char **source) {
    if (cpu_features.hypervisor && cpu_cpuid(0x40000000, 0).a >= 0x40000010) {
        *source = "hypervisor";
        uint64_t khz = cpu_cpuid(0x40000010, 0).a;
        if (khz) return khz * 1000;
    }
    if (cpu_features.max_leaf >= 0x15) {
        CpuId r = cpu_cpuid(0x15, 0); // TSC = crystal * b / a
        *source = "CPUID leaf 15h";
        if (r.a && r.b && r.c) return (uint64_t)r.c * r.b / r.a;
    }
    if (cpu_features.max_leaf >= 0x16) {
        *source = "CPUID leaf 16h";
        return (uint64_t)(cpu_cpuid(0x16, 0).a & 0xffff) * 1000000;
    }
    return 0;
}

// Without a reference: the APIC timer against the TSC that we were told.
static uint64_t apic_hz_by_tsc(uint64_t tsc_hz) {
    uint64_t t0 = tsc_ordered(), wait = tsc_hz / 1000000 * WINDOW_US;
    uint32_t a0 = apic_timer_left();
    while (tsc_ordered() - t0 < wait) {
    }
    uint64_t t1 = tsc_ordered();
    return (uint64_t)(uint32_t)(a0 - apic_timer_left()) * (tsc_hz / 1000) / ((t1 - t0) / 1000);
}

// From one change of the battery clock's second to the next.
static bool rtc_measure(Window *w) {
    if (!rtc_next_second()) return false;
    uint64_t t0 = tsc_ordered();
    uint32_t a0 = apic_timer_left();
    if (!rtc_next_second()) return false;
    *w = (Window){tsc_ordered() - t0, a0 - apic_timer_left()};
    return true;
}

Calibration calibrate(void) {
    static bool (*const open[])(Reference *) = {reference_hpet, reference_pm_timer, reference_pit,
                                                reference_any_pit};
    const char *nominal_source = NULL;
    uint64_t nominal = nominal_tsc_hz(&nominal_source);
    apic_timer_free_run();
    for (unsigned i = 0; i < sizeof open / sizeof *open; i++) {
        Reference r;
        Window w;
        if (nominal && open[i] == reference_any_pit) break;
        if (!open[i](&r)) continue;
        if (!reference_measure(&r, &w)) {
            rt_printf("clock:  the %s stands still\n", r.name);
            continue;
        }
        if (nominal && near(nominal, w.tsc_hz, NOMINAL_PER_MILLE))
            return (Calibration){nominal, w.apic_hz, nominal_source};
        if (nominal)
            rt_printf("clock:  %s says %lu kHz, the %s measures %lu kHz\n", nominal_source, nominal / 1000,
                      r.name, w.tsc_hz / 1000);
        return (Calibration){w.tsc_hz, w.apic_hz, r.name};
    }
    Window w;
    if (!nominal && rtc_measure(&w)) return (Calibration){w.tsc_hz, w.apic_hz, "battery clock"};
    if (!nominal)
        kernel_throw("no clock: no HPET, PM timer, PIT or battery clock runs, and the CPU does not know its "
                     "frequency");
    return (Calibration){nominal, apic_hz_by_tsc(nominal), nominal_source};
}
