// select_order.c -- two goroutines select over the same channels, named in opposite order: they lock them in the same.
#include "case.h"

static chan(int) a, b, done;

static void nothing(void *unused) {}
static void ba(void *unused) {
    int v, w;
    for (int i = 0; i < 2; i++)
        CHECK(chan_select(case_recv(b, &v), case_recv(a, &w), case_default()) == 2);
    chan_send(done, 1);
}

int main(void) {
    a = chan_make(int, 0);
    b = chan_make(int, 0);
    done = chan_make(int, 1);
    sim_begin(0);
    go(ba, NULL);
    go(nothing, NULL); // is next, so ba is in the ring: a thief takes it at once, and meets main with one lock held
    int v, w;
    for (int i = 0; i < 2; i++)
        CHECK(chan_select(case_recv(a, &v), case_recv(b, &w), case_default()) == 2);
    chan_recv(done);
    return 0;
}
