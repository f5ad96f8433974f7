// semaphore.c -- two goroutines hand two permits to and fro.
#include "case.h"

static Semaphore ping, pong;

static void other(void *unused) {
    for (int i = 0; i < 2; i++) {
        semaphore_acquire(&ping);
        semaphore_release(&pong);
    }
}

int main(void) {
    sim_begin(0);
    go(other, NULL);
    for (int i = 0; i < 2; i++) {
        semaphore_release(&ping);
        semaphore_acquire(&pong);
    }
    CHECK(!semaphore_try_acquire(&ping) && !semaphore_try_acquire(&pong));
    return 0;
}
