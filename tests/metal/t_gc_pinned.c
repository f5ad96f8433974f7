// t_gc_pinned.c -- a goroutine that must stay on its core (as in package sync's pools) allocates when memory is used up: it gets pages of the reserve and
// nobody else runs on its core meanwhile; afterwards, a collection having been asked for, all is as before.
//
// args: GOGC=off GOMEMLIMIT=1G
// mem: 32M
// smp: 1 2
// timeout: 120
#include "metal.h"
#include "rt/gcrun.h"
#include "rt/page.h"

typedef struct Node Node;
struct Node {
    cell(Node *) next;
    uint64_t number;
};
TYPE_STRUCT(Node, next);
TYPE_CELL(NodeCell, Node *);
enum { TIMES = 20, WORDS = 100 };

static NodeCell *kept; // all memory: blocks, each holds the next one
static __attribute__((noinline)) void take_all(intptr_t words) {
    for (NodeCell *more; (more = make_array_try(NodeCell, words)); kept = more)
        if (kept) cell_set(more[0], (Node *)kept);
}

static chan(int) gate;
static _Atomic int others;
static void other(void *unused) {
    for (;;) {
        chan_recv(gate);
        fetch_add(&others, 1);
    }
}

static bool short_of_memory(void) { return load_relaxed(&page_heap.free) < page_heap.reserve; }

// Of 800 bytes, so that some spans are needed, and one of 40 KB.
static NodeCell *made[TIMES + 1];
static int ran_meanwhile, moved;
static bool was_short;
static __attribute__((noinline)) void allocate_pinned(void) {
    G *g = g_self();
    g->unpreemptible++;
    barrier_local();
    P *p = p_self();
    int before = load_relaxed(&others);
    for (int i = 0; i <= TIMES; i++) {
        made[i] = make_array(NodeCell, i == TIMES ? 5000 : WORDS);
        was_short |= short_of_memory();
        moved += p_self() != p;
    }
    if (gomaxprocs(0) == 1) ran_meanwhile = load_relaxed(&others) - before;
    barrier_local();
    g->unpreemptible--;
}

int main(void) {
    gate = chan_make(int, 0);
    go(other, NULL);
    for (int round = 0; round < 3; round++) {
        take_all(12000);
        take_all(400);
        take_all(WORDS);
        was_short = false;
        uint32_t cycles = gc.cycle;
        chan_send(gate, 1); // it waits there, and so can run from here on
        allocate_pinned();
        check_true("memory was short", was_short);
        check_equal("others that ran on its core", ran_meanwhile, 0);
        check_equal("times it moved", moved, 0);
        for (int i = 0; i <= TIMES; i++) {
            CHECK_QUIETLY(made[i] && cell_get(made[i][0]) == NULL);
            made[i] = NULL;
        }
        kept = NULL;
        check_true("the other ran, and a cycle that nobody waited for", WAIT_UNTIL(load_relaxed(&others) == round + 1 && gc.cycle > cycles, 30));
        gc_collect();
        check_true("memory is there again", !short_of_memory());
    }
    return check_end("t_gc_pinned");
}
