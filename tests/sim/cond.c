// cond.c -- one waits on a condition variable, two signal: the wake-up is neither lost nor given twice.
#include "case.h"

static Mutex m;
static Cond c = {.mutex = &m};
static int tokens;

static void signaller(void *unused) {
    mutex_lock(&m);
    tokens++;
    mutex_unlock(&m);
    cond_signal(&c);
}

int main(void) {
    sim_begin(0);
    go(signaller, NULL);
    go(signaller, NULL);
    mutex_lock(&m);
    for (int got = 0; got < 2; got++) {
        while (tokens == 0)
            cond_wait(&c);
        tokens--;
    }
    mutex_unlock(&m);
    return 0;
}
