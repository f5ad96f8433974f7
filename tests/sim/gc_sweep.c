// gc_sweep.c -- two goroutines allocate while the sweep gives their slots back: no slot is given to two, none that is in use is given
// away, and a second collection finds everything swept.
#include "gc_case.h"

static chan(int) done;

static void maker(void *arg) {
    uint64_t first = (uint64_t)arg;
    Node *kept = NULL;
    for (uint64_t i = 0; i < 4; i++) {
        Node *n = node_new(first + i);
        cell_set(n->next, kept);
        kept = n;
        node_new(99); // garbage
        if (i == 1) gc_collect(); // perhaps a second one, right behind the first
    }
    for (uint64_t i = 4; i-- > 0; kept = cell_get(kept->next))
        node_check(kept, first + i);
    chan_send(done, 1);
}

int main(void) {
    done = chan_make(int, 0);
    for (int i = 0; i < 6; i++)
        node_new(50);
    gc_begin(0);
    gc_start();
    go(maker, (void *)100);
    go(maker, (void *)200);
    chan_recv(done);
    gc_collect();
    chan_recv(done);
    gc_wait();
    return 0;
}
