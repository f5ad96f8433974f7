// procs.c -- a core goes out of use and comes back, again and again: it never misses that it is in use.
#include "case.h"

int main(void) {
    int n = cpu_count();
    sim_begin(0);
    for (int i = 0; i < 4; i++) {
        gomaxprocs(1);
        gomaxprocs(n);
    }
    CHECK(gomaxprocs(0) == n);
    return 0;
}
