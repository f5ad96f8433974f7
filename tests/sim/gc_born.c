// gc_born.c -- goroutines that have never run have their argument, and nobody else does; some are born before the collection
// begins and run while it marks, one is born while it marks.
#include "gc_case.h"

static chan(int) done;
static Node *holder;

static void child(void *arg) {
    Node *n = arg;
    gosched();
    gc_wait();
    node_check(n, 7);
    node_check(cell_get(n->next), 8);
    chan_send(done, 1);
}
static __attribute__((noinline)) void bear(void) {
    Node *n = node_new(7);
    cell_set(n->next, node_new(8));
    go(child, n);
}
static void mother(void *unused) {
    gc_await_marking();
    Node *n = cell_get(holder->next);
    cell_set(holder->next, NULL);
    go(child, n);
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
    bear();
    wipe();
    go(mother, NULL);
    chan_recv(done);
    chan_recv(done);
    return 0;
}
