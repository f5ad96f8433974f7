// units: rt/addrwait.c
// test_addrwait.c -- waiters by address against a plain model: order, tickets, and trees of many addresses.
#include "test.h"
#include "addrwait.h"

enum { ADDRESSES = 400, WAITERS = 3000, STEPS = 200000 };
static char memory[ADDRESSES * 16];
static AddrWaiter waiter[WAITERS];

// The model: for each address its waiters in order.
static AddrWaiter *line[ADDRESSES][WAITERS];
static int length[ADDRESSES];
static AddrWaiter *idle[WAITERS];
static int n_idle;
static uint32_t next_ticket;

static void drop(int a, int at) {
    idle[n_idle++] = line[a][at];
    memmove(&line[a][at], &line[a][at + 1], (size_t)(--length[a] - at) * sizeof line[a][0]);
}

static void push(int a) {
    if (n_idle == 0) return;
    AddrWaiter *w = idle[--n_idle];
    bool front = test_rand() % 3 == 0;
    w->ticket = next_ticket++;
    const void *addr = &memory[a * 16];
    addr_push(addr_queue(addr), addr, w, front);
    if (front) {
        memmove(&line[a][1], &line[a][0], (size_t)length[a] * sizeof line[a][0]);
        line[a][0] = w;
    } else {
        line[a][length[a]] = w;
    }
    length[a]++;
}

static void pop(int a) {
    const void *addr = &memory[a * 16];
    AddrQueue *q = addr_queue(addr);
    AddrWaiter *want = length[a] ? line[a][0] : NULL;
    CHECK_PTR(addr_first(q, addr), want);
    CHECK_PTR(addr_pop(q, addr), want);
    if (want) drop(a, 0);
}

static void pop_ticket(int a) {
    const void *addr = &memory[a * 16];
    AddrQueue *q = addr_queue(addr);
    CHECK_PTR(addr_pop_ticket(q, addr, next_ticket), NULL); // nobody has it
    if (length[a] == 0) return;
    int at = (int)(test_rand() % (unsigned)length[a]);
    CHECK_PTR(addr_pop_ticket(q, addr, line[a][at]->ticket), line[a][at]);
    drop(a, at);
}

static void pop_all(int a) {
    const void *addr = &memory[a * 16];
    AddrWaiter *w = addr_pop_all(addr_queue(addr), addr);
    while (length[a] > 0) {
        CHECK_PTR(w, line[a][0]);
        if (!w) return;
        w = w->next;
        drop(a, 0);
    }
    CHECK_PTR(w, NULL);
}

// busy: how many in 16 steps add a waiter.
static void test_random_steps(int steps, unsigned busy) {
    for (int i = 0; i < steps; i++) {
        int a = (int)test_below(ADDRESSES);
        if (test_rand() % 16 < busy)
            push(a);
        else if (test_rand() % 4)
            pop(a);
        else if (test_rand() % 16)
            pop_ticket(a);
        else
            pop_all(a);
    }
}

static void test_steps(void) {
    for (int i = 0; i < WAITERS; i++)
        idle[n_idle++] = &waiter[i];
    test_random_steps(STEPS, 12);
    test_random_steps(STEPS, 8);
    test_random_steps(STEPS, 3);
    for (int a = 0; a < ADDRESSES; a++)
        pop_all(a);
    CHECK_EQ(n_idle, WAITERS);
    for (int a = 0; a < ADDRESSES; a++)
        CHECK_PTR(addr_queue(&memory[a * 16])->root, NULL);
}

int main(void) {
    RUN(test_steps);
    return test_done();
}
