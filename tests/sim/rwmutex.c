// rwmutex.c -- a writer among two readers: never together, and all get their turn.
#include "case.h"

static RWMutex rw;
static WaitGroup all;
static AtomicInt32 readers;
static int writers;

static void reader(void *unused) {
    rwmutex_rlock(&rw);
    atomic_int32_add(&readers, 1);
    CHECK(writers == 0);
    atomic_int32_add(&readers, -1);
    rwmutex_runlock(&rw);
    waitgroup_done(&all);
}

int main(void) {
    sim_begin(0);
    waitgroup_add(&all, 2);
    go(reader, NULL);
    go(reader, NULL);
    rwmutex_lock(&rw);
    writers = 1;
    CHECK(atomic_int32_load(&readers) == 0);
    writers = 0;
    rwmutex_unlock(&rw);
    waitgroup_wait(&all);
    return 0;
}
