// chan_close.c -- close meets two receivers: each gets the value or sees the end, whether it waits already or not.
#include "case.h"

static chan(int) c;
static WaitGroup all;
static AtomicInt32 values, ends;

static void receiver(void *unused) {
    int v = -1;
    bool ok = chan_recv_ok(c, &v);
    CHECK(v == (ok ? 7 : 0));
    atomic_int32_add(ok ? &values : &ends, 1);
    waitgroup_done(&all);
}

int main(void) {
    c = chan_make(int, 0);
    sim_begin(0);
    waitgroup_add(&all, 2);
    go(receiver, NULL);
    go(receiver, NULL);
    chan_send(c, 7);
    chan_close(c);
    waitgroup_wait(&all);
    CHECK(atomic_int32_load(&values) == 1 && atomic_int32_load(&ends) == 1);
    return 0;
}
