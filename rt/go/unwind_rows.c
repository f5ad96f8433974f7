// unwind_rows.c -- what unwind.c found out about an address of code, kept: a panic that is recovered walks the same few frames each time.
//
// A table of rows by address. An address has a home, and may be in one of the WAYS places from there on. Rows are only ever added, and what a row says never
// changes, because code does not: so a reader that finds its address in a place may use the row there for ever, without a copy. An address whose places
// are all taken is looked up anew each time.
//
// Atomic: key. 0: empty; FILLING: somebody writes the row, and owns it by having put this here; else the address, stored with release after the
// row, loaded with acquire before it. Any context: who interrupts a writer sees FILLING and does without. Two cores that add one address at the same
// time may put it into two places; both say the same.
#include "unwind.h"

#define PLACES  1024u
#define WAYS    4u
#define FILLING ((uintptr_t)1)

typedef struct Place {
    _Atomic uintptr_t key;
    UnwindRow row;
} Place;
_Static_assert(sizeof(Place) == 64, "a cache line");

static Place places[PLACES + WAYS - 1] __attribute__((aligned(64)));

static inline Place *home_of(uintptr_t pc) { return &places[(pc * 0x9e3779b97f4a7c15ull) >> 54]; }
_Static_assert(PLACES == 1u << (64 - 54), "home_of");

const UnwindRow *unwind_row(uintptr_t pc) {
    Place *p = home_of(pc);
    if (likely(load_acquire(&p->key) == pc)) return &p->row;
    for (unsigned i = 1; i < WAYS; i++)
        if (load_acquire(&p[i].key) == pc) return &p[i].row;
    return NULL;
}

void unwind_row_keep(uintptr_t pc, const UnwindRow *row) {
    Place *p = home_of(pc);
    for (unsigned i = 0; i < WAYS; i++) {
        uintptr_t empty = 0;
        if (!atomic_compare_exchange_strong_explicit(&p[i].key, &empty, FILLING, memory_order_acq_rel, memory_order_relaxed)) continue;
        p[i].row = *row;
        store_release(&p[i].key, pc);
        return;
    }
}
