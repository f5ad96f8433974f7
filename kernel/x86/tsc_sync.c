// tsc_sync.c -- do the cores' time-stamp counters agree, as far as any program could see?
//
// Time must not run backwards from one core to another: if core A reads its counter, then tells core B, then
// B reads its own, B's value must not be smaller. That is also how it is tested. The boot core and a starting
// core both publish their counters all the time and look at the other's: a published value that lies in one's
// own future proves a difference of at least that much. Two one-way tests, and nobody waits for an answer:
// under emulation an answer may take 10 ms a core, for nothing. The starting core then corrects itself and
// looks again.
//
// TESTTSC=2 gives all cores but the first a counter that is ahead and stays so, as on boards where writing it
// has no effect.
//
// Writers: `boot_tsc` and a core's `ahead` the boot core, everything else the core itself. Publishing
// releases, looking acquires.
#include "kernel/x86/tsc.h"
#include "kernel/cmdline.h"
#include "kernel/kernel.h"
#include "rt/atomic.h"

enum {
    PASSES = 3,
    LOOKS = 50,
    PASS_MAX_DIVISOR = 4000,
    MSR_TSC = 0x10
}; // a pass: 50 new values seen, or a quarter of a millisecond; with TESTTSC=2, which must be seen on the
   // busiest host, a second

typedef struct __attribute__((aligned(64))) SyncSlot {
    _Atomic uint64_t tsc;       // 0: nothing published
    _Atomic int64_t ahead;      // the most that `tsc` was seen in the boot core's future
    int64_t corrected, remains; // read by the boot core when the core is online
} SyncSlot;

static uint64_t test_skew; // cycles; written before the other cores start

static _Atomic uint64_t boot_tsc __attribute__((aligned(64)));
static SyncSlot slots[PLAT_MAX_CPUS];

void tsc_sync_pump(int count) {
    for (int i = 1; i < count; i++) {
        store_release(&boot_tsc, tsc_ordered());
        uint64_t theirs = load_acquire(&slots[i].tsc);
        if (!theirs) continue;
        int64_t ahead = (int64_t)(theirs - tsc_ordered());
        if (ahead > load_relaxed(&slots[i].ahead)) store_relaxed(&slots[i].ahead, ahead);
    }
}

void tsc_sync_init(void) {
    uint64_t test;
    if (cmdline_knob(KNOB_TESTTSC, &test) && test == TESTTSC_SKEWED)
        test_skew = clock_tsc_hz() * 10; // more than a host may suspend a core in the middle
}

static uint64_t own_tsc(void) {
    return tsc_ordered() + test_skew;
}

// The most that the boot core's counter was seen in our future; publishes ours meanwhile if `publish`.
static int64_t look(SyncSlot *s, int looks, bool publish) {
    uint64_t start = cpu_rdtsc(), last = 0;
    uint64_t limit = test_skew ? clock_tsc_hz() : clock_tsc_hz() / PASS_MAX_DIVISOR;
    int64_t behind = 0;
    while (looks > 0 && cpu_rdtsc() - start < limit) {
        if (publish) store_release(&s->tsc, own_tsc());
        uint64_t theirs = load_acquire(&boot_tsc);
        int64_t by = (int64_t)(theirs - own_tsc());
        if (theirs && by > behind) behind = by;
        if (theirs != last) looks--;
        last = theirs;
    }
    store_release(&s->tsc, 0);
    return behind;
}

void tsc_sync_core(int cpu) {
    SyncSlot *s = &slots[cpu];
    s->corrected = s->remains = 0;
    for (int pass = 0; pass < PASSES; pass++) {
        store_relaxed(&s->ahead, 0);
        int64_t behind = look(s, LOOKS, true);
        look(s, 3, false); // lets the boot core finish with the last value that it took
        int64_t off = behind ? -behind : load_relaxed(&s->ahead);
        s->remains = off;
        if (off == 0 || pass == PASSES - 1) return;
        if (!test_skew) cpu_wrmsr(MSR_TSC, tsc_ordered() - (uint64_t)off);
        s->corrected -= off;
    }
}

int64_t tsc_sync_result(int cpu, int64_t *corrected) {
    *corrected = slots[cpu].corrected;
    return slots[cpu].remains;
}
