// tsc_sync.c -- do two cores' time-stamp counters agree?
//
// The boot core reads its TSC, asks; the other core reads its own and answers; the boot core reads again. The answer must lie between the
// two readings. If it does not, the counters differ by at least the distance, and the quickest exchange gives the best estimate; the
// other core then corrects its counter, and they try again.
//
// One pair at a time. `partner` names the other core; a core that comes so late that the boot core has gone on finds another name there
// and leaves. `ask` is a number never used twice, so an old answer never fits; bit 0 says "end of pass, correct yourself".
#include "kernel/x86/tsc.h"
#include "kernel/kernel.h"
#include "rt/atomic.h"

enum { ROUNDS = 5, PASSES = 3, MSR_TSC = 0x10 };

static _Atomic int32_t partner = -1; // release by the boot core, acquire by the other
static _Atomic uint64_t ask;         // release by the boot core, acquire by the other: adjust is written
static _Atomic uint64_t answer;      // = ask; release by the other, acquire by the boot core: theirs is written
static _Atomic uint64_t theirs;      // the other's TSC
static _Atomic int64_t adjust;       // what the other adds at the end of the pass
static uint64_t number;              // last ask; the boot core's own

static bool expired(uint64_t start) { return cpu_rdtsc() - start > clock_tsc_hz() / 2; }

// Asks and waits, bounded.
static bool request(uint64_t bit) {
    uint64_t want = (number += 2) | bit, start = cpu_rdtsc();
    store_release(&ask, want);
    while (load_acquire(&answer) != want) {
        if (expired(start)) return false;
        cpu_pause();
    }
    return true;
}

// The best estimate of ROUNDS exchanges of how far the other is ahead; 0: no contradiction seen.
static bool measure(int64_t *ahead) {
    uint64_t quickest = UINT64_MAX;
    for (int i = 0; i < ROUNDS; i++) {
        uint64_t before = tsc_ordered();
        if (!request(0)) return false;
        uint64_t after = tsc_ordered();
        if (after - before >= quickest) continue;
        quickest = after - before;
        uint64_t middle = before + quickest / 2;
        int64_t distance = (int64_t)(load_relaxed(&theirs) - middle);
        bool between = distance >= -(int64_t)(quickest / 2) && distance <= (int64_t)(quickest / 2) + 1;
        *ahead = between ? 0 : distance;
    }
    return true;
}

int64_t tsc_sync_boot(int cpu, void (*wake)(int cpu)) {
    int64_t ahead = INT64_MIN;
    store_release(&partner, cpu);
    wake(cpu);
    for (int pass = 0; pass < PASSES; pass++) {
        if (!measure(&ahead)) ahead = INT64_MIN;
        if (ahead == INT64_MIN) break;
        store_relaxed(&adjust, -ahead);
        if (!request(1)) ahead = INT64_MIN;
        if (ahead == 0 || ahead == INT64_MIN) break;
    }
    store_release(&partner, -1);
    return ahead;
}

bool tsc_sync_wanted(int cpu) { return load_acquire(&partner) == cpu; }

void tsc_sync_core(int cpu) {
    uint64_t start = cpu_rdtsc(), last = load_acquire(&answer);
    while (tsc_sync_wanted(cpu) && !expired(start)) {
        uint64_t asked = load_acquire(&ask);
        if (asked == last) {
            cpu_pause();
            continue;
        }
        if (asked & 1) {
            int64_t by = load_relaxed(&adjust);
            if (by) cpu_wrmsr(MSR_TSC, tsc_ordered() + (uint64_t)by);
            start = cpu_rdtsc();
        } else {
            store_relaxed(&theirs, tsc_ordered());
        }
        last = asked;
        store_release(&answer, asked);
    }
}
