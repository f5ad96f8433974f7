// bench.c -- the work of the head-to-head: the same names and the same work as the Go programs it is compared with.
//
//     bench [-ms N] [-reps N] [-p parked goroutines] NAME...     (no name: list)
//
// Goroutines, channels, locks, timers, stacks; the heap is heap.c's.
#include "bench.h"

// ---- goroutines

static WaitGroup wg;
static void done_one(void *unused) { waitgroup_done(&wg); }

static void spawn_batch(int64_t n) {
    while (n > 0) {
        int m = n < 1000 ? (int)n : 1000;
        waitgroup_add(&wg, m);
        for (int i = 0; i < m; i++)
            go(done_one, NULL);
        waitgroup_wait(&wg);
        n -= m;
    }
}

static chan(int) chain_done;
static void chain_step(void *left) {
    intptr_t k = (intptr_t)left;
    if (k == 0) chan_send(chain_done, 1);
    else go(chain_step, (void *)(k - 1));
}
static void spawn_chain(int64_t n) {
    chain_done = chan_make(int, 0);
    go(chain_step, (void *)(intptr_t)n);
    chan_recv(chain_done);
}

static void send_one(void *c) { chan_send((chan(int))c, 1); }
static void spawn_join1(int64_t n) {
    chan(int) c = chan_make(int, 0);
    for (int64_t i = 0; i < n; i++) {
        go(send_one, c);
        chan_recv(c);
    }
}

static void bench_spawn(void) {
    per_op("spawn.batch", spawn_batch);
    per_op("spawn.chain", spawn_chain);
    per_op("spawn.join1", spawn_join1);
}

static int64_t yields_each;
static void yielder(void *unused) {
    for (int64_t i = 0; i < yields_each; i++)
        gosched();
    waitgroup_done(&wg);
}
static void yield_k(int k, int64_t n) {
    yields_each = n / k;
    waitgroup_add(&wg, k);
    for (int i = 0; i < k; i++)
        go(yielder, NULL);
    waitgroup_wait(&wg);
}
static void yield_pair(int64_t n) { yield_k(2, n); }
static void yield_1000(int64_t n) { yield_k(1000, n); }
static void bench_yield(void) {
    per_op_from("yield.pair.P1", 1000, yield_pair);
    per_op_from("yield.1000g.P1", 20000, yield_1000);
}

// ---- parked goroutines: memory

// By default a million where they fit, else 100,000 (-p).
static chan(int) gate;
static WaitGroup parked_ready, parked_done;
static void parked(void *unused) {
    waitgroup_done(&parked_ready);
    int v;
    chan_recv_ok(gate, &v);
    waitgroup_done(&parked_done);
}
static void bench_parked(void) {
    int64_t parked_n = option_p;
    if (!parked_n) parked_n = memory_stats().free > (size_t)3 << 30 ? 1000000 : 100000;
    gate = chan_make(int, 0);
    waitgroup_add(&parked_ready, (int)parked_n);
    waitgroup_add(&parked_done, (int)parked_n);
    MemoryStats before = memory_stats();
    int64_t s = time_now_ns();
    for (int64_t i = 0; i < parked_n; i++)
        go(parked, NULL);
    waitgroup_wait(&parked_ready);
    gosched();
    int64_t e = time_now_ns();
    MemoryStats after = memory_stats();
    print("parked.%ldk.create\t%.1f\tns/g\n", (long)(parked_n / 1000), (double)(e - s) / (double)parked_n);
    print("parked.%ldk.memory\t%.1f\tB/g\n", (long)(parked_n / 1000), (double)(before.free - after.free) / (double)parked_n);
    s = time_now_ns();
    chan_close(gate);
    waitgroup_wait(&parked_done);
    print("parked.%ldk.release\t%.1f\tns/g\n", (long)(parked_n / 1000), (double)(time_now_ns() - s) / (double)parked_n);
}

// ---- channels

static chan(int) ping, pong;
static void ponger(void *unused) {
    chan_for(v, ping) chan_send(pong, v);
    chan_close(pong);
}
static void pingpong(int64_t n) {
    ping = chan_make(int, 0);
    pong = chan_make(int, 0);
    go(ponger, NULL);
    for (int64_t i = 0; i < n; i++) {
        chan_send(ping, (int)i);
        chan_recv(pong);
    }
    chan_close(ping);
    chan_recv(pong);
}

static chan(int) stream_c;
static int64_t stream_each;
static WaitGroup producers, consumers;
static uint64_t sink;
static void producer(void *unused) {
    for (int64_t i = 0; i < stream_each; i++)
        chan_send(stream_c, (int)i);
    waitgroup_done(&producers);
}
static void consumer(void *unused) {
    uint64_t s = 0;
    chan_for(v, stream_c) s += (uint64_t)v;
    __atomic_fetch_add(&sink, s, __ATOMIC_RELAXED);
    waitgroup_done(&consumers);
}
static void stream(int cap, int np, int nc, int64_t n) {
    stream_c = chan_make(int, cap);
    stream_each = n / np;
    waitgroup_add(&producers, np);
    waitgroup_add(&consumers, nc);
    for (int i = 0; i < np; i++)
        go(producer, NULL);
    for (int i = 0; i < nc; i++)
        go(consumer, NULL);
    waitgroup_wait(&producers);
    chan_close(stream_c);
    waitgroup_wait(&consumers);
}
static void buf_1p1c(int64_t n) { stream(128, 1, 1, n); }
static void unbuf_1p1c(int64_t n) { stream(0, 1, 1, n); }
static void buf_4p4c(int64_t n) { stream(128, 4, 4, n); }
static void unbuf_4p4c(int64_t n) { stream(0, 4, 4, n); }
static void self_buf1(int64_t n) {
    chan(int) c = chan_make(int, 1);
    for (int64_t i = 0; i < n; i++) {
        chan_send(c, (int)i);
        chan_recv(c);
    }
}
static void bench_chan(void) {
    per_op("chan.pingpong.P1", pingpong);
    per_op("chan.buf128.1p1c", buf_1p1c);
    per_op("chan.unbuf.1p1c", unbuf_1p1c);
    per_op_from("chan.buf128.4p4c", 4000, buf_4p4c);
    per_op_from("chan.unbuf.4p4c", 4000, unbuf_4p4c);
    per_op("chan.self.buf1", self_buf1);
}

// ---- select

static chan(int) sel[4], sel_stop;
static void sel_sender(void *i) {
    chan(int) c = sel[(intptr_t)i];
    for (;;) {
        int v;
        if (chan_select(case_send(c, 1), case_recv(sel_stop, &v)) == 1) break;
    }
    waitgroup_done(&wg);
}
static void select_unbuf(int64_t n) {
    sel_stop = chan_make(int, 0);
    waitgroup_add(&wg, 4);
    for (intptr_t i = 0; i < 4; i++) {
        sel[i] = chan_make(int, 0);
        go(sel_sender, (void *)i);
    }
    int64_t s = 0;
    int v;
    for (int64_t i = 0; i < n; i++) {
        chan_select(case_recv(sel[0], &v), case_recv(sel[1], &v), case_recv(sel[2], &v), case_recv(sel[3], &v));
        s += v;
    }
    chan_close(sel_stop);
    waitgroup_wait(&wg);
    if (s != n) panic("select_unbuf: values lost");
}
static void select_ready(int64_t n) {
    int v;
    for (int i = 0; i < 4; i++)
        sel[i] = chan_make(int, 1);
    for (int64_t i = 0; i < n; i++) {
        chan_send(sel[i & 3], (int)i);
        chan_select(case_recv(sel[0], &v), case_recv(sel[1], &v), case_recv(sel[2], &v), case_recv(sel[3], &v));
    }
}
static void select_default(int64_t n) {
    chan(int) c = chan_make(int, 0);
    int v;
    for (int64_t i = 0; i < n; i++)
        chan_select(case_recv(c, &v), case_default());
}
static void bench_select(void) {
    per_op("select.4.unbuf", select_unbuf);
    per_op("select.4.ready", select_ready);
    per_op("select.default", select_default);
}

// ---- locks

static Mutex mu;
static RWMutex rw;
static void mutex_uncontended(int64_t n) {
    for (int64_t i = 0; i < n; i++) {
        mutex_lock(&mu);
        sink++;
        mutex_unlock(&mu);
    }
}
static int64_t locks_each;
static void locker(void *unused) {
    mutex_uncontended(locks_each);
    waitgroup_done(&wg);
}
static void mutex_8g(int64_t n) {
    locks_each = n / 8;
    waitgroup_add(&wg, 8);
    for (int i = 0; i < 8; i++)
        go(locker, NULL);
    waitgroup_wait(&wg);
}
static void rlock(int64_t n) {
    for (int64_t i = 0; i < n; i++) {
        rwmutex_rlock(&rw);
        rwmutex_runlock(&rw);
    }
}
static void bench_mutex(void) {
    per_op("mutex.uncontended", mutex_uncontended);
    per_op_from("mutex.8g", 8000, mutex_8g);
    per_op("rwmutex.rlock", rlock);
}

// ---- timers

enum { LATE_MAX = 4096 };
static double late[LATE_MAX];
static void emit_late(const char *name, int n) {
    sort_doubles(late, n);
    print("%s.p50\t%.0f\tns\n%s.p99\t%.0f\tns\n%s.max\t%.0f\tns\n", name, late[n / 2], name, late[n * 99 / 100], name, late[n - 1]);
}
static void bench_sleep(void) {
    int n = (int)(budget_ms * 2);
    if (n > LATE_MAX) n = LATE_MAX;
    for (int i = 0; i < n; i++) {
        int64_t a = time_now_ns();
        time_sleep(MILLISECOND);
        late[i] = (double)(time_now_ns() - a - MILLISECOND);
    }
    emit_late("sleep1ms.1g.late", n);
}
static volatile bool spin_stop;
static void spinner(void *unused) {
    while (!spin_stop) {
    }
}
static void bench_tick(void) { // a 1 ms ticker beside a tight loop on every core
    for (int i = 0; i < gomaxprocs(0); i++)
        go(spinner, NULL);
    int n = 200;
    for (int i = 0; i < n; i++) {
        int64_t a = time_now_ns();
        time_sleep(MILLISECOND);
        late[i] = (double)(time_now_ns() - a - MILLISECOND);
    }
    spin_stop = true;
    emit_late("preempt.tick1ms.1xP.late", n);
}
static void nothing(void *unused) {}
static void afterfunc_stop(int64_t n) {
    for (int64_t i = 0; i < n; i++)
        timer_stop(timer_func(3600 * SECOND, nothing, NULL));
}
enum { TIMERS = 10000 };
static Timer *timers[TIMERS];
static void reset_10k(int64_t n) {
    for (int i = 0; i < TIMERS; i++)
        timers[i] = timer_func(3600 * SECOND + i * MILLISECOND, nothing, NULL);
    uint64_t r = 88172645463325252ull;
    for (int64_t i = 0; i < n; i++) {
        r ^= r << 13, r ^= r >> 7, r ^= r << 17;
        timer_reset(timers[r % TIMERS], 3600 * SECOND + (int64_t)(r >> 40));
    }
    for (int i = 0; i < TIMERS; i++)
        timer_stop(timers[i]);
}
static void bench_timer(void) {
    per_op("timer.afterfunc_stop", afterfunc_stop);
    per_op_from("timer.reset_10k", 100000, reset_10k);
}

// ---- stacks

static __attribute__((noinline)) int recurse(int depth) {
    volatile char frame[40];
    frame[0] = 1;
    return depth ? recurse(depth - 1) + frame[0] : 0;
}
static void recurse_1000(void *unused) {
    if (recurse(1000) != 1000) panic("recurse");
    waitgroup_done(&wg);
}
static void first_recursion(int64_t n) {
    for (int64_t i = 0; i < n; i++) {
        waitgroup_add(&wg, 1);
        go(recurse_1000, NULL);
        waitgroup_wait(&wg);
    }
}
static void bench_stack(void) { per_op("stack.first1000", first_recursion); }

static void bench_none(void) { emit("main", (double)time_now_ns(), "ns since the clock started"); }

static const Bench benches[] = {{"spawn", bench_spawn}, {"yield", bench_yield}, {"parked", bench_parked}, {"chan", bench_chan},   {"select", bench_select}, {"mutex", bench_mutex},
               {"sleep", bench_sleep}, {"tick", bench_tick},   {"timer", bench_timer},   {"stack", bench_stack}, {"none", bench_none}};

int main(int argc, char **argv) { return bench_main(argc, argv, benches, sizeof benches / sizeof *benches); }
