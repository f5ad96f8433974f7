// gc_select.c -- while a collection runs, a goroutine that waits in a select receives an object which it alone then has, and one that waits to send
// in a select gives one away.
#include "gc_case.h"

static Node *holder;
static chan(NodePtr) there, back;
static chan(int) never, done;

static void first(void *unused) {
    Node *got = NULL, *mine = node_new(9);
    int nothing;
    CHECK(chan_select(case_recv(never, &nothing), case_recv(there, &got)) == 1);
    CHECK(chan_select(case_recv(never, &nothing), case_send(back, mine)) == 1);
    mine = NULL;
    gc_wait();
    node_check(got, 7);
    node_check(cell_get(got->next), 8);
    chan_send(done, 1);
}
static void second(void *unused) {
    gc_await_marking();
    Node *n = cell_get(holder->next);
    cell_set(holder->next, NULL);
    chan_send(there, n);
    n = chan_recv(back);
    gc_wait();
    node_check(n, 9);
    chan_send(done, 1);
}

SETUP set_up(void) {
    holder = node_new(1);
    cell_set(holder->next, node_new(7));
    cell_set(cell_get(holder->next)->next, node_new(8));
}

int main(void) {
    done = chan_make(int, 0);
    never = chan_make(int, 0);
    there = chan_make(NodePtr, 0);
    back = chan_make(NodePtr, 0);
    set_up();
    go(first, NULL);
    gosched();
    gc_begin(0);
    gc_start();
    go(second, NULL);
    chan_recv(done);
    chan_recv(done);
    return 0;
}
