// t_select.c -- select: default, nil and closed channels, fair choice, hand-over through two channels at
// once, and many goroutines that all select over the same channels.
//
// smp: 1 4
//
// expect: select ok
#include "check.h"

typedef struct Empty {
} Empty;
TYPE_NOSCAN(Empty);

static void yield_some(int n) {
    for (int i = 0; i < n; i++)
        gosched();
}

// ---- one goroutine

static void test_simple(void) {
    chan(int) a = chan_make(int, 1), b = chan_make(int, 1), none = NULL;
    int x = 0, y = 0;
    bool ok = false;
    CHECK(chan_select(case_recv(a, &x), case_recv(b, &y), case_default()) == 2);
    CHECK(chan_select(case_default(), case_recv(a, &x), case_recv(b, &y)) == 0);
    CHECK(chan_select(case_send(none, 1), case_recv(none, &x), case_default()) == 2);
    CHECK(chan_select(case_recv(a, &x), case_send(b, 5)) == 1);
    CHECK(chan_select(case_recv(a, &x), case_recv(none, &x), case_recv(b, &y, &ok)) == 2 && y == 5 && ok);
    CHECK(chan_select(case_send(a, 6)) == 0); // one case: like a plain send
    CHECK(chan_select(case_recv(a, NULL)) == 0);
    CHECK(chan_select(case_recv(a, &x), case_default()) == 1);
    chan_send(a, 9);
    chan_close(a);
    CHECK(chan_select(case_recv(a, &x, &ok), case_default()) == 0 && x == 9 && ok);
    CHECK(chan_select(case_recv(a, &x, &ok), case_default()) == 0 && x == 0 && !ok);
    x = 7;
    CHECK(chan_select(case_recv(none, NULL), case_recv(a, &x, &ok)) == 1 && x == 0 && !ok);
    switch (chan_select(case_recv(b, &y), case_default())) {
    case 0:
        CHECK(false);
        break;
    case 1:
        break;
    }
    // One channel several times, both ways.
    CHECK(chan_select(case_recv(b, &x), case_send(b, 3), case_recv(b, &y)) == 1);
    int which = chan_select(case_recv(b, &x), case_send(b, 4), case_recv(b, &y));
    CHECK(which == 0 || which == 2);
}

CATCHES(send_closed, chan(int) c = chan_make(int, 1); chan_close(c);
        chan_select(case_send(c, 1), case_recv((chan(int))NULL, NULL));)
CATCHES(send_closed_default, chan(int) c = chan_make(int, 0); chan_close(c);
        chan_select(case_send(c, 1), case_default());)
static chan(int) closing;
CATCHES(send_closed_later, chan(int) b = chan_make(int, 0);
        chan_select(case_send(closing, 1), case_recv(b, NULL));)
static void close_it(void *c) {
    chan_close((chan(int))c);
}

static void test_panics(void) {
    expect_panic(send_closed, "send on closed channel");
    expect_panic(send_closed_default, "send on closed channel");
    closing = chan_make(int, 0);
    go(close_it, closing);
    expect_panic(send_closed_later, "send on closed channel");
}

// ---- fair: every ready case is chosen with equal chance, wherever it stands

static void test_fair(void) {
    enum { CASES = 4, ROUNDS = 40000 };
    chan(int) c[CASES];
    int count[CASES] = {0};
    for (int i = 0; i < CASES; i++) {
        c[i] = chan_make(int, 1);
        chan_send(c[i], i);
    }
    for (int i = 0; i < ROUNDS; i++) {
        int v = -1;
        int which =
            chan_select(case_recv(c[0], &v), case_recv(c[1], &v), case_recv(c[2], &v), case_recv(c[3], &v));
        CHECK(which == v);
        count[which]++;
        chan_send(c[which], which);
    }
    // Standard deviation is 87: ten of them never happen by chance.
    for (int i = 0; i < CASES; i++)
        CHECK_RANGE(count[i], ROUNDS / CASES - 870, ROUNDS / CASES + 870);
}

// ---- waiting: woken by a send, a receive, a close; losers are taken out of their queues

typedef struct Pair {
    chan(int) a, b;
} Pair;
static Pair pair;

static void send_b(void *unused) {
    chan_send(pair.b, 77);
}
static void recv_a(void *unused) {
    CHECK(chan_recv(pair.a) == 55);
}
static void close_a(void *unused) {
    chan_close(pair.a);
}

static void test_wait(void) {
    for (int round = 0; round < 200; round++) {
        pair = (Pair){chan_make(int, 0), chan_make(int, 0)};
        int x = -1;
        bool ok = false;
        go(send_b, NULL);
        CHECK(chan_select(case_send(pair.a, 55), case_recv(pair.b, &x, &ok)) == 1 && x == 77 && ok);
        // Nothing of ours is left waiting on a: a send there would have to block.
        CHECK(!chan_try_recv(pair.a, &x, NULL) && !chan_try_send(pair.a, 1));
        go(recv_a, NULL);
        CHECK(chan_select(case_send(pair.a, 55), case_recv(pair.b, &x)) == 0);
        go(close_a, NULL);
        ok = true;
        CHECK(chan_select(case_recv(pair.a, &x, &ok), case_recv(pair.b, NULL)) == 0 && x == 0 && !ok);
    }
}

// Many cases: the orders are made by another sort.
static void test_many_cases(void) {
    enum { N = 24 };
    static chan(int) c[N];
    for (int i = 0; i < N; i++)
        c[i] = chan_make(int, 0);
    for (int i = 0; i < N; i++) {
        pair.b = c[(i * 7) % N];
        go(send_b, NULL);
        int v = 0;
#define R(k) case_recv(c[k], &v)
        int which =
            chan_select(R(0), R(1), R(2), R(3), R(4), R(5), R(6), R(7), R(8), R(9), R(10), R(11), R(12),
                        R(13), R(14), R(15), R(16), R(17), R(18), R(19), R(20), R(21), R(22), R(23));
        CHECK(which == (i * 7) % N && v == 77);
    }
}

// ---- two selects that face each other over two channels, in both directions: exactly one exchange each time

enum { DUELS = 20000 };
static WaitGroup duels;
static AtomicInt64 sent[2], received[2];

static void duellist(void *arg) {
    intptr_t me = (intptr_t)arg;
    for (int i = 0; i < DUELS; i++) {
        int v = -1, which;
        if (me)
            which = chan_select(case_send(pair.a, i), case_recv(pair.b, &v));
        else
            which = chan_select(case_recv(pair.a, &v), case_send(pair.b, i));
        bool did_send = (which == 0) == (me == 1);
        if (did_send)
            atomic_int64_add(&sent[me], i + 1);
        else
            atomic_int64_add(&received[me], v + 1);
    }
    waitgroup_done(&duels);
}

static void test_duel(void) {
    pair = (Pair){chan_make(int, 0), chan_make(int, 0)};
    waitgroup_add(&duels, 2);
    go(duellist, (void *)0);
    go(duellist, (void *)1);
    waitgroup_wait(&duels);
    CHECK(atomic_int64_load(&sent[0]) == atomic_int64_load(&received[1]));
    CHECK(atomic_int64_load(&sent[1]) == atomic_int64_load(&received[0]));
    CHECK(atomic_int64_load(&sent[0]) + atomic_int64_load(&sent[1]) == (int64_t)DUELS * (DUELS + 1) / 2);
}

// ---- everybody selects over the same channels, some with default; then a close ends it. Sums must agree.

enum { CROWD = 8, CHANNELS = 4, EACH = 5000 };
static chan(i64) market[CHANNELS];
static chan(Empty) market_closed;
static AtomicInt64 bought, sold, idle_rounds;
static WaitGroup sellers, buyers;

static void seller(void *arg) {
    int64_t base = (intptr_t)arg * EACH, sum = 0;
    for (int64_t i = base; i < base + EACH; i++) {
        if (i % 3 == 0) {
            while (chan_select(case_send(market[i % 4], i), case_send(market[(i + 1) % 4], i),
                               case_default()) == 2) {
                atomic_int64_add(&idle_rounds, 1);
                gosched();
            }
        } else {
            chan_select(case_send(market[0], i), case_send(market[1], i), case_send(market[2], i),
                        case_send(market[3], i));
        }
        sum += i;
    }
    atomic_int64_add(&sold, sum);
    waitgroup_done(&sellers);
}

static void buyer(void *unused) {
    int64_t sum = 0;
    for (;;) {
        i64 v = 0;
        int which =
            chan_select(case_recv(market[3], &v), case_recv(market[0], &v), case_recv(market_closed, NULL),
                        case_recv(market[2], &v), case_recv(market[1], &v));
        if (which == 2) break;
        sum += v;
    }
    atomic_int64_add(&bought, sum);
    waitgroup_done(&buyers);
}

static void test_crowd(int cap) {
    for (int i = 0; i < CHANNELS; i++)
        market[i] = chan_make(i64, cap);
    market_closed = chan_make(Empty, 0);
    atomic_int64_store(&bought, 0);
    atomic_int64_store(&sold, 0);
    waitgroup_add(&sellers, CROWD);
    waitgroup_add(&buyers, CROWD);
    for (int i = 0; i < CROWD; i++) {
        go(seller, (void *)(intptr_t)i);
        go(buyer, NULL);
    }
    waitgroup_wait(&sellers);
    int64_t rest = 0;
    for (int i = 0; i < CHANNELS;
         i++) // what is left in buffers may still be taken by a buyer: take it ourselves
        for (i64 v; chan_try_recv(market[i], &v, NULL);)
            rest += v;
    chan_close(market_closed);
    waitgroup_wait(&buyers);
    CHECK(atomic_int64_load(&bought) + rest == atomic_int64_load(&sold));
    CHECK(atomic_int64_load(&sold) == (int64_t)CROWD * EACH * (CROWD * EACH - 1) / 2);
}

// ---- two senders on two cores fire one waiting select at the same moment: one of them must find it taken

enum { SHOTS = 10000 };
static AtomicBool shots_end;
static void shooter(void *c) {
    int64_t hits = 0;
    for (int turns = 1; !atomic_bool_load(&shots_end); turns++) {
        if (chan_try_send((chan(int))c, 1))
            hits++;
        else if (turns % 5000 == 0)
            gosched();
    }
    atomic_int64_add(&sold, hits);
    waitgroup_done(&sellers);
}

static void test_claim(void) {
    pair = (Pair){chan_make(int, 0), chan_make(int, 0)};
    atomic_int64_store(&sold, 0);
    atomic_bool_store(&shots_end, false);
    waitgroup_add(&sellers, 2);
    go(shooter, pair.a);
    go(shooter, pair.b);
    int64_t got = 0;
    for (int i = 0; i < SHOTS; i++) {
        int v = 0;
        chan_select(case_recv(pair.a, &v), case_recv(pair.b, &v));
        CHECK(v == 1);
        got += v;
    }
    atomic_bool_store(&shots_end, true);
    waitgroup_wait(&sellers);
    CHECK(atomic_int64_load(&sold) == got);
}

// ---- default is honest: a token moves between two channels, always in at least one of them

static chan(int) seesaw[2];
static AtomicBool seesaw_stop;
static WaitGroup seesaw_end;
static void mover(void *unused) {
    for (int i = 0; !atomic_bool_load(&seesaw_stop); i = !i) {
        chan_send(seesaw[!i],
                  1); // first put one there, then take the other; without parking, to stay on this core
        for (int turns = 1; !chan_try_recv(seesaw[i], NULL, NULL); turns++)
            if (turns % 5000 == 0) gosched();
    }
    waitgroup_done(&seesaw_end);
}

static void test_default_is_honest(void) {
    for (int i = 0; i < 2; i++)
        seesaw[i] = chan_make(int, 2);
    atomic_bool_store(&seesaw_stop, false);
    chan_send(seesaw[0], 1);
    waitgroup_add(&seesaw_end, 1);
    go(mover, NULL);
    yield_some(1);
    for (int i = 0; i < 30000; i++) {
        int which = chan_select(case_recv(seesaw[0], NULL), case_recv(seesaw[1], NULL), case_default());
        CHECK(which != 2);
        if (which == 2) break;
        chan_send(seesaw[which], 1);
        if (i % 1024 == 0) yield_some(1);
    }
    atomic_bool_store(&seesaw_stop, true);
    waitgroup_wait(&seesaw_end);
}

int main(void) {
    test_simple();
    test_panics();
    test_fair();
    test_wait();
    test_many_cases();
    int cores = gomaxprocs(0);
    for (int n = 1; n <= cores; n *= 2) {
        gomaxprocs(n);
        test_duel();
        for (int d = 0; d < 2; d++) {
            atomic_int64_store(&sent[d], 0);
            atomic_int64_store(&received[d], 0);
        }
        test_crowd(0);
        test_crowd(3);
        if (n != 2) continue; // these spin on two cores
        test_claim();
        test_default_is_honest();
    }
    return check_end("select");
}
