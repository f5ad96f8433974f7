// world_stop.c -- two goroutines stop the world at once (by changing the number of cores) while a third works.
#include "case.h"

static WaitGroup all;
static Mutex m;
static int shared;

static void fewer(void *unused) {
    gomaxprocs(1);
    waitgroup_done(&all);
}
static void worker(void *unused) {
    for (int i = 0; i < 3; i++) {
        mutex_lock(&m);
        int was = shared;
        sim_point();
        shared = was + 1;
        mutex_unlock(&m);
    }
    waitgroup_done(&all);
}

int main(void) {
    sim_begin(0);
    waitgroup_add(&all, 2);
    go(fewer, NULL);
    go(worker, NULL);
    gomaxprocs(2);
    waitgroup_wait(&all);
    CHECK(shared == 3);
    CHECK(gomaxprocs(0) >= 1);
    return 0;
}
