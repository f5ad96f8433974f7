// t_machine.c -- works every part that a machine has and checks it all the while: what a boot on an odd
// machine, under injected interrupts or with another clock must come through unharmed. tests/test_machines.py
// and tests/test_injected.py run it.
//
//     t_machine [rounds of each worker] [MiB to fill] [milliseconds that it takes at least]
//
// Two workers for each core, in each round: sums in floating point that are interrupted in the middle and
// must come out to the last bit; a list on the heap; time, which must not be earlier than what any core has
// seen before. The rounds go through a channel. Beside them a ticker ticks, sleeps must not be short, and
// memory is filled and read back. When a time is given, it says every half second that all is well.
//
// args: 20 8
// smp: 1 2
// contains: machine ok
#include "check.h"

enum { TERMS = 4000, LINKS = 50, PAGE = 4096, MIB = 1 << 20 };

typedef struct Link {
    cell(struct Link *) next;
    int64_t value;
} Link;
TYPE_STRUCT(Link, next);
TYPE_CELL(Block, u8 *);

static int64_t rounds = 20, mib = 8, least_ms = 0;
static chan(int64_t) done;
static AtomicInt64 latest, ticks, backwards;
static AtomicBool over;
static double expected;

// The harmonic series squared: each step needs all bits of the one before.
static __attribute__((noinline, noclone)) double series(void) {
    double sum = 0;
    for (int k = 1; k <= TERMS; k++)
        sum += 1.0 / ((double)k * k);
    return sum;
}

static void check_list(int64_t seed) {
    Link *head = NULL;
    for (int64_t i = 0; i < LINKS; i++) {
        Link *l = new (Link);
        l->value = seed ^ i;
        cell_set(l->next, head);
        head = l;
    }
    int64_t i = LINKS;
    for (Link *l = head; l; l = cell_get(l->next))
        CHECK(l->value == (seed ^ --i));
    CHECK(i == 0);
}

// What one core has seen, another must not find in its future; nor has a minute passed since somebody looked.
static void check_clock(void) {
    int64_t seen = atomic_int64_load(&latest), now = time_now_ns();
    if (now < seen) atomic_int64_add(&backwards, 1);
    CHECK(now < seen + 60 * SECOND);
    while (now > seen && !atomic_int64_cas(&latest, seen, now))
        seen = atomic_int64_load(&latest);
}

static void work(void *arg) {
    int64_t me = (int64_t)(uintptr_t)arg;
    int64_t end = time_now_ns() + least_ms * MILLISECOND;
    for (int64_t r = 0; r < rounds || time_now_ns() < end; r++) {
        CHECK(series() == expected);
        check_list(me << 32 | r);
        for (int i = 0; i < 20; i++)
            check_clock();
        if (r < rounds) chan_send(done, r);
    }
    chan_send(done, -1);
}

static void tick(void *arg) {
    Ticker *t = ticker_new(MILLISECOND);
    chan(int64_t) c = ticker_chan(t);
    while (!atomic_bool_load(&over)) {
        (void)chan_recv(c);
        atomic_int64_add(&ticks, 1);
    }
    ticker_stop(t);
}

static void sleep_well(void *arg) {
    while (!atomic_bool_load(&over)) {
        int64_t before = time_now_ns();
        time_sleep(2 * MILLISECOND);
        CHECK_RANGE(time_now_ns() - before, 2 * MILLISECOND, INT64_MAX);
    }
}

static uint8_t pattern(int64_t block, int64_t page) {
    return (uint8_t)(block * 31 + page * 7 + 1);
}

static void fill_memory(void *arg) {
    Block *blocks = make_array(Block, mib);
    for (int64_t b = 0; b < mib; b++) {
        u8 *bytes = make_array(u8, MIB);
        for (int64_t p = 0; p < MIB / PAGE; p++)
            bytes[p * PAGE + p % PAGE] = pattern(b, p);
        cell_set(blocks[b], bytes);
    }
    for (int64_t b = 0; b < mib; b++)
        for (int64_t p = 0; p < MIB / PAGE; p++)
            CHECK(cell_get(blocks[b])[p * PAGE + p % PAGE] == pattern(b, p));
    chan_send(done, -1);
}

static void reassure(void *arg) {
    for (int i = 1; !atomic_bool_load(&over); i++) {
        time_sleep(500 * MILLISECOND);
        if (atomic_int32_load(&failures) == 0 && atomic_int64_load(&backwards) == 0)
            println("well, %d, %ld ticks", i, (long)atomic_int64_load(&ticks));
    }
}

static void number(int argc, char **argv, int i, int64_t *n) {
    if (i < argc && !parse_int(string_of(argv[i]), 10, n)) panic("t_machine: expected numbers");
}

int main(int argc, char **argv) {
    number(argc, argv, 1, &rounds);
    number(argc, argv, 2, &mib);
    number(argc, argv, 3, &least_ms);
    int64_t workers = 2 * cpu_count(), ended = 0, received = 0;
    expected = series();
    atomic_int64_store(&latest, time_now_ns());
    done = chan_make(int64_t, 16);
    go(tick, NULL);
    go(sleep_well, NULL);
    go(fill_memory, NULL);
    if (least_ms) go(reassure, NULL);
    for (int64_t w = 0; w < workers; w++)
        go(work, (void *)(uintptr_t)w);
    while (ended <= workers) {
        int64_t r = chan_recv(done);
        if (r < 0)
            ended++;
        else
            received++;
    }
    while (atomic_int64_load(&ticks) < 3) // a machine whose timer is dead stays here, and the harness says so
        time_sleep(MILLISECOND);
    atomic_bool_store(&over, true);
    CHECK_RANGE(received, workers * rounds, workers * rounds);
    CHECK_RANGE(atomic_int64_load(&backwards), 0, 0);
    if (atomic_int32_load(&failures) == 0)
        println("machine ok: %d cores, %ld rounds, %ld MiB filled", cpu_count(), (long)received, (long)mib);
    return atomic_int32_load(&failures) != 0;
}
