// t_spawn.c -- birth, exit and reuse of goroutines leak nothing.
//
// Waves of goroutines of the same shape: some end at once, some yield, some grow their stack, some end by
// goexit from below several segments, some start children. After the first waves have filled the caches,
// further ones must leave the memory as it was.
//
// smp: 4
#include "metal.h"

static _Atomic int64_t finished;

static __attribute__((noinline)) uint64_t grow(uint64_t n) {
    volatile uint64_t room[16];
    room[n % 16] = n;
    if (n == 0) return 0;
    return grow(n - 1) + room[n % 16];
}
static __attribute__((noinline)) uint64_t leave_from_below(uint64_t n) {
    volatile uint64_t room[16];
    room[n % 16] = n;
    if (n == 0) goexit();
    return n > 1000 ? 0 : leave_from_below(n - 1) + room[n % 16];
}
static void count_end(void *unused) {
    fetch_add(&finished, 1);
}

static void at_once(void *arg) {
    fetch_add(&finished, 1);
}
static void after_yield(void *arg) {
    gosched();
    fetch_add(&finished, 1);
}
static void after_growth(void *arg) {
    uint64_t n = (uint64_t)(uintptr_t)arg % 200;
    CHECK_QUIETLY(grow(n) == n * (n + 1) / 2);
    fetch_add(&finished, 1);
}
static void by_goexit(void *arg) {
    defer(count_end, NULL);
    leave_from_below((uintptr_t)arg % 100);
}
static void with_children(void *arg) {
    go(at_once, arg);
    go(after_yield, arg);
    fetch_add(&finished, 1);
}

static void wave(int64_t n) {
    static void (*const kinds[])(void *) = {at_once, after_yield, after_growth, by_goexit, with_children};
    store_seq(&finished, 0);
    int64_t expected = 0;
    for (int64_t i = 0; i < n; i++) {
        go(kinds[i % 5], (void *)(uintptr_t)i);
        expected += i % 5 == 4 ? 3 : 1;
        if (i % 512 == 511) gosched();
    }
    bool all = WAIT_UNTIL(load_seq(&finished) == expected && goroutine_count() == 1, 60);
    CHECK_QUIETLY(all);
}

static int64_t segment_bytes(SegStats s) {
    return (int64_t)s.in_use_bytes;
}

int main(int argc, char **argv) {
    long n = arg_number(argc, argv, 1, 5000), waves = arg_number(argc, argv, 2, 20);
    for (int i = 0; i < 5; i++)
        wave(n);
    PageStats pages = pages_now();
    SegStats segments = segments_now();
    int64_t created = SUM_OVER_CORES(n_created);
    for (int i = 0; i < waves; i++)
        wave(n);
    PageStats pages_after = pages_now();
    SegStats segments_after = segments_now();
    check_equal("goroutines created", SUM_OVER_CORES(n_created) - created, waves * (n + n / 5 * 2));
    check_equal("goroutines left", goroutine_count(), 1);
    // Which core holds how many free segments and pages changes, and up to a 64th of the memory stays as stacks of dead goroutines:
    // far below what the 140,000 goroutines would leak if each left a segment.
    int64_t slack = (int64_t)cpu_count() * (256 << 10) + (int64_t)pages.total / 64;
    check_at_most("bytes in stack segments, growth", segment_bytes(segments_after) - segment_bytes(segments),
                  slack);
    check_at_most("bytes of pages in use, growth", (int64_t)pages.free - (int64_t)pages_after.free,
                  slack * 2);
    return check_end("t_spawn");
}
