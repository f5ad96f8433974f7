// spread.c -- goroutines are made while the other cores go to sleep: none of them sleeps on (checked by the simulator at each point).
#include "case.h"

static WaitGroup all;

static void leaf(void *unused) {
    sim_point();
    waitgroup_done(&all);
}

int main(void) {
    sim_begin(0);
    for (int round = 0; round < 3; round++) {
        waitgroup_add(&all, 1);
        go(leaf, NULL);
        for (int i = 0; i < 100; i++)
            sim_point();
    }
    waitgroup_wait(&all);
    return 0;
}
