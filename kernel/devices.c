// devices.c -- drivers that need memory, interrupts and the clock: their start, and their share of the timer.
//
// Their interrupts and their polls run on the boot core, interrupts off: so what a driver's handlers share
// needs no lock.
#include "drivers/driver.h"
#include "kernel/x86/clock.h"

enum { DRIVERS_MAX = 16 };

static const Driver *present[DRIVERS_MAX];
static int present_count;
static bool input;
static int64_t next_poll = TIME_NEVER;

// Not inlined: scripts/stack_indirect.txt names it.
static __attribute__((noinline)) bool probe(const Driver *d, const BootInfo *bi) {
    return d->probe(bi);
}

void devices_init(const BootInfo *bi) {
    for (int i = 0; driver_table[i] && present_count < DRIVERS_MAX; i++) {
        const Driver *d = driver_table[i];
        if (d->stage == DRIVER_DEVICE ? !probe(d, bi) : !d->poll) continue;
        present[present_count++] = d;
        input |= d->input;
    }
    devices_poll();
    if (!input) return;
    rt_printf("keys:  ");
    for (int i = 0; i < present_count; i++)
        if (present[i]->input) rt_printf(" %s", present[i]->name);
    rt_printf("\n");
}

bool devices_hear(void) {
    return input;
}

void device_poll_at(int64_t deadline_ns) {
    if (deadline_ns >= next_poll) return;
    next_poll = deadline_ns;
    clock_device_at(deadline_ns);
}

__attribute__((noinline)) void devices_poll(void) {
    next_poll = TIME_NEVER;
    for (int i = 0; i < present_count; i++)
        if (present[i]->poll) device_poll_at(present[i]->poll(clock_now_ns()));
}
