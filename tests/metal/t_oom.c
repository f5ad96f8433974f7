// t_oom.c -- what happens when memory runs out, at every place where it can (tests/test_oom.py).
//
//     t_oom             uses everything that allocates; run with GODEBUG=oomat=n,oomfor=k it must end normally or with the one report.
//                       Says how many allocations there were to fail
//     t_oom try [n]     _try forms only, of which every n-th and those behind fail: NULL is handled, nothing is lost, everything works afterwards
//     t_oom exhaust     takes all memory until NULL, drops it, collects; twenty times the same
//     t_oom report      takes all memory until the report
//
// args: try
// mem: 64M
// smp: 2
// timeout: 120
#include "metal.h"
#include "rt/inject.h"

typedef struct Node Node;
struct Node {
    cell(Node *) next, other;
    uint64_t number;
};
TYPE_STRUCT(Node, next, other);
TYPE_CELL(NodeCell, Node *);
TYPE_SLICE(NodeCell);
typedef Node *NodePtr;
TYPE_POINTER(NodePtr);
TYPE_CELL(TimerCell, Timer *);
TYPE_MAP(long, NodePtr);
TYPE_MAP(String, long);

static WaitGroup all;

// ---- everything that allocates, with known results

static chan(NodePtr) pipe_in;
static void worker(void *arg) {
    chan(NodePtr) out = arg;
    for (;;) {
        Node *n = chan_recv(pipe_in);
        if (!n) break;
        Node *m = new (Node);
        cell_set(m->next, n);
        m->number = n->number * 2;
        chan_send(out, m);
    }
    waitgroup_done(&all);
}
static void use_channels(void) {
    enum { WORKERS = 40, VALUES = 200 };
    pipe_in = chan_make(NodePtr, 3);
    chan(NodePtr) out = chan_make(NodePtr, VALUES);
    waitgroup_add(&all, WORKERS);
    for (int i = 0; i < WORKERS; i++)
        go(worker, out);
    uint64_t sum = 0;
    for (uint64_t i = 1; i <= VALUES; i++) {
        Node *n = new (Node);
        n->number = i;
        chan_send(pipe_in, n);
    }
    for (int i = 0; i < WORKERS; i++)
        chan_send(pipe_in, NULL);
    waitgroup_wait(&all);
    chan_close(out);
    for (NodePtr p; chan_recv_ok(out, &p);) {
        Node *m = p;
        CHECK_QUIETLY(m->number == cell_get(m->next)->number * 2);
        sum += m->number;
    }
    CHECK_QUIETLY(sum == VALUES * (VALUES + 1));
}

static __attribute__((noinline)) long deep(int n) {
    volatile char room[300];
    room[n % 300] = (char)n;
    long below = n == 0 ? 0 : deep(n - 1);
    return below + (room[n % 300] == (char)n); // looked at afterwards, so that each call keeps its own
}
static void dive(void *arg) {
    CHECK_QUIETLY(deep(3000) == 3001);
    waitgroup_done(&all);
}
static void use_stacks(void) {
    waitgroup_add(&all, 4);
    for (int i = 0; i < 4; i++)
        go(dive, NULL);
    waitgroup_wait(&all);
}

static AtomicInt64 fired;
static void fire(void *arg) {
    atomic_int64_add(&fired, 1);
    waitgroup_done(&all);
}
static void use_timers(void) {
    enum { TIMERS = 700 }; // more than the first page of a heap of timers
    TimerCell *t = make_array(TimerCell, TIMERS);
    waitgroup_add(&all, 10);
    for (int i = 0; i < 10; i++)
        timer_func(i * MICROSECOND, fire, NULL);
    for (int i = 0; i < TIMERS; i++)
        cell_set(t[i], timer_new(1000 * SECOND));
    for (int i = 0; i < TIMERS; i++)
        CHECK_QUIETLY(timer_stop(cell_get(t[i])));
    waitgroup_wait(&all);
    Ticker *k = ticker_new(50 * MICROSECOND);
    for (int i = 0; i < 3; i++)
        chan_recv(ticker_chan(k));
    ticker_stop(k);
    time_sleep(20 * MICROSECOND);
}

static void use_heap(void) {
    NodeCell *v = make_array(NodeCell, 3000);
    for (int i = 0; i < 3000; i++) {
        Node *n = new (Node);
        n->number = (uint64_t)i;
        cell_set(v[i], n);
        make_array(char, 1 + i * 7 % 2000);
        if (i % 100 == 0) make_array(u64, 9000);
    }
    char *large = make_array(char, 3 << 20);
    large[3 << 19] = 1;
    for (int i = 0; i < 3000; i++)
        CHECK_QUIETLY(cell_get(v[i])->number == (uint64_t)i);
    keep_alive(large);
}

static void use_slices(void) {
    slice(NodeCell) s = {0};
    for (uint64_t i = 0; i < 2000; i++) {
        Node *n = new (Node);
        n->number = i;
        s = slice_append(NodeCell, s, n);
    }
    for (uint64_t i = 0; i < 2000; i++)
        CHECK_QUIETLY(cell_get(slice_at(s, (intptr_t)i))->number == i);
}

// Maps grow while they are written, by overflow buckets and by moving into a larger array.
static void use_maps(void) {
    enum { N = 1500 };
    map(long, NodePtr) objects = map_make(long, NodePtr);
    map(String, long) numbers = map_make(String, long, 100);
    for (long i = 0; i < N; i++) {
        Node *n = new (Node);
        n->number = (uint64_t)i;
        map_set(objects, i * 7, n);
        map_set(numbers, string_of_int(i), i);
        if (i % 3 == 0) map_delete(objects, i * 7 / 2);
    }
    uint64_t sum = 0;
    map_for (k, n, objects) {
        CHECK_QUIETLY(n->number * 7 == (uint64_t)k);
        sum++;
    }
    CHECK_QUIETLY(sum == (uint64_t)map_len(objects) && map_len(numbers) == N);
    for (long i = 0; i < N; i++)
        CHECK_QUIETLY(map_get(numbers, string_of_int(i)) == i);
}

static void use_strings(void) {
    String s = string_of("");
    Builder *b = new (Builder);
    for (int i = 0; i < 400; i++) {
        s = string_cat(s, string_of_int(i % 10));
        builder_add_int(b, i % 10);
    }
    String t = builder_string(b);
    CHECK_QUIETLY(s.n == 400 && string_equal(s, t));
}

static AtomicInt64 finalized;
static void count_final(void *obj) {
    atomic_int64_add(&finalized, 1);
}
static __attribute__((noinline)) void use_finalizers(void) {
    for (int i = 0; i < 300; i++)
        set_finalizer(new (Node), count_final);
}

static void use_everything(void) {
    for (int round = 0; round < 2; round++) {
        use_channels();
        use_stacks();
        use_timers();
        use_heap();
        use_slices();
        use_maps();
        use_strings();
        use_finalizers();
        gc_collect();
    }
    CHECK_QUIETLY(WAIT_UNTIL(atomic_int64_load(&finalized) >= 500, 10));
}

// ---- _try forms only

enum { TRY_KINDS = INJECT_PAGES | INJECT_RECORD | INJECT_MAP, TRY_NODES = 600, FAILS = 40 };

// Builds a list of what it gets, checks it, and drops it. How often it got NULL.
static __attribute__((noinline)) int try_round(void) {
    Node *list = NULL;
    int nulls = 0, got = 0;
    for (int i = 0; i < TRY_NODES; i++) {
        Node *n = new_try(Node);
        char *bytes = make_array_try(char, 1 + i * 131 % 9000);
        u64 *large = i % 60 ? NULL : make_array_try(u64, 20000);
        if (bytes) {
            CHECK_QUIETLY(bytes[0] == 0 && bytes[i * 131 % 9000] == 0);
            bytes[i * 131 % 9000] = 1;
        }
        if (large) {
            CHECK_QUIETLY(large[0] == 0 && large[19999] == 0);
            large[19999] = 1;
        }
        nulls += !n + !bytes + (i % 60 == 0 && !large);
        if (!n) continue;
        n->number = (uint64_t)i;
        cell_set(n->next, list);
        list = n;
        got++;
    }
    uint64_t last = TRY_NODES;
    for (Node *n = list; n; n = cell_get(n->next), got--) {
        CHECK_QUIETLY(n->number < last);
        last = n->number;
    }
    CHECK_QUIETLY(got == 0);
    return nulls;
}

static MemStats m;
static int64_t pages_in_use(void) {
    gc_collect();
    gc_collect();
    read_mem_stats(&m);
    return (int64_t)((m.sys - m.heap_idle) / PAGE_SIZE);
}

static void test_try(long step) {
    enum { NEVER = 1u << 30 };
    for (int i = 0; i < 5; i++) { // caches and pools fill
        try_round();
        pages_in_use();
    }
    int64_t before = pages_in_use();
    uint64_t objects = m.heap_objects, spans = m.heap_inuse;
    inject_start(NEVER, 1, TRY_KINDS);
    CHECK_QUIETLY(try_round() == 0);
    uint64_t places = inject_count();
    int64_t nulls = 0;
    long runs = 0;
    for (uint64_t n = 1; n <= places; n += (uint64_t)step, runs++) {
        inject_start((uint32_t)n, FAILS, TRY_KINDS);
        nulls += try_round();
        inject_start(0, 0, 0);
        pages_in_use();
        CHECK_QUIETLY(m.heap_objects <= objects + 16); // a stale word on this stack may keep some
    }
    check_equal("NULLs afterwards", try_round(), 0);
    say("%ld runs of at least %lu allocations of memory\n", runs, places);
    check_at_least("NULLs while allocations failed", nulls, runs);
    int64_t after = pages_in_use();
    check_range("pages in use, against before", after - before, -64, 64);
    check_at_most("bytes of spans, against before", (int64_t)(m.heap_inuse - spans), 16 * PAGE_SIZE);
    use_everything();
}

// ---- all memory, again and again

static __attribute__((noinline)) int64_t take_all(intptr_t size) {
    NodeCell *list = NULL;
    int64_t n = 0;
    for (NodeCell *more; (more = make_array_try(NodeCell, size / 8)); list = more, n++)
        if (list) cell_set(more[0], (Node *)list);
    int64_t seen = 0;
    for (; list; list = (NodeCell *)cell_get(list[0]))
        seen++;
    CHECK_QUIETLY(seen == n);
    return n;
}
static void test_exhaust(void) {
    static const intptr_t sizes[] = {100000, 3000, 48};
    for (int i = 0; i < 3; i++) {
        int64_t first = take_all(sizes[i]), least = first, most = first;
        for (int k = 1; k < 20; k++) {
            gc_collect();
            int64_t n = take_all(sizes[i]);
            if (n < least) least = n;
            if (n > most) most = n;
        }
        gc_collect();
        say("%ld objects of %ld bytes the first time\n", first, (long)sizes[i]);
        check_range("the least and the most of twenty times, per thousand", (most - least) * 1000 / first, 0, 10);
        check_at_least("of the memory, percent", first * sizes[i] * 100 / (int64_t)pages_now().total, 75);
    }
    use_everything();
}

static Node *kept;
static void test_report(void) {
    for (;;) {
        Node *n = new (Node);
        cell_set(n->next, kept);
        kept = n;
    }
}

int main(int argc, char **argv) {
    const char *what = argc > 1 ? argv[1] : "";
    if (strcmp(what, "try") == 0) test_try(arg_number(argc, argv, 2, 1));
    else if (strcmp(what, "exhaust") == 0) test_exhaust();
    else if (strcmp(what, "report") == 0) test_report();
    else use_everything();
    if (!*what) say("allocations: %lu\n", inject_count());
    return check_end("t_oom");
}
