// gc_flush.c -- an object is taken out of the heap after its core has looked at its barriers for the last time, and what led to it was itself only noted by another
// core's barrier: nobody has seen either when the world stops for the end of marking, and both must be found there.
//
// The cores look at their barriers one by one while the program runs (flush_all, rt/gc.c). The one that is asked first takes the object out after that; the
// other, which has taken its holder, is not asked before.
#include "gc_pair.h"

static Node *handed; // a variable of the program is read in the first stop, not later
static _Atomic int taken;

// On its core until the other has taken the object, or for a while: asked to look at its barriers, but not fit for it.
RUNTIME_TEXT static void keep_core(void) {
    for (unsigned turns = 0; turns < 200 && !load_acquire(&taken); turns++)
        plat_spin(turns);
}

static void first(void *unused) {
    gc_await_marking();
    handed = cell_get(holder->next);
    cell_set(holder->next, NULL);
    keep_core();
    chan_send(done, 1);
}

static bool asked_and_done(void) {
    P *p = p_self();
    return hint_load(&p->gc.seen) == load_acquire(&gc.epoch) && p->heap.black_cycle == gc.cycle;
}

static void second(void *unused) {
    gc_await_marking();
    uint32_t epoch = load_acquire(&gc.epoch);
    for (int i = 0; i < 300 && (load_acquire(&gc.epoch) == epoch || !asked_and_done()); i++)
        sim_point();
    Node *n = handed ? cell_get(handed->next) : NULL;
    if (n) cell_set(handed->next, NULL);
    store_release(&taken, 1);
    gc_wait();
    if (n) node_check(n, 8);
    chan_send(done, 1);
}

int main(void) {
    done = chan_make(int, 0);
    pair_set_up();
    gc_begin(0);
    gc_start();
    go(first, NULL);
    go(second, NULL);
    chan_recv(done);
    chan_recv(done);
    return 0;
}
