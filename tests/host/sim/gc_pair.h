// gc_pair.h -- what the cases share in which a goroutine takes two objects, one behind the other, out of the heap while it is marked, and keeps them.
#pragma once
#include "gc_case.h"

static Node *holder; // its first cell leads to the pair
static chan(int) done;

static Node *pair_new(void) {
    Node *n = node_new(7);
    cell_set(n->next, node_new(8));
    return n;
}

// Keeps n until the collection is over: then it must be there.
static inline void pair_keep(const Node *n) {
    sim_point();
    gosched();
    node_check(n, 7);
    gc_wait();
    node_check(n, 7);
    node_check(cell_get(n->next), 8);
}

SETUP pair_set_up(void) {
    holder = node_new(1);
    cell_set(holder->next, pair_new());
}
