// stack.c -- a goroutine's stack: 2 KB at first, more by segments, a limit; and how many goroutines fit.
#include "tour.h"

static WaitGroup wg, inside;
static chan(int) gate;

static void parked(void *unused) {
    waitgroup_done(&inside);
    int v;
    chan_recv_ok(gate, &v);
    waitgroup_done(&wg);
}

static AtomicInt64 born_with;
static void newborn(void *unused) {
    int local = 0;
    atomic_int64_store(&born_with, (int64_t)place_of(&local).bytes);
    waitgroup_done(&wg);
}
static void birth(void) {
    claim("A goroutine starts with a stack of 2 KB", "rt/g.c: g_new, rt/stackseg.c: seg_alloc");
    waitgroup_add(&wg, 1);
    go(newborn, NULL);
    waitgroup_wait(&wg);
    int64_t room = atomic_int64_load(&born_with);
    holds(room > 1900 && room < 2048, "a new one's: 2048 bytes, %ld of them its own to use, the rest the segment's record", (long)room);
}

static __attribute__((noinline)) int deep(int left, size_t *segment) {
    volatile char frame[100];
    frame[0] = 1;
    if (left) return deep(left - 1, segment) + frame[0];
    *segment = place_of((const void *)frame).bytes;
    return 0;
}
static AtomicInt64 largest;
static void goes_deep(void *depth) {
    size_t bytes = 0;
    int d = (int)(intptr_t)depth;
    if (deep(d, &bytes) == d) atomic_int64_store(&largest, (int64_t)bytes);
    waitgroup_done(&wg);
}
static void growth(void) {
    claim("It grows when a call needs more: the next segment is twice as large, up to 256 KB, nothing is copied, no address changes", "rt/x86_64/morestack.asm: __morestack, rt/stack.c: stack_grow");
    static const int depths[] = {1, 50, 500, 5000, 50000};
    int64_t last = 0;
    bool rising = true;
    for (size_t i = 0; i < sizeof depths / sizeof *depths; i++) {
        waitgroup_add(&wg, 1);
        go(goes_deep, (void *)(intptr_t)depths[i]);
        waitgroup_wait(&wg);
        int64_t bytes = atomic_int64_load(&largest);
        seen("%6d calls deep: the newest segment has %ld bytes", depths[i], (long)bytes);
        rising = rising && bytes >= last && bytes > 0;
        last = bytes;
    }
    holds(rising && last >= 65536, "the same goroutine code ran at every depth");
}

static void million(void) {
    // What they will need is half of what is free, at most; a million beside what is left of 4 GB.
    size_t fit = memory_stats().free / (2 * 2600);
    int64_t n = memory_stats().free > (size_t)3 << 30 ? 1000000 : 100;
    for (int64_t more = n; n < 200000 && (size_t)(more = more % 9 == 1 ? 2 * more : more % 9 == 2 ? more / 2 * 5 : 2 * more) <= fit;)
        n = more;
    claim("Goroutines are cheap: a million in a few gigabytes, where threads run out", "rt/g.c: g_new; MEM=4G shows a million");
    gate = chan_make(int, 0);
    size_t before = memory_stats().free;
    waitgroup_add(&wg, (int)n), waitgroup_add(&inside, (int)n);
    int64_t s = time_now_ns();
    for (int64_t i = 0; i < n; i++)
        go(parked, NULL);
    waitgroup_wait(&inside);
    int64_t ns = time_now_ns() - s;
    int count = goroutine_count();
    size_t each = (before - memory_stats().free) / (size_t)n;
    chan_close(gate);
    waitgroup_wait(&wg);
    seen("%ld goroutines parked at once, made in %ld ms: %ld ns each", (long)n, (long)ns / 1000000, (long)(ns / n));
    holds(count > n, "goroutine_count() was %d", count);
    holds(each < 2600, "%lu bytes each, all told (a thread of Linux: a kernel stack of 16 KB and about as much again, before it runs)", (unsigned long)each);
}

void stack_claims(void) {
    birth();
    growth();
    million();
}

static __attribute__((noinline)) int endless(int depth) {
    volatile char frame[3000];
    frame[0] = (char)depth;
    return depth >= 0 ? endless(depth + 1) + frame[0] : 0;
}
static void overflows(void *unused) { endless(0); }
// Below the limit: three quarters of it.
static void goes_near(void *unused) {
    size_t bytes = 0;
    atomic_int64_store(&largest, deep(200, &bytes) == 200 ? (int64_t)bytes : 0);
    waitgroup_done(&wg);
}

// The message and status are those of any program that does this; only the status is put right, because here it was the plan.
void limit_claim(void) {
    claim("At the limit a stack ends, and with it the program, with Go's message", "rt/panic.c: stack_overflow; 64 KB here, by default 1 GB (set_max_stack)");
    set_max_stack(64 << 10);
    waitgroup_add(&wg, 1);
    go(goes_near, NULL);
    waitgroup_wait(&wg);
    holds(atomic_int64_load(&largest) > 0, "below the limit 200 calls came back, the newest segment had %ld bytes", (long)atomic_int64_load(&largest));
    int failed = failures();
    print("   What follows is the report of an overflow, meant to come. %s.\n\n", failed ? "SOME CLAIMS DO NOT HOLD" : "All other claims hold");
    fatal_expect("stack overflow", failed ? 1 : 0);
    go(overflows, NULL);
    time_sleep(60 * SECOND);
    print("   DOES NOT HOLD: the overflow did not end the program\n");
    program_exit(1);
}
