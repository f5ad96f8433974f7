// gc_nobody.c -- barriers note objects when marking seems to be over, so that the coordinator, who has all cores look at theirs, finds that it goes on. Somebody is woken for the
// work and may have done it before the coordinator says so: it must hear of the end all the same. Nobody else would come: three goroutines yield until the collection is over,
// allocate nothing, and keep three of four cores from idle work; the fourth, which marks all the time, sleeps when there is nothing.
#include "gc_case.h"
#include "rt/gcrun.h"

enum { SPINNERS = 3, EACH = 3 };
static uintptr_t hidden[SPINNERS][EACH]; // complements of addresses: garbage, which a barrier may note like any word
static _Atomic int over;
static chan(int) done;

RUNTIME_TEXT static void shade(uintptr_t old) {
    if (load_acquire(&gc.phase) == GC_MARK) gc_shade((void *)old);
}

static void spinner(void *arg) {
    uintptr_t *mine = arg;
    goroutine_pin((int)((uintptr_t(*)[EACH])arg - hidden));
    for (int next = 0; !load_acquire(&over); gosched())
        if (next < EACH && load_acquire(&gc_cycle.seems_done)) shade(~mine[next++]);
    chan_send(done, 1);
}

SETUP set_up(void) {
    for (int i = 0; i < SPINNERS * EACH; i++)
        hidden[i / EACH][i % EACH] = ~(uintptr_t)node_new(1);
}

int main(void) {
    done = chan_make(int, 0);
    set_up();
    gc_begin(0);
    for (int i = 0; i < SPINNERS; i++)
        go(spinner, hidden[i]);
    gc_start();
    gc_wait();
    store_release(&over, 1);
    for (int i = 0; i < SPINNERS; i++)
        chan_recv(done);
    return 0;
}
