// chan_buffer.c -- a sender and a receiver meet at a buffer of one; what arrives is what was sent, in order.
#include "case.h"

static chan(int) c;

static void sender(void *unused) {
    for (int i = 1; i <= 3; i++)
        chan_send(c, i);
    chan_close(c);
}

int main(void) {
    c = chan_make(int, 1);
    sim_begin(0);
    go(sender, NULL);
    int want = 1;
    chan_for(v, c) CHECK(v == want++);
    CHECK(want == 4);
    return 0;
}
