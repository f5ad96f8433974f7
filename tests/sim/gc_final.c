// gc_final.c -- a finalizer is queued by one collection and runs while the next one goes on: until it has ended its object, what that reaches, and its argument
// are alive, whether it waits in the queue, is just being taken from it, or runs. The same for the argument of one that is removed meanwhile, and for what an object
// reaches whose finalizer stays.
#include "gc_case.h"
#include "rt/api/final.h"

static chan(int) done;
static Node *stays; // a plain variable: part of the snapshot

static void finalizer(void *obj, void *arg) {
    Node *n = obj, *a = arg;
    sim_point();
    gosched();
    node_check(n, 7);
    node_check(cell_get(n->next), 8);
    node_check(a, 9);
    node_check(cell_get(a->next), 10);
    chan_send(done, 1);
}

// Runs first, so that the other one is taken from the queue while the next collection marks.
static void delay(void *obj) {
    gc_await_marking();
}

static Node *pair(uint64_t id) {
    Node *n = node_new(id);
    cell_set(n->next, node_new(id + 1));
    return n;
}

SETUP set_up(void) {
    set_finalizer(node_new(27), delay);
    set_finalizer_arg(pair(7), finalizer, pair(9));
    stays = pair(17);
    set_finalizer_arg(stays, finalizer, pair(19));
}

static void remover(void *unused) {
    gc_await_marking();
    set_finalizer(stays, NULL); // its argument leaves the roots, and nobody has it
    sim_point();
    node_check(cell_get(stays->next), 18);
    chan_send(done, 1);
}

int main(void) {
    done = chan_make(int, 0);
    set_up();
    gc_begin(0);
    gc_start();
    go(remover, NULL);
    gc_wait();
    gc_start(); // what the first one has queued is under way
    chan_recv(done);
    chan_recv(done);
    gc_wait();
    node_check(stays, 17);
    return 0;
}
