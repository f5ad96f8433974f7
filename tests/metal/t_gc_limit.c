// t_gc_limit.c -- no death spiral: with a memory limit below what is alive, and with one just above, collecting helps nobody; the program goes on, because the
// CPU limiter forgives assists when collecting has taken half of the machine for a while. Nothing is judged by the clock here; what the
// program gets is judged on counted instructions (tests/test_gc.py).
//
// args: GODEBUG=gcforce=0
// smp: 1 4
// timeout: 120
#include "metal.h"
#include "rt/gcrun.h"
#include "rt/memstats.h"

typedef struct Node Node;
struct Node {
    cell(Node *) next;
    uint64_t pad[6];
};
TYPE_STRUCT(Node, next);

enum { LIVE = 200000, ROUNDS = 60000, GROUPS = 4, SMALL = 20000 };

static Node *list(int n) {
    Node *first = NULL;
    for (int i = 0; i < n; i++) {
        Node *more = new (Node);
        cell_set(more->next, first);
        more->pad[0] = (uint64_t)i;
        first = more;
    }
    return first;
}

static WaitGroup wg;
static _Atomic uint64_t made;
static void churn(void *unused) {
    for (int i = 0; i < ROUNDS; i++) {
        Node *n = list(4);
        fetch_add(&made, 1 + (n->pad[0] != 3));
    }
    waitgroup_done(&wg);
}

static void all_churn(const char *what, int64_t limit) {
    gc_set_memory_limit(limit);
    store_relaxed(&made, 0);
    uint32_t cycles = gc.cycle;
    waitgroup_add(&wg, GROUPS);
    for (int i = 0; i < GROUPS; i++)
        go(churn, NULL);
    waitgroup_wait(&wg);
    say("%s: %u cycles, limiter %d\n", what, gc.cycle - cycles, (int)load_relaxed(&gc_pace.limiting));
    check_equal("lists made", (int64_t)load_relaxed(&made), GROUPS * ROUNDS);
}

// A small heap grows: not a cycle for every few objects.
static void small_heap(void) {
    gc_set_percent(-1);
    gc_set_memory_limit(0);
    uint32_t cycles = gc.cycle;
    const Node *first = list(SMALL);
    cycles = gc.cycle - cycles;
    say("a list of %d objects, no memory at all: %u cycles\n", SMALL, cycles);
    check_at_least("objects for a cycle", SMALL / (cycles + 1), SMALL / 50);
    check_equal("objects", (int64_t)first->pad[0] + 1, SMALL);
    gc_set_memory_limit(INT64_MAX);
    gc_set_percent(100);
}

static Node *kept; // counted at the end

int main(void) {
    small_heap();
    kept = list(LIVE);
    gc_collect();
    int64_t used = (int64_t)gc_pace.memory.used;
    uint32_t before = gc.cycle;
    gc_set_percent(-1); // the limit alone decides
    all_churn("a limit of half of what is alive", used / 2);
    all_churn("a limit just above", used + (2 << 20));
    all_churn("no memory at all", 0);
    gc_set_memory_limit(INT64_MAX);
    check_at_least("cycles", (int64_t)(gc.cycle - before), 1); // how many depends on how fast cores come; when the limiter is full, they wait
    int n = 0;
    for (Node *p = kept; p; p = cell_get(p->next))
        n++;
    check_equal("live objects", n, LIVE);
    return check_end("t_gc_limit");
}
