// gc_turns.c -- two goroutines collect, one changes the number of cores and GOGC: cycles and those who keep
// them out take turns, and all of them come to an end.
#include "gc_case.h"

static chan(int) done;

static void collect(void *unused) {
    for (int i = 0; i < 2; i++)
        gc_collect();
    chan_send(done, 1);
}

static void set(void *unused) {
    for (int i = 0; i < 2; i++)
        CHECK(gc_set_percent(100) == 100);
    chan_send(done, 1);
}

int main(void) {
    int n = cpu_count();
    done = chan_make(int, 0);
    gc_begin(0);
    go(collect, NULL);
    go(collect, NULL);
    go(set, NULL);
    gomaxprocs(1);
    gomaxprocs(n);
    for (int i = 0; i < 3; i++)
        chan_recv(done);
    CHECK(gomaxprocs(0) == n);
    return 0;
}
