// gc_barrier.c -- while a collection runs, a goroutine takes the only pointer to an object out of the heap and keeps it: the cell that
// loses it shades it, or nobody would.
#include "gc_case.h"

static Node *holder;
static chan(int) done;

static void taker(void *unused) {
    gc_await_marking();
    Node *n = cell_get(holder->next);
    cell_set(holder->next, NULL);
    CHECK(!cell_get(holder->next));
    sim_point();
    gosched();
    node_check(n, 7);
    gc_wait();
    node_check(n, 7);
    node_check(cell_get(n->next), 8);
    chan_send(done, 1);
}

SETUP set_up(void) {
    holder = node_new(1);
    cell_set(holder->next, node_new(7));
    cell_set(cell_get(holder->next)->next, node_new(8));
}

int main(void) {
    done = chan_make(int, 0);
    set_up();
    gc_begin(0);
    gc_start();
    go(taker, NULL);
    chan_recv(done);
    return 0;
}
