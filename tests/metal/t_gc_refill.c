// t_gc_refill.c -- a list that fills more than half of the memory is dropped and made again, many times: nothing of the runtime's, no stale word in one of its frames, keeps
// the dropped one alive while the allocation that finds no memory waits for the collection.
// mem: 32M
// smp: 1 2
// timeout: 120
// hosted: no (it fills the machine's memory)
// expect: ok
#include "metal.h"

typedef struct Node Node;
struct Node {
    cell(Node *) next;
    long v[7];
};
TYPE_STRUCT(Node, next);

static __attribute__((noinline)) void fill(long most) {
    Node *list = NULL;
    for (long n = 0; n < most; n++) {
        Node *x = new (Node);
        cell_set(x->next, list);
        list = x;
    }
}

int main(int argc, char **argv) {
    long most = (long)(memory_stats().free / sizeof(Node)) * 60 / 100;
    for (int round = 0; round < 12; round++)
        fill(most);
    println("ok");
    return 0;
}
