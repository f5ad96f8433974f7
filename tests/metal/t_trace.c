// t_trace.c -- a trace names every function once, also where a call went on to another stack segment.
//
// Hosted as booted. Frames of many sizes, so that the segments end in different places of the chain.
//
// expect: panic: at the end
// expect:
// expect: goroutine 1 [running]:
// expect: last(...)
// expect-re: \ttests/metal/t_trace.c:\d+ \+0x[0-9a-f]+
// expect: f1(...)
// expect-re: \ttests/metal/t_trace.c:\d+ \+0x[0-9a-f]+
// expect: f2(...)
// expect-re: \ttests/metal/t_trace.c:\d+ \+0x[0-9a-f]+
// expect: f3(...)
// expect-re: \ttests/metal/t_trace.c:\d+ \+0x[0-9a-f]+
// expect: f4(...)
// expect-re: \ttests/metal/t_trace.c:\d+ \+0x[0-9a-f]+
// expect: f5(...)
// expect-re: \ttests/metal/t_trace.c:\d+ \+0x[0-9a-f]+
// expect: f6(...)
// expect-re: \ttests/metal/t_trace.c:\d+ \+0x[0-9a-f]+
// expect: f7(...)
// expect-re: \ttests/metal/t_trace.c:\d+ \+0x[0-9a-f]+
// expect: f8(...)
// expect-re: \ttests/metal/t_trace.c:\d+ \+0x[0-9a-f]+
// expect: main(...)
// expect-re: \ttests/metal/t_trace.c:\d+ \+0x[0-9a-f]+
// expect:
// status: 2
#include "rt/burrow.h"

#define LINK(name, next, bytes)                                                                              \
    static __attribute__((noinline, noclone)) int name(int x) {                                              \
        volatile char frame[bytes];                                                                          \
        frame[0] = (char)x;                                                                                  \
        return next(x + 1) + frame[0];                                                                       \
    }

static __attribute__((noinline, noclone)) int last(int x) {
    if (x) panic("at the end");
    return x;
}
LINK(f1, last, 40)
LINK(f2, f1, 3000)
LINK(f3, f2, 200)
LINK(f4, f3, 1000)
LINK(f5, f4, 2000)
LINK(f6, f5, 600)
LINK(f7, f6, 100)
LINK(f8, f7, 900)

int main(int argc, char **argv) {
    return f8(argc) + 1;
}
