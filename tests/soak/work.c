// work.c -- everything that the runtime offers, in small doses that leave nothing behind.
#include "soak.h"

static void must(bool ok, const char *what) {
    if (!ok) panic(what);
}

// ---- goroutines
static AtomicInt64 counted;
static void count_one(void *wg) {
    atomic_int64_add(&counted, 1);
    waitgroup_done(wg);
}
void work_spawn(void) {
    static WaitGroup wg;
    atomic_int64_store(&counted, 0);
    for (int batch = 0; batch < 4; batch++) {
        waitgroup_add(&wg, 1000);
        for (int i = 0; i < 1000; i++)
            go(count_one, &wg);
        waitgroup_wait(&wg);
    }
    must(atomic_int64_load(&counted) == 4000, "spawn: goroutines lost");
}

// ---- timers
static void never(void *unused) {
    panic("timers: one that was stopped has fired");
}
static void count_timer(void *wg) {
    waitgroup_done(wg);
}
void work_timers(void) {
    static WaitGroup wg;
    enum { N = 200 };
    waitgroup_add(&wg, N);
    for (int i = 0; i < N; i++) {
        Timer *late = timer_func(3600 * SECOND, never, NULL);
        timer_reset(late, 1800 * SECOND + i);
        must(timer_stop(late), "timers: none to stop");
        timer_func((i % 7) * MILLISECOND, count_timer, &wg);
    }
    Ticker *t = ticker_new(MILLISECOND);
    for (int i = 0; i < 3; i++)
        (void)chan_recv(ticker_chan(t));
    ticker_stop(t);
    (void)chan_recv(time_after(MILLISECOND));
    waitgroup_wait(&wg);
}

// ---- stacks
static volatile bool falls = true;
static __attribute__((noinline, noclone)) int descend(int depth) {
    volatile char frame[100];
    frame[0] = (char)depth;
    if (depth == 0) {
        if (falls) panic("at the bottom");
        return 0;
    }
    return descend(depth - 1) + frame[0];
}
static void forgive(void *arg) {
    *(bool *)arg = strcmp(panic_text(recover()), "at the bottom") == 0;
}
static void fall(void *arg) {
    catch_panics();
    defer(forgive, arg);
    (void)descend(5000);
}
static void fall_once(void *arg) {
    bool back = false;
    fall(&back);
    must(back, "deep: not recovered");
    waitgroup_done(arg);
}
void work_deep(void) {
    static WaitGroup wg;
    waitgroup_add(&wg, 6);
    for (int i = 0; i < 6; i++)
        go(fall_once, &wg);
    waitgroup_wait(&wg);
}

// ---- heap
typedef struct Tree {
    cell(struct Tree *) left, right;
} Tree;
TYPE_STRUCT(Tree, left, right);
static Tree *grow(int depth) {
    Tree *t = new (Tree);
    if (depth == 0) return t;
    cell_set(t->left, grow(depth - 1));
    cell_set(t->right, grow(depth - 1));
    return t;
}
static int size_of(Tree *t) {
    return t ? 1 + size_of(cell_get(t->left)) + size_of(cell_get(t->right)) : 0;
}
static void grow_some(void *wg) {
    for (int i = 0; i < 6; i++)
        must(size_of(grow(10)) == 2047, "trees: a node is missing");
    waitgroup_done(wg);
}
void work_trees(void) {
    static WaitGroup wg;
    waitgroup_add(&wg, 4);
    for (int i = 0; i < 4; i++)
        go(grow_some, &wg);
    gc_collect();
    waitgroup_wait(&wg);
}

TYPE_MAP(long, long);
void work_maps(void) {
    map(long, long) m = map_make(long, long);
    for (long i = 0; i < 5000; i++)
        map_set(m, i * 7919, i);
    for (long i = 0; i < 5000; i += 2)
        map_delete(m, i * 7919);
    long n = 0;
    map_for(k, v, m) n += k == v * 7919;
    must(n == 2500, "maps: entries are missing");
}

void work_large(void) {
    for (int i = 0; i < 20; i++) {
        intptr_t n = (1 + i % 4) << 20;
        u8 *a = make_array(u8, n);
        for (intptr_t at = 0; at < n; at += 4096)
            a[at]++;
        must(a[0] == 1, "large: not zeroed");
    }
}

static AtomicInt64 finalized;
static void at_end(void *obj) {
    atomic_int64_add(&finalized, 1);
}
static __attribute__((noinline)) void make_finals(void) {
    for (int i = 0; i < 100; i++)
        set_finalizer(new (Tree), at_end);
}
void work_finals(void) {
    atomic_int64_store(&finalized, 0);
    make_finals();
    for (int i = 0; i < 100 && atomic_int64_load(&finalized) < 90; i++) { // a stale word may keep some
        gc_collect();
        time_sleep(MILLISECOND);
    }
    must(atomic_int64_load(&finalized) >= 90, "finalizers: did not run");
}

// ---- channels and locks
typedef struct Market {
    cell(chan(int)) a, b, done;
} Market;
TYPE_STRUCT(Market, a, b, done);
static void sell(void *arg) {
    Market *m = arg;
    for (int i = 0; i < 200; i++)
        chan_select(case_send(cell_get(m->a), 1), case_send(cell_get(m->b), 1));
    chan_send(cell_get(m->done), 0);
}
static void buy(void *arg) {
    Market *m = arg;
    int sum = 0, x = 0;
    for (bool ok_a = true, ok_b = true; ok_a && ok_b; sum += ok_a && ok_b ? x : 0)
        chan_select(case_recv(cell_get(m->a), &x, &ok_a), case_recv(cell_get(m->b), &x, &ok_b));
    chan_send(cell_get(m->done), sum);
}
void work_select(void) {
    Market *m = new (Market);
    cell_set(m->a, chan_make(int, 0));
    cell_set(m->b, chan_make(int, 8));
    cell_set(m->done, chan_make(int, 8));
    for (int i = 0; i < 4; i++)
        go(sell, m);
    int sum = 0;
    for (int i = 0; i < 4; i++)
        go(buy, m);
    for (int i = 0; i < 4; i++) // all sold...
        sum += chan_recv(cell_get(m->done));
    while (chan_len(cell_get(m->b)))
        gosched();
    chan_close(cell_get(m->a));
    for (int i = 0; i < 4; i++)
        sum += chan_recv(cell_get(m->done));
    must(sum == 800, "select: goods are missing");
}

typedef struct Locks {
    Mutex mutex;
    RWMutex rw;
    Semaphore sema;
    WaitGroup wg;
    long under_mutex, under_rw;
} Locks;
TYPE_NOSCAN(Locks);
static void lock_much(void *arg) {
    Locks *l = arg;
    for (int i = 0; i < 100; i++) {
        mutex_lock(&l->mutex);
        l->under_mutex++;
        mutex_unlock(&l->mutex);
        if (i % 10 == 0) {
            rwmutex_lock(&l->rw);
            l->under_rw++;
            rwmutex_unlock(&l->rw);
        } else {
            rwmutex_rlock(&l->rw);
            rwmutex_runlock(&l->rw);
        }
        semaphore_acquire(&l->sema);
        semaphore_release(&l->sema);
    }
    waitgroup_done(&l->wg);
}
void work_locks(void) {
    Locks *l = new (Locks);
    semaphore_release(&l->sema);
    semaphore_release(&l->sema);
    waitgroup_add(&l->wg, 8);
    for (int i = 0; i < 8; i++)
        go(lock_much, l);
    waitgroup_wait(&l->wg);
    must(l->under_mutex == 800 && l->under_rw == 80, "locks: did not exclude");
}

// ---- cores
static void on_a_core(void *wg) {
    int core = (int)(goroutine_id() % (uint64_t)cpu_count());
    if (goroutine_pin(core)) must(core_id() == core, "cores: pinned elsewhere");
    goroutine_pin(-1);
    lock_os_thread();
    gosched();
    unlock_os_thread();
    waitgroup_done(wg);
}
static void alone(void *wg) {
    if (goroutine_own_core(true)) {
        for (volatile int i = 0; i < 10000; i++) {
        }
        goroutine_own_core(false);
    }
    waitgroup_done(wg);
}
void work_cores(void) {
    static WaitGroup wg;
    int all = gomaxprocs(0);
    waitgroup_add(&wg, 9);
    for (int i = 0; i < 8; i++)
        go(on_a_core, &wg);
    go(alone, &wg);
    waitgroup_wait(&wg);
    for (int n = 1; n <= all; n++)
        gomaxprocs(n);
}

static void spin(void *wg) {
    for (volatile long i = 0; i < 300000; i++) {
    }
    waitgroup_done(wg);
}
void work_spinners(void) {
    static WaitGroup wg;
    int64_t old = sched_set_slice(MILLISECOND);
    waitgroup_add(&wg, 12);
    for (int i = 0; i < 12; i++)
        go(spin, &wg);
    waitgroup_wait(&wg);
    sched_set_slice(old);
}
