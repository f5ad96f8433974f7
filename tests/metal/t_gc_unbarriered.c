// t_gc_unbarriered.c -- a program that breaks the rule: it overwrites cells with memcpy, so that nobody shades what they held. The
// verifier must notice and say who holds what was lost.
//
// A pointer is read into a local after this goroutine's stack was scanned; the memcpy takes it from the heap before marking comes there: nothing is
// left to mark it by. This takes some tries, during each of which the collector is busy with a long list.
//
// args: GODEBUG=gcverify=1
// smp: 2
// status: 2
// contains: the collector lost an object (gcverify)
// timeout: 120
#include "gc.h"

typedef struct Node Node;
struct Node {
    cell(Node *) next, value;
    uint64_t room[4];
};
TYPE_STRUCT(Node, next, value);

static void collector(void *unused) {
    for (;;) {
        gc_collect();
        gosched();
    }
}

static Node *list; // marked from the newest to the oldest

// `last`, the oldest of the list, comes disguised: nothing on this stack is to lead there.
static __attribute__((noinline)) void hang_on(uintptr_t last) {
    Node *n = revealed(last);
    cell_set(n->value, new (Node));
}
static __attribute__((noinline)) Node *take(uintptr_t last) {
    Node *n = revealed(last), *held = cell_get(n->value);
    memset((char *)n + offsetof(Node, value), 0, 8);
    return held;
}

int main(int argc, char **argv) {
    list = new (Node);
    uintptr_t last = disguised(list);
    for (int i = 0; i < 100000; i++) {
        Node *n = new (Node);
        cell_set(n->next, list);
        list = n;
    }
    go(collector, NULL);
    for (int i = 0; i < 10000; i++) {
        while (load_acquire(&gc.phase) == GC_MARK)
            gosched();
        hang_on(last);
        wipe();
        while (load_acquire(&gc.phase) == GC_OFF)
            gosched();
        Node *held = take(last); // this stack has been scanned, or it would not run
        while (load_acquire(&gc.phase) == GC_MARK)
            gosched();
        held->room[0] = 1;
    }
    say("FAIL the verifier has not noticed\n");
    return 1;
}
