// gc_handoff.c -- while a collection runs, an object is handed to a goroutine that is parked, and whose stack perhaps has not been scanned:
// neither loses it.
#include "gc_case.h"

static Node *holder;
static chan(NodePtr) there;
static chan(int) done;

static void receiver(void *unused) {
    Node *first = chan_recv(there), *second = chan_recv(there);
    gc_wait();
    node_check(first, 7);
    node_check(cell_get(first->next), 8);
    node_check(second, 9);
    chan_send(done, 1);
}
static void sender(void *unused) {
    gc_await_marking();
    Node *n = cell_get(holder->next);
    cell_set(holder->next, NULL);
    chan_send(there, n);
    n = cell_get(holder->other);
    cell_set(holder->other, NULL);
    chan_send(there, n);
}

SETUP set_up(void) {
    holder = node_new(1);
    cell_set(holder->next, node_new(7));
    cell_set(cell_get(holder->next)->next, node_new(8));
    cell_set(holder->other, node_new(9));
}

int main(void) {
    done = chan_make(int, 0);
    there = chan_make(NodePtr, 0);
    set_up();
    go(receiver, NULL);
    gosched();
    gc_begin(0);
    gc_start();
    go(sender, NULL);
    chan_recv(done);
    return 0;
}
