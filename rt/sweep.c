// sweep.c -- sweeping: what was not marked becomes free.
//
// Sweeping a span is turning its marks into alloc bits. Nothing is touched in its slots (but in poison mode), so garbage costs by
// the span, not by the object. Empty spans go back to the page allocator.
//
// Who sweeps: a P that needs a span of the class (central.c), a background or idle P by heap_sweep_step, and every P that takes memory, in
// proportion to what it takes (sweep_pay): so all is swept before the next cycle is due, as in Go.
//
// Locks: none here; a span is swept by whoever took it out of its list.
#include "alloc.h"

void span_fill_poison(Span *s, uint32_t slot) {
    uint64_t *w = (uint64_t *)(s->base + slot * s->slot_bytes);
    for (size_t i = 0; i < s->slot_bytes / 8; i++)
        w[i] = POISON;
}

static void poison_freed(Span *s) {
    for (uint32_t i = 0; i < s->slots; i++)
        if (span_is_object(s, i) && !span_bit(s->mark, i)) span_fill_poison(s, i);
}

uint32_t span_sweep(Span *s) {
    RT_ASSERT(s->sweep_gen + 2 == heap.sweep_gen);
    if (hint_load(&s->specials)) special_sweep(s); // one that is hung up just now belongs to a marked object
    if (s->poisoned) poison_freed(s);
    uint32_t before = span_objects(s), live = 0;
    for (uint32_t w = 0; w < span_words(s); w++) {
        uint64_t mark = load_relaxed(&s->mark[w]);
        live += bits_count(mark);
        store_relaxed(&s->alloc[w], mark); // a live object's bit stays set: whoever looks for one meanwhile (heap_find) sees it in any order
        store_relaxed(&s->mark[w], 0);
    }
    s->last_type = NULL;
    store_release(&s->at, s->base); // after the alloc bits: pairs with span_is_object
    s->sweep_gen = heap.sweep_gen;
    RT_ASSERT(live <= before);
    if (before > live) central_freed(s, before - live);
    fetch_add(&heap.pages_unswept, -(uint64_t)s->pages); // last: pairs with heap_sweep_done
    return s->slots - live;
}

bool heap_sweep_step(size_t pages) {
    for (size_t done = 0; done < pages;) {
        Span *s = central_take_unswept();
        if (!s) return false;
        done += s->pages;
        central_put(s, span_sweep(s));
    }
    return true;
}

bool heap_sweep_done(void) {
    return load_acquire(&heap.pages_unswept) == 0; // pairs with span_sweep
}

bool sweep_pay(size_t bytes, size_t pages) {
    uint64_t rate = load_relaxed(&heap.sweep_pages_per_mb);
    if (likely(rate == 0)) return true;
    uint64_t live = load_relaxed(&heap.live_bytes), basis = load_relaxed(&heap.sweep_basis_live), pages_to_sweep = load_relaxed(&heap.pages_to_sweep);
    uint64_t grown = bytes + (live > basis ? live - basis : 0);
    uint64_t due = (grown >> 20) * rate + ((grown & ((1u << 20) - 1)) * rate >> 20);
    for (size_t left = pages; pages_to_sweep - load_relaxed(&heap.pages_unswept) < due; left--) {
        if (left == 0) return false;
        if (heap_sweep_step(1)) continue;
        store_relaxed(&heap.sweep_pages_per_mb, 0); // others may still be at their last spans
        break;
    }
    return true;
}
