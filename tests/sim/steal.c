// steal.c -- short goroutines are made faster than one core runs them: each runs once, whoever takes it.
#include "case.h"

enum { N = 4 };
static WaitGroup all;
static AtomicInt32 ran[N];

static void leaf(void *arg) {
    CHECK(atomic_int32_add(arg, 1) == 1);
    gosched();
    waitgroup_done(&all);
}

int main(void) {
    sim_begin(0);
    waitgroup_add(&all, N);
    for (int i = 0; i < N; i++)
        go(leaf, &ran[i]);
    waitgroup_wait(&all);
    for (int i = 0; i < N; i++)
        CHECK(atomic_int32_load(&ran[i]) == 1);
    return 0;
}
