// gc_window.c -- one goroutine overwrites a cell all the time while a collection begins, another takes what is in the cell and keeps it: whether a store needs the
// barrier is decided by the phase in which it is made, not by that in which it began.
#include "gc_case.h"

static Node *holder;
static chan(int) done;

static Node *pair(void) {
    Node *n = node_new(7);
    cell_set(n->next, node_new(8));
    return n;
}

static void writer(void *unused) {
    Node *first = pair(), *second = pair();
    for (int i = 0; i < 60 && load_acquire(&gc.phase) == GC_OFF; i++) {
        cell_set(holder->next, pair());
        cell_set(holder->next, i % 2 ? first : second);
    }
    cell_set(holder->next, NULL);
    chan_send(done, 1);
}

static void taker(void *unused) {
    gc_await_marking();
    Node *n = cell_get(holder->next);
    sim_point();
    gosched();
    if (n) {
        node_check(n, 7);
        gc_wait();
        node_check(n, 7);
        node_check(cell_get(n->next), 8);
    }
    chan_send(done, 1);
}

SETUP set_up(void) {
    holder = node_new(1);
    cell_set(holder->next, pair());
}

int main(void) {
    done = chan_make(int, 0);
    set_up();
    gc_begin(0);
    gc_start();
    go(writer, NULL);
    go(taker, NULL);
    chan_recv(done);
    chan_recv(done);
    gc_wait();
    return 0;
}
