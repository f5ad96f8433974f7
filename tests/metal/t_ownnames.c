// t_ownnames.c -- a program's own global names may be those of the runtime's inside: neither sees the other's.
//
// smp: 1
#include "check.h"

int gc = 7, heap = 8, rt_ps = 9;
int schedule(int n) __attribute__((noinline));
int schedule(int n) { return n + gc + heap + rt_ps; }

int main(void) {
    gc_collect();
    CHECK(schedule(1) == 25);
    gc = heap = rt_ps = -1;
    gc_collect();
    CHECK(schedule(0) == -3);
    println("own names"); // expect: own names
    return 0;
}
