// counter.c -- time from HPET or PM timer.
//
// The counter may be 24 or 32 bits wide and wrap after seconds. `seen` is its value, made 64 bits wide, at
// some moment not long ago; a reading extends it by the signed distance, so that a reader who was held up
// between reading and extending gets his own, earlier time, not one a whole turn later. That is right while
// `seen` is at most half a turn away: clock.c has the boot core look at the time in each quarter of a turn,
// and whoever reads moves `seen` on, but only by compare-and-swap from the value that he extended: a late
// writer's is dropped.
//
// Order between cores is the device's own: one counter, read by everybody. No lock.
#include "kernel/x86/counter.h"
#include "kernel/kernel.h"
#include "kernel/x86/reference.h"
#include "rt/atomic.h"

enum { SHIFT = 32, TURN_PARTS = 4 };

static Reference ref;
static uint64_t start, ns_per_tick; // ns_per_tick: scaled by 2^SHIFT
static _Atomic uint64_t seen;

const char *counter_open(void) {
    if (!reference_hpet(&ref) && !reference_pm_timer(&ref)) return NULL;
    ns_per_tick = (1000000000ull << SHIFT) / ref.hz;
    start = reference_read_wide(&ref) & ref.mask;
    store_relaxed(&seen, start);
    return ref.name;
}

// x: a difference of two readings of a counter with this mask, in [-half a turn, half a turn).
static int64_t signed_distance(uint64_t x, uint64_t mask) {
    uint64_t half = mask / 2 + 1;
    return (int64_t)(((x & mask) ^ half) - half);
}

int64_t counter_now_ns(void) {
    uint64_t old = load_relaxed(&seen); // relaxed: any value of the last half turn serves
    int64_t by = signed_distance(reference_read_wide(&ref) - old, ref.mask);
    uint64_t now = old + (uint64_t)by;
    if (by > (int64_t)(ref.mask / 2 / TURN_PARTS / TURN_PARTS)) cas(&seen, &old, now);
    return (int64_t)(((unsigned __int128)(now - start) * ns_per_tick) >> SHIFT);
}

int64_t counter_keep_ns(void) {
    uint64_t ticks = ref.mask / TURN_PARTS;
    return (int64_t)(ticks / ref.hz >= 3600 ? 3600ull * 1000000000 : ticks * 1000000000 / ref.hz);
}
