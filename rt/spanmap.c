// spanmap.c -- which span does an address lie in?
//
// The marker asks that for every word it sees, so the answer must cost a few instructions and no lock, for any word whatever.
//
// Memory of the page allocator: one flat array spans all zones, an entry for each 2 MB, which points to a table of 512 words, one a
// page. 2 MB without spans share one table of NULLs, so the reader tests only the range. The array costs 4 bytes a MB of addresses from the
// lowest zone to the highest, holes included; it is made with the first span, when all memory is known. (Go's arena index is the same
// with 64 MB arenas.) Memory that is added later, while still only one core runs, makes it anew.
//
// Scattered frames that were mapped together (page_large.c) lie elsewhere. Such spans are few and large: a sorted array, searched
// by halves under a sequence count, so that readers take no lock and write nothing.
//
// Locks: map_lock (RANK_HEAP, none of the other locks of that rank is held with it) guards making tables and the sorted array.
#include "alloc.h"

#define CHUNK_BYTES ((uintptr_t)1 << SPAN_CHUNK_SHIFT)

SpanMap span_map = {.mapped_lo = UINTPTR_MAX};
static Lock map_lock = LOCK_INIT(RANK_HEAP);
static _Atomic size_t table_pages; // of what this file allocates; written under map_lock
static SpanWord no_spans[SPAN_CHUNK_PAGES]; // stays NULL
_Static_assert(sizeof(no_spans) == PAGE_SIZE, "one page is the table of 2 MB");

// ---- memory of the zones

// Pages of chunk[].
static size_t span_map_pages(void) {
    return ((span_map.bytes >> SPAN_CHUNK_SHIFT) * sizeof(SpanWord *) + PAGE_SIZE - 1) / PAGE_SIZE;
}

// Covers all zones. Only the boot core runs, or there is no map yet (bytes is stored last, pairs with nobody: who holds an address of
// the heap got it from whoever passed here).
static bool map_build_locked(void) {
    const PageHeap *h = &page_heap;
    if (h->zone_count == 0) return false;
    uintptr_t lo = h->zone[0]->lo & ~(CHUNK_BYTES - 1), hi = h->zone[h->zone_count - 1]->hi;
    size_t n = (hi - lo + CHUNK_BYTES - 1) >> SPAN_CHUNK_SHIFT, pages = (n * sizeof(SpanWord *) + PAGE_SIZE - 1) / PAGE_SIZE;
    _Atomic(SpanWord *) *chunk = page_alloc(pages);
    if (!chunk) return false;
    fetch_add(&table_pages, pages - span_map_pages());
    for (size_t i = 0; i < pages * PAGE_SIZE / sizeof *chunk; i++)
        store_relaxed(&chunk[i], no_spans);
    for (size_t i = 0; i < span_map.bytes >> SPAN_CHUNK_SHIFT; i++) // an earlier, smaller one
        store_relaxed(&chunk[(span_map.base - lo) / CHUNK_BYTES + i], load_relaxed(&span_map.chunk[i]));
    if (span_map.bytes) page_free((void *)span_map.chunk, span_map_pages());
    span_map.bytes = 0;
    span_map.chunk = chunk;
    span_map.base = lo;
    barrier_local();
    span_map.bytes = n << SPAN_CHUNK_SHIFT;
    return true;
}

// Gives each 2 MB of [base, hi) a table of its own.
static bool tables_make(uintptr_t base, uintptr_t hi) {
    bool ok = true;
    lock_acquire(&map_lock);
    if (hi - span_map.base > span_map.bytes || base < span_map.base) ok = map_build_locked();
    for (uintptr_t i = (base - span_map.base) / CHUNK_BYTES; ok && i <= (hi - 1 - span_map.base) / CHUNK_BYTES; i++) {
        if (load_relaxed(&span_map.chunk[i]) != no_spans) continue;
        SpanWord *table = page_alloc(1);
        ok = table != NULL;
        if (!ok) break;
        fetch_add(&table_pages, 1);
        for (unsigned k = 0; k < SPAN_CHUNK_PAGES; k++)
            store_relaxed(&table[k], NULL);
        store_release(&span_map.chunk[i], table); // pairs with span_of
    }
    lock_release(&map_lock);
    return ok;
}

// ---- mapped spans

typedef struct Mapped {
    _Atomic uintptr_t lo, hi;
    _Atomic(Span *) span;
} Mapped;
static struct {
    _Atomic uint32_t seq;     // odd: being changed. Writers hold map_lock; acquire and fence in span_of_mapped pair with mapped_change
    _Atomic uint32_t n;
    _Atomic(Mapped *) v;      // by lo; its memory may be freed and used for other things while a reader looks: seq tells
    size_t pages;             // of v
} mapped;

Span *span_of_mapped(uintptr_t addr) {
    if (addr < load_relaxed(&span_map.mapped_lo) || addr >= load_relaxed(&span_map.mapped_hi)) return NULL;
    for (unsigned turns = 0;; turns++) {
        uint32_t seq = load_acquire(&mapped.seq);
        if (seq % 2 == 0) {
            const Mapped *v = load_relaxed(&mapped.v);
            uint32_t a = 0, b = load_relaxed(&mapped.n);
            Span *s = NULL;
            while (a < b && !s) {
                uint32_t mid = (a + b) / 2;
                if (addr < load_relaxed(&v[mid].lo))
                    b = mid;
                else if (addr >= load_relaxed(&v[mid].hi))
                    a = mid + 1;
                else
                    s = load_relaxed(&v[mid].span);
            }
            atomic_thread_fence(memory_order_acquire);
            if (load_relaxed(&mapped.seq) == seq) return s;
        }
        plat_spin(turns);
    }
}

static void entry_set(Mapped *e, uintptr_t lo, uintptr_t hi, Span *s) {
    store_relaxed(&e->lo, lo);
    store_relaxed(&e->hi, hi);
    store_relaxed(&e->span, s);
}
static void entry_copy(Mapped *to, const Mapped *from) {
    entry_set(to, load_relaxed(&from->lo), load_relaxed(&from->hi), load_relaxed(&from->span));
}

// Room for one more. False: no memory.
static bool mapped_room_locked(void) {
    uint32_t n = load_relaxed(&mapped.n);
    Mapped *v = load_relaxed(&mapped.v);
    if (n < mapped.pages * PAGE_SIZE / sizeof *v) return true;
    size_t pages = mapped.pages ? 2 * mapped.pages : 1;
    Mapped *more = page_alloc(pages);
    if (!more) return false;
    for (uint32_t i = 0; i < n; i++)
        entry_copy(&more[i], &v[i]);
    store_release(&mapped.seq, load_relaxed(&mapped.seq) + 1);
    atomic_thread_fence(memory_order_release);
    store_relaxed(&mapped.v, more);
    store_release(&mapped.seq, load_relaxed(&mapped.seq) + 1);
    if (v) page_free(v, mapped.pages);
    fetch_add(&table_pages, pages - mapped.pages);
    mapped.pages = pages;
    return true;
}

// Enters [base, hi) -> s, or removes it (s NULL).
static bool mapped_change(uintptr_t base, uintptr_t hi, Span *s) {
    lock_acquire(&map_lock);
    bool ok = !s || mapped_room_locked();
    if (ok) {
        Mapped *v = load_relaxed(&mapped.v);
        uint32_t n = load_relaxed(&mapped.n), at = 0;
        for (uint32_t b = n; at < b;) {
            uint32_t mid = (at + b) / 2;
            if (load_relaxed(&v[mid].lo) < base)
                at = mid + 1;
            else
                b = mid;
        }
        store_relaxed(&mapped.seq, load_relaxed(&mapped.seq) + 1);
        atomic_thread_fence(memory_order_release); // the odd count before the changes
        if (s) {
            for (uint32_t i = n; i > at; i--)
                entry_copy(&v[i], &v[i - 1]);
            entry_set(&v[at], base, hi, s);
            if (base < load_relaxed(&span_map.mapped_lo)) store_relaxed(&span_map.mapped_lo, base);
            if (hi > load_relaxed(&span_map.mapped_hi)) store_relaxed(&span_map.mapped_hi, hi);
            store_relaxed(&mapped.n, n + 1);
        } else {
            for (uint32_t i = at; i + 1 < n; i++)
                entry_copy(&v[i], &v[i + 1]);
            store_relaxed(&mapped.n, n - 1);
        }
        store_release(&mapped.seq, load_relaxed(&mapped.seq) + 1);
    }
    lock_release(&map_lock);
    return ok;
}

// ---- both

bool span_map_set(uintptr_t base, size_t pages, Span *s) {
    uintptr_t hi = base + pages * PAGE_SIZE;
    if (!page_is_direct((void *)base)) return mapped_change(base, hi, s);
    if (s && !tables_make(base, hi)) return false;
    for (uintptr_t at = base - span_map.base; pages > 0; at += PAGE_SIZE, pages--)
        store_release(&load_relaxed(&span_map.chunk[at >> SPAN_CHUNK_SHIFT])[at / PAGE_SIZE % SPAN_CHUNK_PAGES], s); // pairs with span_of
    return true;
}

uint64_t heap_table_bytes(void) {
    return load_relaxed(&table_pages) * PAGE_SIZE;
}
