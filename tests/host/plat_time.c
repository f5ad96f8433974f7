// plat_time.c -- clock and one-shot timers of the hosted platform.
//
// plat_now_ns is CLOCK_MONOTONIC through the vDSO: 50 bytes of stack, where the system call's entry would
// cost ten times the time. Each core has a kernel timer that signals its own thread (plat_signal.c).
//
// Setting the kernel's timer is a system call that programs hardware, in a virtual machine some microseconds,
// and rt sets it at each turn of the collector and at each end of a wait, mostly to later than before. So the
// timer is lazy: an earlier deadline goes to the kernel, a later one, or none, is only noted. A signal that
// comes before what is wanted sets the timer to that and says nothing to rt (host_timer_due).
//
// `wanted` is what rt asked for last; the kernel's signal comes by `set` at the latest, and `set` is not after
// `wanted` when nobody is in plat_timer_arm. Both belong to the core's thread. A signal may come between any
// two steps of plat_timer_arm, and what it arms in there be overwritten by what was under way: then `wanted`
// or `set` is another than before, nobody knows which of the two the kernel has, and it is set once more.
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
    h->timer_wanted = h->timer_set = TIME_NEVER;
    struct sigevent ev = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGNAL_TICK};
    ev._sigev_un._tid = h->tid;
    long r = linux_call3(SYS_timer_create, CLOCK_MONOTONIC, (long)&ev, (long)&h->timer);
    if (r < 0) host_die_errno("cannot create a timer", (int)-r);
}

static void kernel_timer_set(HostCore *h, int64_t deadline_ns) {
    struct itimerspec when = {{0, 0}, {0, 1}}; // zero would disarm
    if (deadline_ns > 0) {
        when.it_value.tv_sec = deadline_ns / NS_PER_S;
        when.it_value.tv_nsec = deadline_ns % NS_PER_S;
    }
    linux_call4(SYS_timer_settime, h->timer, TIMER_ABSTIME, (long)&when, 0);
}

void plat_timer_arm(int64_t deadline_ns) {
    HostCore *h = host_self();
    h->timer_wanted = deadline_ns;
    for (;;) { // again for each signal that came in between
        int64_t wanted = h->timer_wanted;
        barrier_local(); // here and below: against our own handlers
        if (wanted >= h->timer_set) return;
        h->timer_set = wanted;
        barrier_local();
        kernel_timer_set(h, wanted);
        barrier_local();
        if (h->timer_wanted == wanted && h->timer_set == wanted) return;
        h->timer_set = TIME_NEVER;
        barrier_local();
    }
}

bool host_timer_due(HostCore *h) {
    h->timer_set = TIME_NEVER;
    if (plat_now_ns() >= h->timer_wanted) {
        h->timer_wanted = TIME_NEVER;
        return true;
    }
    if (h->timer_wanted != TIME_NEVER) plat_timer_arm(h->timer_wanted);
    return false;
}
