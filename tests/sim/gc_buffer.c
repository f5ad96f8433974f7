// gc_buffer.c -- while a collection runs, objects that only a channel's buffer held are received: the place in the buffer shades what
// leaves it. The buffer is full and somebody waits to send more, so that places are filled again at once.
#include "gc_case.h"

static chan(NodePtr) c;
static chan(int) done;

static void receiver(void *unused) {
    gc_await_marking();
    Node *n[4];
    for (int i = 0; i < 4; i++)
        n[i] = chan_recv(c);
    gc_wait();
    for (int i = 0; i < 4; i++) {
        node_check(n[i], (uint64_t)(10 + i));
        node_check(cell_get(n[i]->next), (uint64_t)(20 + i));
    }
    chan_send(done, 1);
}

static Node *pair(int i) {
    Node *n = node_new((uint64_t)(10 + i));
    cell_set(n->next, node_new((uint64_t)(20 + i)));
    return n;
}
static void sender(void *unused) {
    for (int i = 0; i < 4; i++)
        chan_send(c, pair(i));
}

int main(void) {
    done = chan_make(int, 0);
    c = chan_make(NodePtr, 2);
    go(sender, NULL);
    gosched(); // it has filled the buffer and waits with the third
    gc_begin(0);
    gc_start();
    go(receiver, NULL);
    chan_recv(done);
    return 0;
}
