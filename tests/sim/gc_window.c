// gc_window.c -- one goroutine overwrites a cell all the time while a collection begins, another takes what is in the cell and keeps it: whether a store needs the
// barrier is decided by the phase in which it is made, not by that in which it began.
#include "gc_pair.h"

static void writer(void *unused) {
    Node *first = pair_new(), *second = pair_new();
    for (int i = 0; i < 60 && load_acquire(&gc.phase) == GC_OFF; i++) {
        cell_set(holder->next, pair_new());
        cell_set(holder->next, i % 2 ? first : second);
    }
    cell_set(holder->next, NULL);
    chan_send(done, 1);
}

static void taker(void *unused) {
    gc_await_marking();
    Node *n = cell_get(holder->next);
    if (n) pair_keep(n);
    chan_send(done, 1);
}

int main(void) {
    done = chan_make(int, 0);
    pair_set_up();
    gc_begin(0);
    gc_start();
    go(writer, NULL);
    go(taker, NULL);
    chan_recv(done);
    chan_recv(done);
    gc_wait();
    return 0;
}
