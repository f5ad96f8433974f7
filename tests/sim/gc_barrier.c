// gc_barrier.c -- while a collection runs, a goroutine takes the only pointer to an object out of the heap and keeps it: the cell that
// loses it shades it, or nobody would.
#include "gc_pair.h"

static void taker(void *unused) {
    gc_await_marking();
    Node *n = cell_get(holder->next);
    cell_set(holder->next, NULL);
    CHECK(!cell_get(holder->next));
    pair_keep(n);
    chan_send(done, 1);
}

int main(void) {
    done = chan_make(int, 0);
    pair_set_up();
    gc_begin(0);
    gc_start();
    go(taker, NULL);
    chan_recv(done);
    return 0;
}
