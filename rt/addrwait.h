// addrwait.h -- goroutines that wait on an address: what semaphores and condition variables are made of.
#pragma once
#include "core.h"

// One waiting goroutine, on its own stack. Guarded by its queue's lock until it is taken out.
typedef struct AddrWaiter {
    uintptr_t key;               // scrambled address
    struct AddrWaiter *child[2]; // only in the first of those that wait on one address, like last
    struct AddrWaiter *next, *last;
    G *g;
    uint32_t ticket; // cond.c: order of arrival
} AddrWaiter;

typedef struct AddrQueue {
    Lock lock;
    _Atomic uint32_t waiters; // changed under the lock; read without it by sema_release
    AddrWaiter *root;
} __attribute__((aligned(64))) AddrQueue;

// The queue that addr belongs to, together with others.
AddrQueue *addr_queue(const void *addr);

// All of these with q->lock held, q == addr_queue(addr). They do not touch q->waiters.
void addr_push(AddrQueue *q, const void *addr, AddrWaiter *w, bool front);
AddrWaiter *addr_first(AddrQueue *q, const void *addr);                       // stays; NULL: nobody
AddrWaiter *addr_pop(AddrQueue *q, const void *addr);                         // NULL: nobody
AddrWaiter *addr_pop_all(AddrQueue *q, const void *addr);                     // linked by next
AddrWaiter *addr_pop_ticket(AddrQueue *q, const void *addr, uint32_t ticket); // NULL: nobody has it
