// t_steal.c -- work started on one core is shared out by stealing.
//
// One pinned goroutine starts all the others, which compute without a call and never block; each core must
// have run a fair part. The emulator's cores do not all run at once, hence the wide bound.
//
//     t_steal [goroutines [least]]     least: how many the least busy core must have run
//
// smp: 4
#include "metal.h"

static uint64_t ran_on[PLAT_MAX_CPUS]; // one writer each: the goroutine that runs there, between its first
                                       // and last instruction
static WaitGroup all;
static long turns = 500000;

static __attribute__((noinline)) uint64_t compute(uint64_t x) {
    for (long i = 0; i < turns; i++)
        x = x * 6364136223846793005ull + 1442695040888963407ull;
    return x;
}
static void work(void *arg) {
    volatile uint64_t sink = compute((uint64_t)(uintptr_t)arg);
    (void)sink;
    __atomic_fetch_add(&ran_on[core_id()], 1, __ATOMIC_RELAXED);
    waitgroup_done(&all);
}

static int cores;

// Starts n goroutines from core 0; returns how many the least busy core ran.
static int64_t round_of(int n) {
    for (int i = 0; i < cores; i++)
        ran_on[i] = 0;
    waitgroup_add(&all, n);
    for (int i = 0; i < n; i++)
        go(work, (void *)(intptr_t)i);
    waitgroup_wait(&all);
    uint64_t sum = 0, least = UINT64_MAX;
    for (int i = 0; i < cores; i++) {
        say("core %d ran %lu\n", i, ran_on[i]);
        sum += ran_on[i];
        if (ran_on[i] < least) least = ran_on[i];
    }
    CHECK_QUIETLY(sum == (uint64_t)n);
    return (int64_t)least;
}

int main(int argc, char **argv) {
    // No more than the ring of core 0 holds (256): what overflows goes to the global queue, and nobody needs
    // to steal it.
    int n = (int)arg_number(argc, argv, 1, 200);
    cores = gomaxprocs(0);
    int fair = (int)arg_number(argc, argv, 2, n / cores / 10);
    int64_t stolen = SUM_OVER_CORES(n_steal), least = 0;
    goroutine_pin(0);
    // A core that the host keeps from running for a whole round proves nothing: best of twenty.
    for (int i = 0; i == 0 || (i < 20 && least < fair); i++)
        least = round_of(n);
    check_at_least("run by the least busy core", least, fair);
    if (cores > 1) check_at_least("successful steals", SUM_OVER_CORES(n_steal) - stolen, cores - 1);
    return check_end("t_steal");
}
