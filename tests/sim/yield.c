// yield.c -- goroutines yield while those between them are stolen, and wait right afterwards: one that finds nobody left but itself, in its own queue, has not left its
// core, and who makes it ready elsewhere waits until it has.
#include "case.h"

enum { N = 3, TIMES = 2 };
static chan(int) c;

static void sender(void *unused) {
    for (int i = 0; i < TIMES; i++) {
        gosched();
        chan_send(c, 1);
    }
}

int main(void) {
    c = chan_make(int, 0);
    sim_begin(0);
    for (int i = 0; i < N; i++)
        go(sender, NULL);
    int sum = 0;
    for (int i = 0; i < N * TIMES; i++) {
        gosched();
        sum += chan_recv(c);
    }
    CHECK(sum == N * TIMES);
    return 0;
}
