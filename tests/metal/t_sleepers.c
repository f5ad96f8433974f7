// t_sleepers.c -- fifty thousand goroutines asleep at once: the heaps of deadlines grow, every sleeper wakes once and not
// early, and the memory returns.
//
// smp: 2
//
// mem: 512M
//
// timeout: 60
//
// expect: sleepers ok
#include "check.h"

enum { SLEEPERS = 50000 };
static AtomicInt32 asleep, awake, early;
static WaitGroup all;

static void sleeper(void *arg) {
    int64_t ns = 300 * MILLISECOND + (int64_t)((uintptr_t)arg * 7919 % 100000) * MICROSECOND, from = time_now_ns();
    atomic_int32_add(&asleep, 1);
    time_sleep(ns);
    if (time_now_ns() - from < ns) atomic_int32_add(&early, 1);
    atomic_int32_add(&awake, 1);
    waitgroup_done(&all);
}

static void wave(void) {
    atomic_int32_store(&asleep, 0);
    atomic_int32_store(&awake, 0);
    waitgroup_add(&all, SLEEPERS);
    for (intptr_t i = 0; i < SLEEPERS; i++)
        go(sleeper, (void *)i);
    waitgroup_wait(&all);
    CHECK(atomic_int32_load(&asleep) == SLEEPERS && atomic_int32_load(&awake) == SLEEPERS);
    CHECK(atomic_int32_load(&early) == 0);
}

int main(void) {
    wave();
    size_t stacks = memory_stats().stack_bytes;
    wave();
    // Goroutines that ended keep some stacks for the next; a second wave needs no more than the first.
    CHECK(memory_stats().stack_bytes <= stacks + (4 << 20));
    return check_end("sleepers");
}
