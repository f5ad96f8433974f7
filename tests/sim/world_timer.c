// world_timer.c -- cores are put out of use and back while goroutines sleep on them: timers move and still fire.
#include "case.h"

static WaitGroup all;

static void sleeper(void *unused) {
    time_sleep(300);
    time_sleep(300);
    waitgroup_done(&all);
}

int main(void) {
    sim_begin(SIM_TIME);
    waitgroup_add(&all, 2);
    go(sleeper, NULL);
    go(sleeper, NULL);
    gosched();
    gomaxprocs(1);
    gosched();
    gomaxprocs(2);
    waitgroup_wait(&all);
    return 0;
}
