// mutex.c -- three goroutines and one Mutex: nobody is inside with another, nobody is forgotten.
#include "case.h"

static Mutex m;
static WaitGroup all;
static int inside, count;

static void worker(void *unused) {
    for (int i = 0; i < 2; i++) {
        mutex_lock(&m);
        CHECK(inside++ == 0);
        sim_point();
        count++;
        CHECK(--inside == 0);
        mutex_unlock(&m);
    }
    waitgroup_done(&all);
}

int main(void) {
    sim_begin(0);
    waitgroup_add(&all, 2);
    go(worker, NULL);
    go(worker, NULL);
    mutex_lock(&m);
    CHECK(inside == 0);
    mutex_unlock(&m);
    waitgroup_wait(&all);
    CHECK(count == 4);
    return 0;
}
