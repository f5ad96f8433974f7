// t_chan.c -- channels: every rule of the language, values of all sizes, and many operations over all cores.
//
// smp: 1 8
//
// expect: chan ok
#include "check.h"

typedef chan(int) IntChan;
typedef struct Big {
    int64_t a[40];
    char tail[5];
} Big;
TYPE_NOSCAN(Big);
typedef struct Odd {
    char c[5];
} Odd;
TYPE_NOSCAN(Odd);
typedef struct Named {
    String name;
    int n;
} Named;
TYPE_VALUE(Named, name);
typedef struct Empty {
} Empty;
TYPE_NOSCAN(Empty);

// ---- one goroutine

static void test_buffer(void) {
    chan(int) c = chan_make(int, 3);
    CHECK(chan_len(c) == 0 && chan_cap(c) == 3);
    for (int round = 0; round < 5; round++) { // the ring wraps
        for (int i = 0; i < 3; i++)
            CHECK(chan_try_send(c, 10 * round + i));
        CHECK(!chan_try_send(c, 99));
        CHECK(chan_len(c) == 3);
        for (int i = 0; i < 3; i++)
            CHECK(chan_recv(c) == 10 * round + i);
        int v = -1;
        bool ok = true;
        CHECK(!chan_try_recv(c, &v, &ok) && v == -1 && !ok);
    }
    chan_send(c, 7);
    chan_close(c);
    int v = 0;
    CHECK(chan_recv_ok(c, &v) && v == 7); // what is buffered outlives the close
    CHECK(!chan_recv_ok(c, &v) && v == 0);
    CHECK(chan_recv(c) == 0);
    v = 5;
    bool ok = true;
    CHECK(chan_try_recv(c, &v, &ok) && v == 0 && !ok);
    chan(int) none = NULL;
    CHECK(chan_len(none) == 0 && chan_cap(none) == 0);
    CHECK(!chan_try_send(none, 1) && !chan_try_recv(none, NULL, NULL));
}

static void test_sizes(void) {
    chan(Big) big = chan_make(Big, 2);
    Big b = {.tail = "tail"};
    for (int i = 0; i < 40; i++)
        b.a[i] = i * 1000003;
    chan_send(big, b);
    Big r = chan_recv(big);
    for (int i = 0; i < 40; i++)
        CHECK(r.a[i] == i * 1000003);
    CHECK(r.tail[3] == 'l' && r.tail[4] == 0);
    chan(Odd) odd = chan_make(Odd, 3);
    for (int i = 0; i < 7; i++) {
        chan_send(odd, ((Odd){{'a' + i, 'b', 'c', 'd', 'e'}}));
        Odd o = chan_recv(odd);
        CHECK(o.c[0] == 'a' + i && o.c[4] == 'e');
    }
    chan(Named) named = chan_make(Named, 1);
    chan_send(named, ((Named){{"xyz", 3}, 42}));
    Named n = chan_recv(named);
    CHECK(n.name.n == 3 && n.name.p[2] == 'z' && n.n == 42);
    chan_close(named);
    n = chan_recv(named);
    CHECK(n.name.p == NULL && n.name.n == 0 && n.n == 0);
    chan(Empty) e = chan_make(Empty, 5);
    for (int i = 0; i < 5; i++)
        chan_send(e, (Empty){});
    CHECK(!chan_try_send(e, (Empty){}) && chan_len(e) == 5);
    chan(u8) bytes = chan_make(u8, 1);
    chan_send(bytes, 200); // an integer constant fits
    CHECK(chan_recv(bytes) == 200);
    chan(double) d = chan_make(double, 1);
    chan_send(d, 1);
    CHECK(chan_recv(d) == 1.0);
    chan(Ptr) p = chan_make(Ptr, 1);
    chan_send(p, NULL);
    CHECK(chan_recv(p) == NULL);
}

// ---- panics

CATCHES(send_closed, chan(int) c = chan_make(int, 1); chan_close(c); chan_send(c, 1);)
CATCHES(try_send_closed, chan(int) c = chan_make(int, 1); chan_close(c); chan_try_send(c, 1);)
CATCHES(close_closed, chan(int) c = chan_make(int, 1); chan_close(c); chan_close(c);)
CATCHES(close_nil, chan(int) c = NULL; chan_close(c);)
CATCHES(make_negative, volatile int n = -1; chan(int) c = chan_make(int, n); chan_close(c);)
CATCHES(make_huge, volatile intptr_t n = INTPTR_MAX; chan(int) c = chan_make(int, n); chan_close(c);)
CATCHES(blocked_send, chan_send((chan(int))arg, 1);)

static chan(Empty) panicked;
static void blocked_sender(void *c) {
    blocked_send(c);
    chan_send(panicked, (Empty){});
}

static void test_panics(void) {
    expect_panic(send_closed, "send on closed channel");
    expect_panic(try_send_closed, "send on closed channel");
    expect_panic(close_closed, "close of closed channel");
    expect_panic(close_nil, "close of nil channel");
    expect_panic(make_negative, "makechan: size out of range");
    expect_panic(make_huge, "makechan: size out of range");
    // Senders that already wait panic when somebody closes.
    chan(int) c = chan_make(int, 0);
    panicked = chan_make(Empty, 0);
    for (int i = 0; i < 5; i++)
        go(blocked_sender, c);
    for (int i = 0; i < 20; i++)
        gosched();
    caught[0] = 0;
    chan_close(c);
    for (int i = 0; i < 5; i++)
        chan_recv(panicked);
    CHECK(strcmp(caught, "send on closed channel") == 0);
}

// ---- order: first come, first served; the runtime never reorders one sender's values

static void count_up(void *arg) {
    chan(int) c = arg;
    for (int i = 0; i < 1000; i++)
        chan_send(c, i);
    chan_close(c);
}

static void test_order(void) {
    for (int cap = 0; cap < 4; cap++) {
        chan(int) c = chan_make(int, cap);
        go(count_up, c);
        int want = 0;
        chan_for(v, c) {
            CHECK(v == want);
            want++;
        }
        CHECK(want == 1000);
        chan_for(v, c) CHECK(v != v); // not entered again
    }
    chan(int) c = chan_make(int, 0);
    go(count_up, c);
    int n = 0;
    chan_for(v, c) {
        if (v == 10) break; // leaves the whole loop
        if (v % 2) continue;
        n++;
    }
    CHECK(n == 5);
    CHECK(chan_recv(c) == 11);
}

// ---- a close wakes every receiver, and only then

static AtomicInt32 woken;
static WaitGroup closers;
static void wait_close(void *arg) {
    chan(Empty) c = arg;
    if (!chan_recv_ok(c, NULL)) atomic_int32_add(&woken, 1);
    waitgroup_done(&closers);
}

static void test_close_wakes(void) {
    for (int round = 0; round < 20; round++) {
        chan(Empty) c = chan_make(Empty, 0);
        atomic_int32_store(&woken, 0);
        waitgroup_add(&closers, 100);
        for (int i = 0; i < 100; i++)
            go(wait_close, c);
        if (round % 2)
            for (int i = 0; i < 10; i++)
                gosched();
        CHECK(atomic_int32_load(&woken) == 0);
        chan_close(c);
        waitgroup_wait(&closers);
        CHECK(atomic_int32_load(&woken) == 100);
    }
}

// ---- close races with senders and receivers: nothing is received that was not sent, nothing twice

static AtomicInt64 sent_sum, received_sum, sent_count, received_count;
static WaitGroup racers;
static chan(i64) race_chan;

static void just_recover(void *unused) {
    recover();
}
static void race_send_loop(void) {
    catch_panics();
    defer(just_recover, NULL);
    for (int i = 1;; i++) {
        // Counted before: a value whose send panics was not sent.
        chan_send(race_chan, (i64)i);
        atomic_int64_add(&sent_sum, i);
        atomic_int64_add(&sent_count, 1);
    }
}
static void race_sender(void *unused) {
    race_send_loop();
    waitgroup_done(&racers);
}
static void race_receiver(void *unused) {
    chan_for(v, race_chan) {
        atomic_int64_add(&received_sum, v);
        atomic_int64_add(&received_count, 1);
    }
    waitgroup_done(&racers);
}

static void test_close_race(void) {
    for (int round = 0; round < 50; round++) {
        race_chan = chan_make(i64, round % 3);
        atomic_int64_store(&sent_sum, 0);
        atomic_int64_store(&received_sum, 0);
        waitgroup_add(&racers, 6);
        for (int i = 0; i < 3; i++) {
            go(race_sender, NULL);
            go(race_receiver, NULL);
        }
        for (int i = 0; i < round; i++)
            gosched();
        chan_close(race_chan);
        waitgroup_wait(&racers);
        CHECK(atomic_int64_load(&sent_sum) == atomic_int64_load(&received_sum));
    }
    CHECK(atomic_int64_load(&sent_count) == atomic_int64_load(&received_count));
}

// ---- a million operations over all cores, with a checksum

typedef struct Load {
    IntChan c;
    int from, count;
} Load;
static AtomicInt64 load_sum;
static WaitGroup producers, consumers;
static Load loads[4];

static void produce(void *arg) {
    Load *l = arg;
    for (int i = 0; i < l->count; i++)
        chan_send(l->c, l->from + i);
    waitgroup_done(&producers);
}
static void consume(void *arg) {
    chan(int) c = arg;
    int64_t sum = 0;
    chan_for(v, c) sum += v;
    atomic_int64_add(&load_sum, sum);
    waitgroup_done(&consumers);
}

static void stream(int cap, int total) {
    chan(int) c = chan_make(int, cap);
    atomic_int64_store(&load_sum, 0);
    waitgroup_add(&producers, 4);
    waitgroup_add(&consumers, 4);
    for (int i = 0; i < 4; i++) {
        loads[i] = (Load){c, i * (total / 4), total / 4};
        go(produce, &loads[i]);
        go(consume, c);
    }
    waitgroup_wait(&producers);
    chan_close(c);
    waitgroup_wait(&consumers);
    int64_t want = (int64_t)total * (total - 1) / 2, got = atomic_int64_load(&load_sum);
    if (got != want) {
        println("stream with capacity %d: expected sum %ld, got %ld", cap, (long)want, (long)got);
        atomic_int32_add(&failures, 1);
    }
}

// Numbers in a buffer are no pointers, even if they look like some.
enum { NUMBERS = 1024 };
typedef struct Dropped { uint64_t v[4]; } Dropped;
TYPE_NOSCAN(Dropped);
static int dropped;
static void count_dropped(void *unused) { dropped++; }
static __attribute__((noinline)) void fill_numbers(chan(uint64_t) c) {
    for (int i = 0; i < NUMBERS; i++) {
        Dropped *d = new (Dropped);
        set_finalizer(d, count_dropped);
        chan_send(c, (uint64_t)(uintptr_t)d);
    }
}
static void test_numbers(void) {
    chan(uint64_t) c = chan_make(uint64_t, NUMBERS);
    fill_numbers(c);
    for (int i = 0; i < 3; i++) {
        gc_collect();
        time_sleep(MILLISECOND);
    }
    CHECK_RANGE(dropped, NUMBERS - 24, NUMBERS); // stale words may keep a few
    CHECK(chan_len(c) == NUMBERS);
}

int main(int argc, char **argv) {
    int cores = gomaxprocs(0), total = 200000;
    test_buffer();
    test_sizes();
    test_panics();
    test_order();
    test_close_wakes();
    test_close_race();
    test_numbers();
    for (int n = 1; n <= cores; n *= 2) {
        gomaxprocs(n);
        stream(0, total);
        stream(1, total);
        stream(128, total);
    }
    return check_end("chan");
}
