// select_race.c -- two senders on two channels find one waiting select: exactly one is taken, the other's value stays for later.
#include "case.h"

static chan(int) a, b;

static void send_a(void *unused) { chan_send(a, 1); }
static void send_b(void *unused) { chan_send(b, 2); }

int main(void) {
    a = chan_make(int, 0);
    b = chan_make(int, 0);
    sim_begin(0);
    go(send_a, NULL);
    go(send_b, NULL);
    int sum = 0;
    for (int i = 0; i < 2; i++) {
        int v = 0, w = 0;
        int chosen = chan_select(case_recv(a, &v), case_recv(b, &w));
        CHECK(chosen == 0 ? v == 1 && w == 0 : w == 2 && v == 0);
        sum += v + w;
    }
    CHECK(sum == 3);
    return 0;
}
