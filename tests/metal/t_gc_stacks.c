// t_gc_stacks.c -- objects that only the stacks of very many parked goroutines hold, and only one very deep stack.
//
//     t_gc_stacks [goroutines] [frames of the deep one]
//
// Each goroutine holds one object in a local variable while it is parked; collections and new objects, which would take the place of what
// was freed wrongly, come meanwhile; then each looks at its own. The deep goroutine has one in every frame. When they have ended
// the objects are garbage.
//
// args: 20000 20000
// smp: 2
// mem: 512M
// timeout: 180
#include "gc.h"

typedef struct Box {
    uint64_t id, check;
    uint64_t room[6];
} Box;
TYPE_NOSCAN(Box);
enum { MAGIC = 0x5ca1ab1e };

static chan(int) gate;
static WaitGroup all;
static _Atomic int64_t waiting;

static Box *box_new(uint64_t id) {
    Box *b = new (Box);
    b->id = id, b->check = id * MAGIC ^ ~id;
    return b;
}
static void box_check(const Box *b, uint64_t id) {
    CHECK_QUIETLY(b->id == id);
    CHECK_QUIETLY(b->check == (id * MAGIC ^ ~id));
}
static __attribute__((noinline)) void litter(long n) {
    for (long i = 0; i < n; i++) {
        Box *b = new (Box);
        b->id = b->check = 0xdead;
    }
}
static int64_t objects(void) {
    gc_collect();
    gc_collect();
    return (int64_t)in_use().objects;
}

static void holder(void *arg) {
    Box *b = box_new((uint64_t)arg);
    fetch_add(&waiting, 1);
    int v;
    chan_recv_ok(gate, &v);
    box_check(b, (uint64_t)arg);
    waitgroup_done(&all);
}

static __attribute__((noinline)) uint64_t deep(uint64_t n) {
    Box *b = box_new(n);
    uint64_t sum = 0;
    if (n > 0) {
        sum = deep(n - 1);
    } else {
        fetch_add(&waiting, 1);
        int v;
        chan_recv_ok(gate, &v);
    }
    box_check(b, n);
    return sum + b->id;
}
static void deep_one(void *arg) {
    uint64_t n = (uint64_t)arg;
    CHECK_QUIETLY(deep(n) == n * (n + 1) / 2);
    waitgroup_done(&all);
}

static void round_of(const char *what, void (*fn)(void *arg), long goroutines, long arg, long boxes) {
    int64_t before = objects();
    gate = chan_make(int, 0);
    store_seq(&waiting, 0);
    waitgroup_add(&all, (int)goroutines);
    for (long i = 0; i < goroutines; i++)
        go(fn, (void *)(arg ? arg : i));
    check_true(what, WAIT_UNTIL(load_seq(&waiting) == goroutines, 120));
    for (int i = 0; i < 2; i++) {
        gc_collect();
        litter(boxes);
    }
    check_range("objects while they are parked", objects() - before, boxes, boxes + boxes / 8 + 2000);
    chan_close(gate);
    waitgroup_wait(&all);
    WAIT_UNTIL(goroutine_count() == 1, 20);
    // a stale word of another stack may hold this one and that
    check_at_most("objects afterwards", objects() - before, boxes / 20 + 200);
}

int main(int argc, char **argv) {
    long n = arg_number(argc, argv, 1, 100000), frames = arg_number(argc, argv, 2, 100000);
    round_of("all goroutines are parked", holder, n, 0, n);
    round_of("the deep one is parked", deep_one, 1, frames, frames);
    round_of("all goroutines are parked again", holder, n, 0, n);
    return check_end("t_gc_stacks");
}
