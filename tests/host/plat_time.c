// plat_time.c -- clock and one-shot timers of the hosted platform.
//
// plat_now_ns is CLOCK_MONOTONIC through the vDSO: 50 bytes of stack, where the system call's entry would
// cost ten times the time. Each core has a kernel timer that signals its own thread (plat_signal.c calls
// rt_irq_tick).
#include "host.h"
#include "syscall.h"
#include <time.h>

#define NS_PER_S 1000000000ll

static int (*clock_read)(clockid_t, struct timespec *) = clock_gettime;

// The first call resolves the symbol, which takes far more stack than a goroutine has.
void host_time_init(void) {
    plat_now_ns();
}

static int64_t read_ns(clockid_t clock) {
    struct timespec ts;
    clock_read(clock, &ts);
    return ts.tv_sec * NS_PER_S + ts.tv_nsec;
}

int64_t plat_now_ns(void) {
    return read_ns(CLOCK_MONOTONIC);
}
int64_t plat_wall_ns(void) {
    return read_ns(CLOCK_REALTIME);
}

void host_timer_create(HostCore *h) {
    struct sigevent ev = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGNAL_TICK};
    ev._sigev_un._tid = h->tid;
    long r = linux_call3(SYS_timer_create, CLOCK_MONOTONIC, (long)&ev, (long)&h->timer);
    if (r < 0) host_die_errno("cannot create a timer", (int)-r);
}

void plat_timer_arm(int64_t deadline_ns) {
    struct itimerspec when = {{0, 0}, {0, 0}}; // zero disarms
    if (deadline_ns != TIME_NEVER) {
        if (deadline_ns < 1) deadline_ns = 1;
        when.it_value.tv_sec = deadline_ns / NS_PER_S;
        when.it_value.tv_nsec = deadline_ns % NS_PER_S;
    }
    linux_call4(SYS_timer_settime, host_self()->timer, TIMER_ABSTIME, (long)&when, 0);
}
