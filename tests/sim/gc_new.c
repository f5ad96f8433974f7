// gc_new.c -- objects that are made while a collection runs survive it, wherever they are put; those of before, too, when only new objects
// hold them.
#include "gc_case.h"

static Node *holder;
static chan(int) done;

static void maker(void *unused) {
    gc_await_marking();
    Node *old = cell_get(holder->next), *a = node_new(20);
    cell_set(a->next, old);
    cell_set(holder->other, a);
    cell_set(holder->next, NULL);
    old = a = NULL;
    for (uint64_t i = 0; i < 3; i++) {
        Node *n = node_new(30 + i);
        cell_set(n->next, cell_get(holder->other));
        cell_set(holder->other, n);
        sim_point();
    }
    gc_wait();
    Node *n = cell_get(holder->other);
    for (uint64_t i = 3; i-- > 0; n = cell_get(n->next))
        node_check(n, 30 + i);
    node_check(n, 20);
    node_check(cell_get(n->next), 7);
    chan_send(done, 1);
}

SETUP set_up(void) {
    holder = node_new(1);
    cell_set(holder->next, node_new(7));
}

int main(void) {
    done = chan_make(int, 0);
    set_up();
    gc_begin(0);
    gc_start();
    go(maker, NULL);
    chan_recv(done);
    gc_collect(); // the slots that are free now serve new objects
    node_check(cell_get(holder->other), 32);
    return 0;
}
