// select_pair.c -- two selects over the same two channels meet each other: one sends what the other receives, once.
#include "case.h"

static chan(int) a, b;
static chan(int) done;

static void one(void *unused) {
    int v = 0;
    int chosen = chan_select(case_send(a, 1), case_recv(b, &v));
    CHECK(chosen == 0 || v == 2);
    chan_send(done, chosen);
}

int main(void) {
    a = chan_make(int, 0);
    b = chan_make(int, 0);
    done = chan_make(int, 1);
    sim_begin(0);
    go(one, NULL);
    int v = 0;
    int chosen = chan_select(case_send(b, 2), case_recv(a, &v));
    CHECK(chosen == 0 || v == 1);
    CHECK(chan_recv(done) == 1 - chosen);
    return 0;
}
