// t_sync.c -- locks, wait groups, once, condition variables, semaphores, atomics: exclusion, order, fairness,
// misuse.
//
// smp: 1 4
//
// expect: sync ok
#include "check.h"

static WaitGroup all;

static void start(int n, void (*fn)(void *), void *arg) {
    waitgroup_add(&all, n);
    for (int i = 0; i < n; i++)
        go(fn, arg);
}

// ---- Mutex

static Mutex m;
static volatile int64_t plain; // guarded by m
static volatile int inside;

static void add_locked(void *arg) {
    for (int i = 0; i < SOME_TIMES(20000); i++) {
        mutex_lock(&m);
        if (inside++ != 0) CHECK(!"two goroutines hold one mutex");
        plain++;
        if (i % 64 == 0) gosched(); // parks others behind us
        inside--;
        mutex_unlock(&m);
    }
    waitgroup_done(&all);
}

static void add_tried(void *arg) {
    for (int i = 0; i < SOME_TIMES(2000); i++) {
        while (!mutex_try_lock(&m))
            gosched();
        if (inside++ != 0) CHECK(!"two goroutines hold one mutex");
        plain++;
        inside--;
        mutex_unlock(&m);
    }
    waitgroup_done(&all);
}

static void test_mutex(void) {
    plain = 0;
    start(8, add_locked, NULL);
    start(2, add_tried, NULL);
    waitgroup_wait(&all);
    CHECK(plain == 8 * SOME_TIMES(20000) + 2 * SOME_TIMES(2000));
    CHECK(mutex_try_lock(&m) && !mutex_try_lock(&m));
    mutex_unlock(&m);
}

// Starvation: a goroutine that holds the lock almost always must let another have it soon after that has
// waited for 1 ms.
static AtomicBool stop;
static AtomicInt64 hog_rounds;

static void hog(void *arg) {
    while (!atomic_bool_load(&stop) &&
           atomic_int64_load(&hog_rounds) < 40000) { // without fairness only that ends it
        mutex_lock(&m);
        for (int64_t until = time_now_ns() + 100 * MICROSECOND; time_now_ns() < until;) {
        }
        atomic_int64_add(&hog_rounds, 1);
        mutex_unlock(&m);
    }
    waitgroup_done(&all);
}

static void test_starvation(void) {
    atomic_bool_store(&stop, false);
    atomic_int64_store(&hog_rounds, 0);
    start(2, hog, NULL);
    for (int i = 0; i < 10; i++) {
        time_sleep(100 * MICROSECOND);
        int64_t before = atomic_int64_load(&hog_rounds);
        mutex_lock(&m);
        // 10 rounds make a millisecond, then it is handed over: when we get a core, which may be slices
        // later, or much later on a loaded host. In normal mode we would practically never get it.
        CHECK_RANGE(atomic_int64_load(&hog_rounds) - before, 0, 10000);
        mutex_unlock(&m);
    }
    atomic_bool_store(&stop, true);
    waitgroup_wait(&all);
}

// ---- RWMutex

static RWMutex rw;
static volatile int64_t pair_a, pair_b;
static AtomicInt32 readers_inside, readers_most;

static void reader(void *arg) {
    for (int i = 0; i < SOME_TIMES(5000); i++) {
        rwmutex_rlock(&rw);
        int n = atomic_int32_add(&readers_inside, 1), most;
        while (n > (most = atomic_int32_load(&readers_most)) && !atomic_int32_cas(&readers_most, most, n)) {
        }
        CHECK(pair_a == pair_b);
        if (i % 32 == 0) gosched();
        CHECK(pair_a == pair_b);
        atomic_int32_add(&readers_inside, -1);
        rwmutex_runlock(&rw);
    }
    waitgroup_done(&all);
}

static void writer(void *arg) {
    for (int i = 0; i < 1000; i++) {
        rwmutex_lock(&rw);
        CHECK(atomic_int32_load(&readers_inside) == 0);
        pair_a++;
        if (i % 16 == 0) gosched();
        pair_b++;
        rwmutex_unlock(&rw);
        if (i % 4 == 0) gosched();
    }
    waitgroup_done(&all);
}

static void test_rwmutex(void) {
    pair_a = pair_b = 0;
    start(6, reader, NULL);
    start(3, writer, NULL);
    waitgroup_wait(&all);
    CHECK(pair_a == 3000 && pair_b == 3000);
    CHECK(atomic_int32_load(&readers_most) > 1);
    CHECK(rwmutex_try_rlock(&rw) && rwmutex_try_rlock(&rw) && !rwmutex_try_lock(&rw));
    rwmutex_runlock(&rw);
    rwmutex_runlock(&rw);
    CHECK(rwmutex_try_lock(&rw) && !rwmutex_try_rlock(&rw) && !rwmutex_try_lock(&rw));
    rwmutex_unlock(&rw);
}

// ---- WaitGroup

CATCHES(negative, WaitGroup wg = {0}; waitgroup_done(&wg);)

static void nothing(void *wg) {
    waitgroup_done(wg);
}
static WaitGroup batch;
static AtomicInt32 released;
static void wait_batch(void *arg) {
    waitgroup_wait(&batch);
    atomic_int32_add(&released, 1);
    waitgroup_done(&all);
}

static void test_waitgroup(void) {
    expect_panic(negative, "sync: negative WaitGroup counter");
    WaitGroup *wg = (WaitGroup *)make_array(u64, 2); // not on this stack: other goroutines use it
    waitgroup_wait(wg);                              // zero: does not wait
    for (int round = 0; round < 200; round++) {
        waitgroup_add(wg, 50);
        for (int i = 0; i < 50; i++)
            go(nothing, wg);
        waitgroup_wait(wg);
    }
    waitgroup_add(&batch, 2);
    start(20, wait_batch, NULL);
    for (int i = 0; i < 50; i++)
        gosched();
    CHECK(atomic_int32_load(&released) == 0);
    waitgroup_add(&batch, -1);
    CHECK(atomic_int32_load(&released) == 0);
    waitgroup_done(&batch);
    waitgroup_wait(&all);
    CHECK(atomic_int32_load(&released) == 20);
}

// ---- Once

static Once once, bad_once;
static AtomicInt32 once_runs, once_returns;
static void once_fn(void *arg) {
    gosched();
    atomic_int32_add(&once_runs, 1);
}
static void once_user(void *arg) {
    once_do(&once, once_fn, NULL);
    CHECK(atomic_int32_load(&once_runs) == 1); // nobody returns before it has run
    atomic_int32_add(&once_returns, 1);
    waitgroup_done(&all);
}
static void panic_once(void *arg) {
    panic("from once");
}
CATCHES(call_bad_once, once_do(&bad_once, panic_once, NULL);)

static void test_once(void) {
    start(20, once_user, NULL);
    waitgroup_wait(&all);
    CHECK(atomic_int32_load(&once_runs) == 1 && atomic_int32_load(&once_returns) == 20);
    expect_panic(call_bad_once, "from once");
    expect_panic(call_bad_once, ""); // counts as done
    CHECK(mutex_try_lock(&bad_once.mutex));
    mutex_unlock(&bad_once.mutex);
}

// ---- Cond

static Mutex queue_lock;
static Cond not_empty = {.mutex = &queue_lock}, not_full = {.mutex = &queue_lock};
static int queued, taken;
enum { QUEUE_MAX = 3, ITEMS = SOME_TIMES(20000) };

static void putter(void *arg) {
    for (int i = 0; i < ITEMS; i++) {
        mutex_lock(&queue_lock);
        while (queued == QUEUE_MAX)
            cond_wait(&not_full);
        queued++;
        mutex_unlock(&queue_lock);
        cond_signal(&not_empty);
    }
    waitgroup_done(&all);
}
static void taker(void *arg) {
    for (int i = 0; i < ITEMS; i++) {
        mutex_lock(&queue_lock);
        while (queued == 0)
            cond_wait(&not_empty);
        queued--;
        taken++;
        cond_signal(&not_full);
        mutex_unlock(&queue_lock);
    }
    waitgroup_done(&all);
}

static Mutex gate_lock;
static Cond gate = {.mutex = &gate_lock};
static int gate_waiting, gate_passed;
static int order[16], order_n;
static void gate_waiter(void *arg) {
    mutex_lock(&gate_lock);
    int me = gate_waiting++;
    cond_wait(&gate);
    gate_passed++;
    if (order_n < 16) order[order_n++] = me;
    mutex_unlock(&gate_lock);
    waitgroup_done(&all);
}

static void gate_until(int *what, int n) {
    for (bool there = false; !there; gosched()) {
        mutex_lock(&gate_lock);
        there = *what == n;
        mutex_unlock(&gate_lock);
    }
}

static void test_cond(void) {
    start(3, putter, NULL);
    start(3, taker, NULL);
    waitgroup_wait(&all);
    CHECK(taken == 3 * ITEMS && queued == 0);
    cond_signal(&gate); // nobody waits: forgotten
    gate_waiting = gate_passed = order_n = 0;
    start(10, gate_waiter, NULL);
    gate_until(&gate_waiting, 10);
    CHECK(gate_passed == 0);
    for (int i = 0; i < 4; i++) { // one each, in order
        cond_signal(&gate);
        gate_until(&gate_passed, i + 1);
    }
    for (int i = 0; i < 4; i++)
        CHECK(order[i] == i);
    cond_broadcast(&gate);
    waitgroup_wait(&all);
    CHECK(gate_passed == 10);
}

// ---- Semaphore

static Semaphore permits = SEMAPHORE(3);
static AtomicInt32 holding, holding_most;
static void holder(void *arg) {
    for (int i = 0; i < 5000; i++) {
        semaphore_acquire(&permits);
        int n = atomic_int32_add(&holding, 1), most;
        while (n > (most = atomic_int32_load(&holding_most)) && !atomic_int32_cas(&holding_most, most, n)) {
        }
        if (i % 16 == 0) gosched();
        atomic_int32_add(&holding, -1);
        semaphore_release(&permits);
    }
    waitgroup_done(&all);
}

// Acquire and release at the same moment on two cores: the release must not slip in between "no permit" and
// "waiting".
enum { MEETINGS = SOME_TIMES(5000) };
static Together meeting;
static Semaphore meeting_permit;
static void meet_acquire(void *arg) {
    for (int i = 0; i < MEETINGS; i++) {
        together_wait(&meeting);
        semaphore_acquire(&meeting_permit);
    }
    waitgroup_done(&all);
}
static void meet_release(void *arg) {
    for (int i = 0; i < MEETINGS; i++) {
        together_wait(&meeting);
        for (volatile int delay = 0; delay < i % 64; delay++) {
        }
        semaphore_release(&meeting_permit);
    }
    waitgroup_done(&all);
}

// Thousands of goroutines, each waiting on an address of its own: the tree of addrwait.c.
enum { ADDRESSES = 3000 };
static Semaphore *many;
static AtomicInt32 many_next;
static void many_waiter(void *arg) {
    semaphore_acquire(&many[atomic_int32_add(&many_next, 1) - 1]);
    waitgroup_done(&all);
}

static void test_semaphore(void) {
    start(10, holder, NULL);
    waitgroup_wait(&all);
    CHECK(atomic_int32_load(&holding_most) == 3);
    CHECK(semaphore_try_acquire(&permits) && semaphore_try_acquire(&permits) &&
          semaphore_try_acquire(&permits));
    CHECK(!semaphore_try_acquire(&permits));
    many = (Semaphore *)make_array(u32, ADDRESSES);
    start(ADDRESSES, many_waiter, NULL);
    while (atomic_int32_load(&many_next) < ADDRESSES)
        gosched();
    for (int i = 0; i < ADDRESSES; i++)
        semaphore_release(&many[(i * 1009) % ADDRESSES]);
    waitgroup_wait(&all);
    for (int i = 0; i < ADDRESSES; i++)
        CHECK(!semaphore_try_acquire(&many[i]));
    if (gomaxprocs(0) != 2) return;
    start(1, meet_acquire, NULL);
    start(1, meet_release, NULL);
    waitgroup_wait(&all);
    CHECK(!semaphore_try_acquire(&meeting_permit));
}

// ---- atomics

static AtomicInt64 a64;
static AtomicUint32 au32;
static AtomicPtr ptr;
static void add_atomic(void *arg) {
    for (int i = 0; i < 20000; i++) {
        atomic_int64_add(&a64, 3);
        for (uint32_t v = atomic_uint32_load(&au32); !atomic_uint32_cas(&au32, v, v + 1);
             v = atomic_uint32_load(&au32)) {
        }
    }
    waitgroup_done(&all);
}

static void test_atomics(void) {
    start(6, add_atomic, NULL);
    waitgroup_wait(&all);
    CHECK(atomic_int64_load(&a64) == 6 * 20000 * 3);
    CHECK(atomic_uint32_load(&au32) == 6 * 20000);
    CHECK(atomic_int64_swap(&a64, -5) == 360000 && atomic_int64_add(&a64, -1) == -6);
    CHECK(atomic_ptr_load(&ptr) == NULL && atomic_ptr_cas(&ptr, NULL, &all) &&
          !atomic_ptr_cas(&ptr, NULL, &m));
    CHECK(atomic_ptr_swap(&ptr, NULL) == &all);
}

int main(void) {
    int cores = gomaxprocs(0);
    for (int n = 1; n <= cores; n *= 2) {
        gomaxprocs(n);
        atomic_int64_store(&a64, 0);
        atomic_uint32_store(&au32, 0);
        taken = 0;
        permits.count = 3;
        atomic_int32_store(&many_next, 0);
        atomic_int32_store(&released, 0);
        once = bad_once = (Once){0};
        atomic_int32_store(&once_runs, 0);
        atomic_int32_store(&once_returns, 0);
        test_mutex();
        test_rwmutex();
        test_waitgroup();
        test_once();
        test_cond();
        test_semaphore();
        test_atomics();
        test_starvation();
    }
    return check_end("sync");
}
