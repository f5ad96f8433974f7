// gc_timer.c -- while a collection runs, a timer fires whose argument is the only pointer to an object, another is stopped, and a new one is armed.
#include "gc_case.h"

static chan(int) done;
static Node *kept;

static void fire(void *arg) {
    Node *n = arg;
    kept = n; // a plain variable: no barrier
    gosched();
    node_check(n, 7);
    node_check(cell_get(n->next), 8);
    chan_send(done, 1);
}

static __attribute__((noinline)) void arm(int64_t ns) {
    Node *n = node_new(7);
    cell_set(n->next, node_new(8));
    timer_func(ns, fire, n);
}

int main(void) {
    done = chan_make(int, 0);
    arm(50000);
    gc_begin(SIM_TIME);
    gc_start();
    arm(30000);
    wipe();
    chan_recv(done);
    chan_recv(done);
    gc_wait();
    node_check(kept, 7);
    node_check(cell_get(kept->next), 8);
    return 0;
}
