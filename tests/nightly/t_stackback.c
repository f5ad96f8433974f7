// t_stackback.c -- the memory of a very deep stack comes back: a goroutine recurses to 900 MB and returns,
// three times over; then one whose frames are abandoned by a recovered panic.
//
// After each the page allocator has what it had before, but for what the caches of the cores may keep. The
// machine has room for one such stack and no second, so a leak of one is also an "out of memory".
//
// mem: 1500M
// timeout: 240
// contains: t_stackback: passed
#include "tests/metal/metal.h"

#define DEEP (900ull * 1000 * 1000)

static __attribute__((noinline, noclone)) uint64_t recurse(uint64_t bytes, bool end_by_panic) {
    volatile uint64_t frame[28];
    frame[0] = bytes;
    // stack_bytes: what the runtime counts against the cap
    if (g_self()->stack_bytes >= bytes) {
        if (end_by_panic) panic("deep enough");
        return 1;
    }
    uint64_t below = recurse(bytes, end_by_panic);
    return below + (frame[0] == bytes);
}

static WaitGroup done;

static void return_from_deep(void *unused) {
    uint64_t frames = recurse(DEEP, false);
    check_range("frames", (int64_t)frames, 1000000, 10000000);
    waitgroup_done(&done);
}

static void recovered(void *unused) {
    (void)recover();
}
static __attribute__((noinline, noclone)) void abandon(void) {
    catch_panics();
    defer(recovered, NULL);
    recurse(DEEP, true);
}
static void panic_in_the_deep(void *unused) {
    abandon();
    check_at_most("stack after recover", (int64_t)g_self()->stack_bytes, 64 << 10);
    waitgroup_done(&done);
}

static void settle(void) {
    for (int i = 0; i < 200; i++)
        time_sleep(MILLISECOND); // cores pass their schedulers and give dead goroutines' stacks back
}

int main(int argc, char **argv) {
    settle();
    PageStats before = pages_now();
    say("free before: %lu KiB\n", before.free >> 10);
    for (int round = 0; round < 4; round++) {
        waitgroup_add(&done, 1);
        go(round < 3 ? return_from_deep : panic_in_the_deep, NULL);
        waitgroup_wait(&done);
        settle();
        PageStats after = pages_now();
        say("round %d, free after: %lu KiB\n", round, after.free >> 10);
        check_at_most("KiB kept", ((int64_t)before.free - (int64_t)after.free) >> 10, 4 << 10);
    }
    return check_end("t_stackback");
}
