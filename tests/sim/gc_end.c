// gc_end.c -- two goroutines rewire a ring while it is marked: what they shade last is still looked at before marking ends, and two collections
// follow each other while they work.
#include "gc_case.h"

enum { N = 4 };
static Node *ring;
static chan(int) done;

// Takes the second object of the ring out, and puts it in behind the one that then comes.
static void turner(void *arg) {
    gc_await_marking();
    Node *start = arg;
    for (int i = 0; i < 2; i++) {
        Node *out = cell_get(start->next), *then = cell_get(out->next);
        cell_set(start->next, then);
        cell_set(out->next, NULL);
        sim_point();
        cell_set(out->next, cell_get(then->next));
        cell_set(then->next, out);
    }
    chan_send(done, 1);
}
static void length(Node *start, uint64_t first) {
    Node *n = start;
    bool seen[N] = {0};
    for (int i = 0; i < N; i++, n = cell_get(n->next)) {
        CHECK(n != NULL && n->check == ~n->id);
        CHECK(n->id >= first && n->id < first + N && !seen[n->id - first]);
        seen[n->id - first] = true;
    }
    CHECK(n == start);
}
static Node *ring_new(uint64_t first) {
    Node *start = node_new(first), *last = start;
    for (uint64_t i = 1; i < N; i++) {
        Node *n = node_new(first + i);
        cell_set(last->next, n);
        last = n;
    }
    cell_set(last->next, start);
    return start;
}

int main(void) {
    done = chan_make(int, 0);
    ring = ring_new(10);
    Node *other = ring_new(20);
    gc_begin(0);
    gc_start();
    go(turner, ring);
    go(turner, other);
    gc_collect();
    chan_recv(done);
    chan_recv(done);
    gc_wait();
    length(ring, 10);
    length(other, 20);
    return 0;
}
