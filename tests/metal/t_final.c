// t_final.c -- finalizers: order, circles, resurrection, arguments, tiny blocks, setting while marking, a hundred thousand dropped objects.
//
//     t_final [number]     how many objects where there are many
//     t_final wrong        wrong: nil, stack, inside, wild, twice or panic: what ends the program (tests/test_final.py)
//
// smp: 1 4
// timeout: 120
#include "metal.h"
#include "rt/gc.h"
#include "rt/heap.h"

typedef struct Node Node;
struct Node {
    cell(Node *) next, other;
    uint64_t number, check; // check == number * 3 + 1
};
TYPE_STRUCT(Node, next, other);

static Node *node(uint64_t number) {
    Node *n = new (Node);
    n->number = number;
    n->check = number * 3 + 1;
    return n;
}

// Can it be told which objects are dropped? Instrumented frames are full of words that earlier calls have left: one may keep an object.
#ifdef SANITIZED
enum { EXACT = 0 };
#else
enum { EXACT = 1 };
#endif

// What ran, in order.
enum { RAN_MAX = 64 };
static _Atomic uint32_t ran_count;
static uint64_t ran[RAN_MAX];
static void note_run(void *obj) {
    Node *n = obj;
    CHECK_QUIETLY(n->check == n->number * 3 + 1);
    uint32_t i = load_relaxed(&ran_count);
    if (i < RAN_MAX) ran[i] = n->number;
    store_seq(&ran_count, i + 1);
}

// A collection, its sweep, and time for what it queued. Stale words of earlier calls must not keep what the tests drop: they are overwritten.
static __attribute__((noinline)) void wipe_stack(void) {
    volatile uint64_t words[400];
    for (int i = 0; i < 400; i++)
        words[i] = 0;
    __asm__ volatile("" : : "r"(words) : "memory");
}
static __attribute__((noinline)) void collect(void) {
    wipe_stack();
    gc_collect();
    uint32_t before;
    do { // finalizers run on a goroutine of their own
        before = load_seq(&ran_count);
        for (int i = 0; i < 50; i++)
            gosched();
    } while (load_seq(&ran_count) != before);
}
static void expect_ran(const char *what, uint32_t n, const uint64_t *numbers) {
    WAIT_UNTIL(load_seq(&ran_count) >= n, 5);
    check_equal(what, load_seq(&ran_count), n);
    for (uint32_t i = 0; i < n && i < load_seq(&ran_count); i++)
        CHECK_QUIETLY(ran[i] == numbers[i]);
    store_seq(&ran_count, 0);
}

// ---- one object; its parts are still there when it runs
static __attribute__((noinline)) void drop_one(void) {
    Node *n = node(7);
    cell_set(n->next, node(8));
    set_finalizer(n, note_run);
}
static void test_one(void) {
    drop_one();
    collect();
    expect_ran("one dropped object", 1, (uint64_t[]){7});
    collect();
    collect();
    expect_ran("and not again", 0, NULL);
}

// ---- A points at B points at C...: one after the other
enum { CHAIN = 5 };
static __attribute__((noinline)) void drop_chain(void) {
    Node *next = NULL;
    for (uint64_t i = CHAIN; i-- > 0;) {
        Node *n = node(100 + i);
        cell_set(n->next, next);
        set_finalizer(n, note_run);
        next = n;
    }
}
static void test_order(void) {
    drop_chain();
    for (uint64_t i = 0; i < CHAIN; i++) {
        collect();
        expect_ran("the next of a chain", 1, (uint64_t[]){100 + i});
    }
    collect();
    expect_ran("after the chain", 0, NULL);
}

// ---- circles and objects that point at themselves never run
static __attribute__((noinline)) void drop_circle(void) {
    Node *a = node(200), *b = node(201), *self = node(202);
    cell_set(a->next, b);
    cell_set(b->next, a);
    cell_set(self->next, self);
    set_finalizer(a, note_run);
    set_finalizer(b, note_run);
    set_finalizer(self, note_run);
}
static void test_circle(void) {
    drop_circle();
    for (int i = 0; i < 4; i++)
        collect();
    expect_ran("objects that reach themselves", 0, NULL);
}

// ---- a finalizer may keep its object, which may have a finalizer again
static Node *resurrected;
static void resurrect(void *obj) {
    resurrected = obj;
    note_run(obj);
}
static __attribute__((noinline)) void drop_for_resurrection(void) {
    Node *n = node(300);
    cell_set(n->next, node(301));
    set_finalizer(n, resurrect);
}
static void test_resurrection(void) {
    drop_for_resurrection();
    collect();
    expect_ran("resurrected", 1, (uint64_t[]){300});
    for (int i = 0; i < 3; i++) {
        collect();
        for (int k = 0; k < 1000; k++)
            node(0);
    }
    Node *part = cell_get(resurrected->next);
    check_true("a resurrected object keeps its parts", resurrected->check == 901 && part->check == 904);
    set_finalizer(resurrected, note_run);
    resurrected = NULL;
    collect();
    expect_ran("and is finalized again when asked for", 1, (uint64_t[]){300});
}

// ---- removing; the program's variables; keep_alive
static __attribute__((noinline)) void drop_removed(void) {
    Node *n = node(400);
    set_finalizer(n, note_run);
    set_finalizer(n, NULL);
    set_finalizer(n, NULL);
    Node *again = node(401);
    set_finalizer(again, note_run);
    set_finalizer(again, NULL);
    set_finalizer(again, note_run);
}
static void test_removed(void) {
    static Node variable;
    set_finalizer(&variable, note_run);
    set_finalizer(make_array(char, 0), note_run);
    drop_removed();
    collect();
    expect_ran("only the finalizer that was set again", 1, (uint64_t[]){401});
    Node *kept = node(402);
    set_finalizer(kept, note_run);
    for (int i = 0; i < 3; i++)
        collect();
    expect_ran("while the object is kept alive", 0, NULL);
    keep_alive(kept);
    set_finalizer(kept, NULL);
}

// ---- an argument lives as long as the finalizer
static void note_arg(void *obj, void *arg) {
    Node *a = arg;
    CHECK_QUIETLY(a->check == a->number * 3 + 1);
    CHECK_QUIETLY(cell_get(a->next)->check == 501 * 3 + 1);
    note_run(obj);
}
static Node *volatile holder;
static __attribute__((noinline)) void make_with_arg(void) {
    Node *arg = node(500);
    cell_set(arg->next, node(501));
    holder = node(502);
    set_finalizer_arg(holder, note_arg, arg);
}
static void test_arg(void) {
    make_with_arg();
    for (int i = 0; i < 3; i++) {
        collect();
        for (int k = 0; k < 1000; k++)
            node(0);
    }
    expect_ran("while the object lives", 0, NULL);
    holder = NULL;
    collect();
    expect_ran("with its argument", 1, (uint64_t[]){502});
}

// ---- tiny objects share blocks; large ones have spans of their own
static _Atomic uint32_t plain_ran;
static void count_run(void *obj) {
    fetch_add(&plain_ran, 1);
}
enum { TINY = 300 };
static __attribute__((noinline)) void drop_tiny_and_large(void) {
    for (int i = 0; i < TINY; i++) {
        u16 *p = new (u16);
        *p = (u16)i;
        set_finalizer(p, count_run);
    }
    for (int i = 0; i < 20; i++)
        set_finalizer(make_array(char, 50000 * (i + 1)), count_run);
}
static void test_sizes(void) {
    drop_tiny_and_large();
    new (u16); // of another block
    for (int i = 0; i < 3; i++)
        collect();
    WAIT_UNTIL(load_seq(&plain_ran) >= TINY + 20 - 16, 5);
    check_range("finalizers of tiny and large objects", load_seq(&plain_ran), TINY + 20 - 16, TINY + 20);
    store_seq(&plain_ran, 0);
}

// ---- a hundred thousand, of different sizes, most with something behind them
static int64_t many = 100000;
static _Atomic uint32_t many_ran;
static void many_run(void *obj) {
    Node *n = obj, *part = cell_get(n->other);
    CHECK_QUIETLY(n->check == n->number * 3 + 1);
    if (part) CHECK_QUIETLY(part->check == n->check);
    n->check = 0; // each runs once
    fetch_add(&many_ran, 1);
}
static __attribute__((noinline)) void drop_many(void) {
    for (uint64_t i = 0; i < (uint64_t)many; i++) {
        Node *n = i % 10 ? new (Node) : make_array(Node, 1 + i / 10 % 5);
        n->number = i;
        n->check = i * 3 + 1;
        if (i % 3) cell_set(n->other, node(i));
        set_finalizer(n, many_run);
    }
}
static uint64_t objects_now(void) {
    static MemStats m;
    read_mem_stats(&m);
    return m.heap_objects;
}
static void test_many(void) {
    collect();
    collect();
    uint64_t before = objects_now();
    drop_many();
    collect();
    collect();
    WAIT_UNTIL(load_seq(&many_ran) >= many * 99 / 100, 60);
    check_range("of many dropped objects, finalized", load_seq(&many_ran), many * 99 / 100, many);
    collect();
    collect();
    check_at_most("objects that are left of them", (int64_t)(objects_now() - before), many / 100 + 8);
}

// ---- set, dropped and run while the collector marks
enum { SETTERS = 4 };
static int64_t set_each = 30000;
static AtomicInt64 have_run;
static WaitGroup setters;
static void race_run(void *obj) {
    Node *n = obj;
    CHECK_QUIETLY(n->check == n->number * 3 + 1 && cell_get(n->other)->check == n->check);
    n->check = 0;
    atomic_int64_add(&have_run, 1);
    for (int i = 0; i < 5; i++)
        node(1); // finalizers allocate, and sweep
}
static void setter(void *arg) {
    Node *held[16] = {NULL};
    for (uint64_t i = 0; i < (uint64_t)set_each; i++) {
        Node *n = node(i);
        cell_set(n->other, node(i));
        set_finalizer(n, race_run);
        Node *old = held[i % 16];
        if (old && i % 3 == 0) { // taken away again, and set again
            set_finalizer(old, NULL);
            set_finalizer(old, race_run);
        }
        held[i % 16] = n;
        if (i % 16 == 0) gosched();
    }
    waitgroup_done(&setters);
}
static _Atomic int setting;
static void set_many(void *arg) {
    setter(NULL);
    fetch_add(&setting, -1);
}
static void test_race(void) {
    waitgroup_add(&setters, SETTERS);
    store_seq(&setting, SETTERS);
    for (int i = 0; i < SETTERS; i++)
        go(set_many, NULL);
    int cycles = 0;
    for (; load_seq(&setting) > 0; cycles++)
        gc_collect();
    waitgroup_wait(&setters);
    collect();
    collect();
    say("%d collections while finalizers were set\n", cycles);
    int64_t n = SETTERS * set_each;
    WAIT_UNTIL(atomic_int64_load(&have_run) >= n - n / 100, 60);
    check_range("finalizers of all that were set while collecting", atomic_int64_load(&have_run), n - n / 100, n);
}

// ---- a finalizer may block; the others wait for it
// Several objects, dropped by a goroutine that has ended: a word on main's stack, or on that of the finalizers, which may still be at the last test's objects, keeps
// the one that it points to, or behind, but not all of them.
enum { BLOCKING = 16 };
static chan(int) gate;
static _Atomic uint32_t begun;
static void blocking_run(void *obj) {
    fetch_add(&begun, 1);
    chan_recv(gate);
    note_run(obj);
}
static void drop_blocking(void *arg) {
    chan(int) dropped = arg;
    for (uint64_t i = 0; i < BLOCKING; i++)
        set_finalizer(node(600 + i), blocking_run);
    chan_send(dropped, 1);
}
static void test_blocking(void) {
    gate = chan_make(int, 0);
    chan(int) dropped = chan_make(int, 0);
    go(drop_blocking, dropped);
    chan_recv(dropped);
    WAIT_UNTIL(goroutine_count() == 1, 60);
    collect();
    check_true("one of the finalizers that wait begins", WAIT_UNTIL(load_seq(&begun) > 0, 60));
    if (load_seq(&begun) == 0) return;
    collect();
    check_equal("while it waits, finalizers begun", load_seq(&begun), 1);
    check_equal("and ended", load_seq(&ran_count), 0);
    chan_send(gate, 1);
    check_true("it goes on, and the next one begins", WAIT_UNTIL(load_seq(&begun) == 2, 60));
    check_equal("ended", load_seq(&ran_count), 1);
    chan_close(gate);
    WAIT_UNTIL(load_seq(&ran_count) >= BLOCKING, 1);
    check_range("finalizers when none waits any more", load_seq(&ran_count), BLOCKING / 2, BLOCKING);
}

static void panicking(void *obj) {
    panic("in a finalizer");
}
static void do_wrong(const char *what) {
    Node *n = node(1), on_stack = {0};
    if (strcmp(what, "nil") == 0) set_finalizer(NULL, note_run);
    if (strcmp(what, "stack") == 0) set_finalizer(&on_stack, note_run);
    if (strcmp(what, "inside") == 0) set_finalizer(&n->number, note_run);
    if (strcmp(what, "wild") == 0) set_finalizer((void *)0x123456789000, note_run);
    if (strcmp(what, "twice") == 0) {
        set_finalizer(n, note_run);
        set_finalizer(n, note_run);
    }
    if (strcmp(what, "panic") == 0) {
        set_finalizer(new (Node), panicking);
        for (int i = 0; i < 10; i++)
            collect();
    }
}

int main(int argc, char **argv) {
    many = arg_number(argc, argv, 1, many);
    if (many != 100000) set_each = many / 4;
    if (argc > 1 && many == 0) {
        do_wrong(argv[1]);
        return 0;
    }
    if (EXACT) {
        test_one();
        test_order();
        test_circle();
        test_resurrection();
        test_removed();
        test_arg();
        test_sizes();
    }
    test_many();
    test_race();
    test_blocking();
    return check_end("t_final");
}
