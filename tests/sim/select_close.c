// select_close.c -- a select waits on two channels while one is closed and a value comes on the other.
#include "case.h"

static chan(int) a, b;

static void closer(void *unused) { chan_close(a); }
static void sender(void *unused) { chan_send(b, 5); }

int main(void) {
    a = chan_make(int, 0);
    b = chan_make(int, 0);
    sim_begin(0);
    go(closer, NULL);
    go(sender, NULL);
    bool closed = false, got = false;
    while (!closed || !got) {
        int v = 0, w = 0;
        bool ok = true;
        chan(int) from = closed ? NULL : a;
        if (chan_select(case_recv(from, &v, &ok), case_recv(b, &w)) == 0) {
            CHECK(!ok && v == 0);
            closed = true;
        } else {
            CHECK(w == 5 && !got);
            got = true;
        }
    }
    return 0;
}
