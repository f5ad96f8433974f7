// pinned.c -- two goroutines bound to different cores wake each other: each wake-up meets a core that is about to sleep.
#include "case.h"

static chan(int) c;

static void other(void *unused) {
    CHECK(goroutine_pin(cpu_count() - 1));
    for (int i = 0; i < 2; i++) {
        CHECK(core_id() == cpu_count() - 1);
        chan_send(c, i);
    }
}

int main(void) {
    c = chan_make(int, 0);
    goroutine_pin(0);
    sim_begin(0);
    go(other, NULL);
    for (int i = 0; i < 2; i++) {
        CHECK(chan_recv(c) == i);
        CHECK(core_id() == 0);
    }
    return 0;
}
