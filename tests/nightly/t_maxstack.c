// t_maxstack.c -- one goroutine recurses without end in a machine that has the memory: the cap of
// 1,000,000,000 bytes stops it with Go's message, while other goroutines run.
//
// mem: 3G
// status: 2
// timeout: 240
// contains: runtime: goroutine stack exceeds 1000000000-byte limit
// contains: fatal error: stack overflow
// contains: ...additional frames elided...
// contains: other goroutines ran: yes
#include "tests/metal/metal.h"

static _Atomic int64_t beats;

static void beat(void *unused) {
    for (;;) {
        time_sleep(5 * MILLISECOND);
        fetch_add(&beats, 1);
    }
}

static __attribute__((noinline, noclone)) uint64_t recurse(uint64_t depth) {
    volatile uint64_t
        frame[28]; // 256 bytes with what every frame has: touched, so that the memory is really there
    frame[0] = frame[27] = depth;
    if (depth % 1000000 == 0) say("depth %lu, beats so far: %ld\n", depth, load_relaxed(&beats));
    // The cap allows about 3.9 million of these frames; half of that shows that the others still get their
    // turns.
    if (depth == 2000000) say("other goroutines ran: %s\n", load_relaxed(&beats) > 0 ? "yes" : "no");
    if (depth == UINT64_MAX) return 0; // never; the compiler need not know
    uint64_t below = recurse(depth + 1);
    return below + frame[0] + frame[27];
}

static void deep(void *unused) {
    say("unexpected return: %lu\n", recurse(1));
}

int main(int argc, char **argv) {
    go(beat, NULL);
    go(deep, NULL);
    time_sleep(200 * SECOND);
    say("no overflow within 200 s\n");
    return 1;
}
