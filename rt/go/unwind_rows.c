// unwind_rows.c -- what unwind.c found out about an address of code, kept: a panic that is recovered walks the same few frames each time.
//
// A table of rows by address, one place for each hash. Rows are only ever added, and what a row says never changes, because code does not: so a reader that finds
// its address in a place may use the row there for ever, without a copy. An address whose place is taken is looked up anew each time.
//
// Atomic: key. 0: empty; FILLING: somebody writes the row, and owns it by having put this here; else the address, stored with release after the
// row, loaded with acquire before it. Any context: who interrupts a writer sees FILLING and does without.
#include "unwind.h"

#define PLACES  512u
#define FILLING ((uintptr_t)1)

typedef struct Place {
    _Atomic uintptr_t key;
    UnwindRow row;
} Place;
_Static_assert(sizeof(Place) == 64, "a cache line");

static Place places[PLACES] __attribute__((aligned(64)));

static inline Place *place_of(uintptr_t pc) { return &places[(pc * 0x9e3779b97f4a7c15ull) >> 55]; }

const UnwindRow *unwind_row(uintptr_t pc) {
    Place *p = place_of(pc);
    return load_acquire(&p->key) == pc ? &p->row : NULL;
}

void unwind_row_keep(uintptr_t pc, const UnwindRow *row) {
    Place *p = place_of(pc);
    uintptr_t empty = 0;
    if (!atomic_compare_exchange_strong_explicit(&p->key, &empty, FILLING, memory_order_acq_rel, memory_order_relaxed)) return;
    p->row = *row;
    store_release(&p->key, pc);
}
