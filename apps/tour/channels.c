// channels.c -- goroutines talk through channels.
#include "tour.h"

enum { WORKERS = 8, JOBS = 10000 };
static chan(int) jobs, results;
static WaitGroup wg;
static AtomicInt64 busy[WORKERS];

static void worker(void *arg) {
    intptr_t me = (intptr_t)arg;
    chan_for(v, jobs) {
        atomic_int64_add(&busy[me], 1);
        chan_send(results, 2 * v);
    }
    waitgroup_done(&wg);
}
static void feed(void *unused) {
    for (int i = 1; i <= JOBS; i++)
        chan_send(jobs, i);
    chan_close(jobs);
    waitgroup_wait(&wg);
    chan_close(results);
}

void channel_claims(void) {
    claim("Channels carry it all: values, order, waiting, the end", "rt/chan.c: chan_send_from, rt/select.c: chan_select_of");
    jobs = chan_make(int, 0), results = chan_make(int, 16);
    waitgroup_add(&wg, WORKERS);
    for (intptr_t i = 0; i < WORKERS; i++)
        go(worker, (void *)i);
    go(feed, NULL);
    int64_t sum = 0, n = 0;
    chan_for(v, results) {
        sum += v;
        n++;
    }
    int64_t least = JOBS;
    for (int i = 0; i < WORKERS; i++)
        if (atomic_int64_load(&busy[i]) < least) least = atomic_int64_load(&busy[i]);
    holds(n == JOBS && sum == (int64_t)JOBS * (JOBS + 1), "%d jobs through an unbuffered channel to %d workers, results back: %ld, sum %ld", JOBS, WORKERS, (long)n, (long)sum);
    seen("the least busy worker did %ld", (long)least);

    chan(int) never = chan_make(int, 0);
    int v;
    int64_t s = time_now_ns();
    int which = chan_select(case_recv(never, &v), case_recv(time_after(2 * MILLISECOND), NULL));
    holds(which == 1, "a select waited for the first of two: a timer of 2000 us, after %ld us", (long)(time_now_ns() - s) / 1000);

    chan(int) c = chan_make(int, 1);
    enum { ROUNDS = 100000 };
    s = time_now_ns();
    for (int i = 0; i < ROUNDS; i++) {
        chan_send(c, i);
        chan_recv(c);
    }
    seen("send and receive without waiting: %ld ns", (long)((time_now_ns() - s) / ROUNDS));
}
