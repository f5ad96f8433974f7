// barrier.c -- the write barrier's slow half: remembering what is overwritten while marking.
//
// Why the old value alone is enough, and why the order of test, shading and store does not matter: head of gc.h. Here a value is only
// noted, in a buffer of this core's; whether it leads to an object is found out 256 of them later, on the system stack
// (gc_barrier_flush, mark.c), or when the core next marks or is stopped for the end of marking. So a barrier costs the program a test, and while
// marking an append.
//
// Context: rt text, so the core stays the same and nothing of this core interferes; a goroutine's stack or the system stack. Locks held
// must have a rank below RANK_GCWORK: marking takes that and those above. Nobody parks here, nothing is allocated but the marker's own records.
#include "core.h"

static void flush_shaded(void *p) { gc_barrier_flush(p); }
static __attribute__((noinline)) void flush(P *p) { sys_call(flush_shaded, p); }

void gc_shade_slow(uintptr_t old) {
    P *p = p_self();
    if (old < PAGE_SIZE) return; // most cells hold NULL at first
    p->gc.shaded[p->gc.n_shaded++] = old;
    if (unlikely(p->gc.n_shaded == GC_BUFFER_WORDS)) flush(p);
}

uint64_t gc_barrier_noted(void) {
    uint64_t n = 0;
    for (int i = 0; i < sched.ncpu; i++) {
        GcLocal *l = &rt_ps[i]->gc;
        n += l->noted + l->n_shaded;
        l->noted = 0;
    }
    return n;
}

void gc_shade_words_slow(const void *from, uint64_t bytes) {
    for (const uintptr_t *w = from, *hi = w + bytes / 8; w < hi; w++)
        gc_shade_slow(hint_load(w)); // others may be storing there
}
