// t_misuse.c KIND -- misuse of channels and locks, or waiting for ever: each ends the program as Go would
// (tests/test_misuse.py).
//
// status: 2
#include "check.h"

static void block(void *c) {
    chan_recv((chan(int))c);
}

int main(int argc, char **argv) {
    static Mutex m;
    static RWMutex rw;
    static WaitGroup wg;
    chan(int) c = chan_make(int, 0), none = NULL;
    const char *kind = argc > 1 ? argv[1] : "unlock";
    if (strcmp(kind, "unlock") == 0) mutex_unlock(&m);
    if (strcmp(kind, "runlock") == 0) rwmutex_runlock(&rw);
    if (strcmp(kind, "rwunlock") == 0) rwmutex_unlock(&rw);
    if (strcmp(kind, "close") == 0) chan_close(none);
    if (strcmp(kind, "close2") == 0) {
        chan_close(c);
        chan_close(c);
    }
    if (strcmp(kind, "negative") == 0) waitgroup_add(&wg, -1);
    if (strcmp(kind, "send") == 0) {
        chan_close(c);
        chan_send(c, 1);
    }
    go(block, c);
    gosched();
    if (strcmp(kind, "nilsend") == 0) chan_send(none, 1);
    if (strcmp(kind, "nilrecv") == 0) chan_recv(none);
    if (strcmp(kind, "recv") == 0) chan_recv(c);
    if (strcmp(kind, "select") == 0) chan_select(case_send(none, 1), case_recv(none, NULL));
    if (strcmp(kind, "select2") == 0) chan_select(case_send(none, 1), case_recv(c, NULL));
    if (strcmp(kind, "wait") == 0) {
        waitgroup_add(&wg, 1);
        waitgroup_wait(&wg);
    }
    mutex_lock(&m);
    if (strcmp(kind, "lock") == 0) mutex_lock(&m);
    return 0;
}
