// lost_update.c -- a program with a race, for tests/test_sim.py: the simulator must find it and repeat it.
#include "case.h"

static int count;
static WaitGroup all;

static void add(void *unused) {
    int was = count;
    sim_point();
    count = was + 1;
    waitgroup_done(&all);
}

int main(void) {
    sim_begin(0);
    waitgroup_add(&all, 2);
    go(add, NULL);
    go(add, NULL);
    waitgroup_wait(&all);
    CHECK(count == 2);
    return 0;
}
