// gc_scan.c -- a goroutine that was parked when the collection began has the only pointer to an object on its stack. It is woken, puts it into the heap
// and forgets it: its stack must have been scanned before it ran, or nobody finds the object, which may hang from what is marked already.
#include "gc_case.h"

static Node *holder;
static chan(int) wake, done;

static __attribute__((noinline)) void hold(void) {
    Node *n = node_new(7);
    cell_set(n->next, node_new(8));
    chan_recv(wake);
    cell_set(holder->next, n);
}
static void sleeper(void *unused) {
    hold();
    wipe();
    chan_send(done, 1);
}

int main(void) {
    done = chan_make(int, 0);
    wake = chan_make(int, 0);
    holder = node_new(1);
    go(sleeper, NULL);
    gosched();
    gc_begin(0);
    gc_start();
    gc_await_marking();
    chan_send(wake, 1);
    chan_recv(done);
    gc_wait();
    Node *n = cell_get(holder->next);
    node_check(n, 7);
    node_check(cell_get(n->next), 8);
    return 0;
}
