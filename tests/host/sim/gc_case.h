// gc_case.h -- what the collector's cases (tests/sim/gc_*.c) share: heaps of a few objects, one collection, and a verifier that looks at its end.
//
// In verify mode stale words of dead stack are cleared and freed slots are overwritten, so an object that is lost shows: the verifier finds a pointer to
// an unmarked object, or node_check a wrong number.
#pragma once
#include "case.h"
#include "rt/gc.h"

typedef struct Node Node;
typedef Node *NodePtr;
struct Node {
    uint64_t id, check;
    cell(Node *) next, other;
};
TYPE_STRUCT(Node, next, other);
TYPE_POINTER(NodePtr);

// Before the first span is made: what is freed in it is overwritten. (Both are needed: the verifier takes an address that ends in a zero byte for a torn one.)
static inline void gc_watch(void) { gc.verify = gc.poison = true; }

static inline Node *node_new(uint64_t id) {
    gc_watch();
    Node *n = new (Node);
    n->id = id, n->check = ~id;
    return n;
}
static inline void node_check(const Node *n, uint64_t id) {
    CHECK(n != NULL);
    CHECK(n->id == id);
    CHECK(n->check == ~id);
}

// Overwrites what calls have left on the stack above: stale words keep objects.
static __attribute__((noinline, unused)) void wipe(void) {
    volatile uint64_t words[300];
    for (int i = 0; i < 300; i++)
        words[i] = 0;
    __asm__ volatile("" : : "r"(words) : "memory", "rbx", "r12", "r13", "r14", "r15");
}

static WaitGroup gc_wg;
static void gc_once(void *unused) {
    gc_collect();
    waitgroup_done(&gc_wg);
}
// Starts a whole collection in a goroutine of its own; gc_wait waits for its end.
static inline void gc_start(void) {
    waitgroup_add(&gc_wg, 1);
    go(gc_once, NULL);
}
static inline void gc_wait(void) {
    waitgroup_wait(&gc_wg);
}

// Lets others run until marking has begun, or for a while.
static inline void gc_await_marking(void) {
    for (int i = 0; i < 100 && load_acquire(&gc.phase) == GC_OFF; i++)
        gosched();
}

// What is to be lost must not lie in main's own frame either: set it up in a function of its own (SETUP).
#define SETUP static __attribute__((noinline)) void
static inline void gc_begin(unsigned flags) {
    wipe();
    sim_begin(flags);
}
