// t_step.c -- a small channel program that must come out right however it is preempted.
//
// Run with GODEBUG=trapstep=k for k in 1..17: the runtime then switches away after every k-th instruction of
// the application, so every window between two instructions is hit. Workers exchange values over unbuffered
// and buffered channels, select, and use locks, floating point, deep calls and panics; sums tell whether
// anything was lost or doubled.
//
// judged by: tests/test_trapstep.py
#include "metal.h"

#define WORKERS 3
#define VALUES  12

static chan(int) in, out;
static chan(double) halves;
static Mutex mutex;
static long under_lock;
static WaitGroup all;

static __attribute__((noinline)) long deep(int n) {
    volatile long room[40];
    room[n] = n;
    return n ? deep(n - 1) + room[n] : 0;
}
static void catch_it(void *caught) {
    Any v = recover();
    if (v.type) ++*(int *)caught;
}
static __attribute__((noinline)) int panics(int n) {
    static int caught[WORKERS * VALUES];
    catch_panics(caught[n]);
    defer(catch_it, &caught[n]);
    if (deep(20) == 210) panic("on purpose");
    return 0;
}

static void work(void *unused) {
    chan_for(v, in) {
        double half = v / 2.0;
        CHECK_QUIETLY(deep(30) == 465);
        mutex_lock(&mutex);
        under_lock += v;
        mutex_unlock(&mutex);
        int which = chan_select(case_send(out, 2 * v), case_send(halves, half));
        if (which == 0)
            chan_send(halves, half);
        else
            chan_send(out, 2 * v);
        CHECK_QUIETLY(panics(v) == 1);
    }
    waitgroup_done(&all);
}
static void feed(void *unused) {
    for (int i = 0; i < WORKERS * VALUES; i++)
        chan_send(in, i);
    chan_close(in);
    waitgroup_done(&all);
}

int main(int argc, char **argv) {
    in = chan_make(int, 0);
    out = chan_make(int, 2);
    halves = chan_make(double, 0);
    waitgroup_add(&all, WORKERS + 1);
    for (int i = 0; i < WORKERS; i++)
        go(work, NULL);
    go(feed, NULL);
    long doubled = 0;
    double halved = 0;
    for (int i = 0; i < 2 * WORKERS * VALUES; i++) {
        int v;
        double h;
        if (chan_select(case_recv(out, &v), case_recv(halves, &h)) == 0)
            doubled += v;
        else
            halved += h;
    }
    waitgroup_wait(&all);
    long n = WORKERS * VALUES, sum = n * (n - 1) / 2;
    check_equal("sum of the doubled values", doubled, 2 * sum);
    check_equal("sum of the halved values, doubled", (long)(halved * 2), sum);
    check_equal("sum under the lock", under_lock, sum);
    say("%ld preemptions in application text\n", SUM_OVER_CORES(n_preempt_async));
    if (sched.trapstep)
        check_at_least("preemptions in application text", SUM_OVER_CORES(n_preempt_async), 100);
    return check_end("t_step");
}
