// t_gc_deadlock.c -- the program comes to a standstill while the collector marks: that is noticed when the cycle is over, not before, and the collector's own
// goroutines count for nothing. (With an argument the program ends by itself in the middle of marking.)
//
// smp: 1 3
// status: 2
// contains: fatal error: all goroutines are asleep - deadlock!
// contains: gc 1 @
// args: GODEBUG=gctrace=1
#include "metal.h"
#include "rt/gc.h"

typedef struct Node Node;
struct Node {
    cell(Node *) next;
};
TYPE_STRUCT(Node, next);

static void collect_and_wait(void *forever) {
    gc_collect();
    chan_recv((chan(int))forever);
}

int main(int argc, char **argv) {
    Node *list = NULL;
    gc_set_percent(-1);
    for (int i = 0; i < 50000; i++) {
        Node *n = new (Node);
        cell_set(n->next, list);
        list = n;
    }
    chan(int) forever = chan_make(int, 0);
    go(collect_and_wait, forever);
    while (load_relaxed(&gc.phase) != GC_MARK)
        gosched();
    if (argc > 1) return 7;
    chan_recv(forever);
    say("%p\n", (void *)list);
    return 0;
}
