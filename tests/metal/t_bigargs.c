// t_bigargs.c -- arguments on the stack, kilobytes of them, at every distance from the end of a segment. A prologue must have asked for
// the room of what its function will push (-maccumulate-outgoing-args): else the older neighbour in memory is overrun.
#include "check.h"

typedef struct Block {
    long v[64];
} Block;
typedef struct Huge {
    long v[250];
} Huge;

static __attribute__((noinline)) Block by_value(Block b, int k, double d, Huge h) {
    for (int i = 0; i < 64; i++)
        b.v[i] += h.v[i] + k + (long)d;
    return b;
}

static __attribute__((noinline)) long sum(int n, ...) {
    __builtin_va_list ap;
    __builtin_va_start(ap, n);
    long s = 0;
    for (int i = 0; i < n; i++)
        s += i & 1 ? (long)__builtin_va_arg(ap, double) : __builtin_va_arg(ap, long);
    __builtin_va_end(ap);
    return s;
}

static __attribute__((noinline)) void work(int d) {
    Block b;
    Huge h;
    for (int i = 0; i < 64; i++)
        b.v[i] = i;
    for (int i = 0; i < 250; i++)
        h.v[i] = 3 * i;
    Block r = by_value(b, d, 2.5, h);
    for (int i = 0; i < 64; i++)
        CHECK(r.v[i] == 4 * i + d + 2);
    CHECK(sum(20, 1l, 2.0, 3l, 4.0, 5l, 6.0, 7l, 8.0, 9l, 10.0, 11l, 12.0, 13l, 14.0, 15l, 16.0, 17l, 18.0, 19l, 20.0) == 210);
}

// Frames of different sizes, so that the calls happen at all distances from the segments' ends.
#define DESCEND(bytes)                                                                                                 \
    static __attribute__((noinline)) void descend_##bytes(int d) {                                                     \
        volatile char pad[bytes];                                                                                      \
        pad[0] = 1;                                                                                                    \
        work(d);                                                                                                       \
        if (d) descend_##bytes(d - 1);                                                                                 \
        pad[(bytes) - 1] = 2;                                                                                          \
        work(d + pad[0] - 1);                                                                                          \
    }
DESCEND(8) DESCEND(24) DESCEND(56) DESCEND(104) DESCEND(200) DESCEND(248) DESCEND(264) DESCEND(1000)

static WaitGroup all;
static void run(void *unused) {
    descend_8(60), descend_24(60), descend_56(60), descend_104(60), descend_200(60), descend_248(60), descend_264(60), descend_1000(30);
    waitgroup_done(&all);
}

int main(int argc, char **argv) {
    waitgroup_add(&all, 8); // neighbours in memory, to be overrun
    for (int i = 0; i < 8; i++)
        go(run, NULL);
    waitgroup_wait(&all);
    return check_end("t_bigargs");
}
