// panics.c -- a goroutine recovers from a send on a channel that is closed meanwhile, or its value was taken.
#include "case.h"

static chan(int) c, done;
static AtomicInt32 panicked;

static void caught(void *unused) {
    if (recover().data) atomic_int32_add(&panicked, 1);
}
static void try_send(void) {
    catch_panics();
    defer(caught, NULL);
    chan_send(c, 3);
}
static void sender(void *unused) {
    try_send();
    chan_send(done, 1);
}

int main(void) {
    c = chan_make(int, 0);
    done = chan_make(int, 0);
    sim_begin(0);
    go(sender, NULL);
    int v = 0;
    bool got = chan_try_recv(c, &v, (bool *)0);
    chan_close(c);
    chan_recv(done);
    CHECK(got ? v == 3 && atomic_int32_load(&panicked) == 0 : atomic_int32_load(&panicked) == 1);
    return 0;
}
