// addrwait.c -- goroutines that wait on an address.
//
// The waiting objects (a Mutex, a WaitGroup) should be a few bytes that need no setting up, and most of them
// never have a waiter. So waiters are found by the object's address, in a table of queues shared by all
// objects. Within a queue a tree holds one node for each address, the first of those who wait on it; the
// others hang from that in order of arrival. With a list instead of a tree a hundred thousand goroutines,
// each waiting for its own object, would make every operation walk a thousand of them.
//
// The tree is a digital search tree: the key is the address scrambled by a multiplication that loses nothing,
// its top bits choose the table's queue, each further bit left or right. It needs no rebalancing:
// random-looking keys give log n steps, and no keys more than 64. To remove a node, any leaf below it takes
// its place (a leaf's key agrees with all bits on the way to it).
//
// Locks: one per queue (RANK_SEMA).
#include "addrwait.h"

#define QUEUE_BITS 7u
#define QUEUES     (1u << QUEUE_BITS)

static AddrQueue table[QUEUES] = {[0 ... QUEUES - 1] = {.lock = LOCK_INIT(RANK_SEMA)}};

static inline uintptr_t scramble(const void *addr) {
    return (uintptr_t)addr * 0x9e3779b97f4a7c15u;
} // odd: one to one

AddrQueue *addr_queue(const void *addr) {
    return &table[scramble(addr) >> (64 - QUEUE_BITS)];
}

// Where the node for key is linked, or would be.
static AddrWaiter **find(AddrQueue *q, uintptr_t key) {
    AddrWaiter **at = &q->root;
    for (uintptr_t bits = key << QUEUE_BITS; *at && (*at)->key != key; bits <<= 1)
        at = &(*at)->child[bits >> 63];
    return at;
}

// Puts w into the tree instead of the node at *at.
static inline void replace(AddrWaiter **at, AddrWaiter *w) {
    w->child[0] = (*at)->child[0];
    w->child[1] = (*at)->child[1];
    *at = w;
}

static void remove_node(AddrWaiter **at) {
    AddrWaiter **leaf = at;
    while ((*leaf)->child[0] || (*leaf)->child[1])
        leaf = &(*leaf)->child[(*leaf)->child[0] == NULL];
    AddrWaiter *w = *leaf;
    *leaf = NULL; // first: the leaf may be a child of the node that goes
    if (leaf != at) replace(at, w);
}

void addr_push(AddrQueue *q, const void *addr, AddrWaiter *w, bool front) {
    w->key = scramble(addr);
    AddrWaiter **at = find(q, w->key), *first = *at;
    if (!first) {
        w->child[0] = w->child[1] = w->next = NULL;
        w->last = w;
        *at = w;
    } else if (front) {
        w->next = first;
        w->last = first->last;
        replace(at, w);
    } else {
        w->next = NULL;
        first->last->next = w;
        first->last = w;
    }
}

static AddrWaiter *pop_at(AddrWaiter **at) {
    AddrWaiter *w = *at, *next = w->next;
    if (next) {
        next->last = w->last;
        replace(at, next);
    } else {
        remove_node(at);
    }
    return w;
}

AddrWaiter *addr_first(AddrQueue *q, const void *addr) {
    return *find(q, scramble(addr));
}

AddrWaiter *addr_pop(AddrQueue *q, const void *addr) {
    AddrWaiter **at = find(q, scramble(addr));
    return *at ? pop_at(at) : NULL;
}

AddrWaiter *addr_pop_all(AddrQueue *q, const void *addr) {
    AddrWaiter **at = find(q, scramble(addr)), *w = *at;
    if (w) remove_node(at);
    return w;
}

AddrWaiter *addr_pop_ticket(AddrQueue *q, const void *addr, uint32_t ticket) {
    AddrWaiter **at = find(q, scramble(addr)), *first = *at;
    if (!first) return NULL;
    if (first->ticket == ticket) return pop_at(at);
    for (AddrWaiter *before = first, *w; (w = before->next); before = w) {
        if (w->ticket != ticket) continue;
        before->next = w->next;
        if (first->last == w) first->last = before;
        return w;
    }
    return NULL;
}
