// chan_pair.c -- two goroutines pass a token to and fro over unbuffered channels: park and ready from both sides.
#include "case.h"

static chan(int) there, back;

static void other(void *unused) {
    for (int i = 0; i < 2; i++)
        chan_send(back, chan_recv(there) + 1);
}

int main(void) {
    there = chan_make(int, 0);
    back = chan_make(int, 0);
    sim_begin(0);
    go(other, NULL);
    for (int i = 0; i < 2; i++) {
        chan_send(there, 10 * i);
        CHECK(chan_recv(back) == 10 * i + 1);
    }
    return 0;
}
