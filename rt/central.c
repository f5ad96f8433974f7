// central.c -- central lists: where spans are that no P uses, and how a P gets and gives back its spans.
//
// For each kind (scan, noscan) and class there are four lists: spans with free slots (partial) and without (full), and of each the swept and
// the unswept ones. Which pair is which follows from heap.sweep_gen, which grows by 2 at each heap_sweep_begin: so all spans become
// unswept without being touched (Go's mcentral). Whoever takes a span out of a list has it alone. An unswept span is swept by its
// taker: a P that needs slots, or whoever sweeps in the background.
//
// Span.sweep_gen == heap.sweep_gen: swept. Caches hold swept spans only, except between heap_sweep_begin and their P's flush: then
// the P sweeps them as it gives them back. A span in a list of swept ones is swept, and nothing enters an unswept list.
//
// Counting. Handing out a slot counts nothing: what was taken from a cached span follows from its bits (Span.counted is where
// the last count ended). What is swept, the sweeping P counts. So sums over all Ps (heap_in_use, heap_freed) are exact with the world stopped, and hints otherwise.
//
// Black allocation: see heap.h. Marks of free slots are set by whoever caches the span while marking is on (phase is on or off for
// the whole of a stay in runtime text, since only a stop changes it), and are cleared before it leaves the cache.
//
// Locks: each list pair's lock, caches_lock (RANK_HEAP, one at a time).
#include "alloc.h"

Heap heap;

enum { PARTIAL, FULL };
typedef struct Central {
    Lock lock;
    Span *list[2][2]; // [sweep_gen / 2 % 2: swept][PARTIAL, FULL]
    // objects ever handed out, cached spans since Span.counted excluded, and ever swept
    _Atomic uint64_t handed, freed;
    char pad[8];
} Central;
_Static_assert(sizeof(Central) == 64, "a cache line each");
// [noscan]; the last: large objects
static Central central[2][SIZE_CLASSES + 1] = {[0 ... 1] = {[0 ... SIZE_CLASSES] = {.lock = LOCK_INIT(RANK_HEAP)}}};
#define CENTRALS (2 * (SIZE_CLASSES + 1))

static Lock caches_lock = LOCK_INIT(RANK_HEAP);
static HeapCache *_Atomic caches; // registered, for ever
// Central that heap_sweep_step looks at; the ones before have nothing unswept. It only grows between two heap_sweep_begins.
static _Atomic uint32_t sweep_cursor;

static inline unsigned swept_now(void) { return heap.sweep_gen / 2 % 2; }
static inline bool marking(void) { return load_relaxed(&gc.phase) == GC_MARK; } // written with the world stopped
static inline Central *central_of(const Span *s) { return &central[s->kind == SPAN_NOSCAN][s->class_index]; }

static Span *pop(Central *c, unsigned swept, unsigned full) {
    if (!hint_load(&c->list[swept][full])) return NULL; // a span that comes a moment later is found the next time
    lock_acquire(&c->lock);
    Span *s = c->list[swept][full];
    if (s) hint_store(&c->list[swept][full], s->next);
    lock_release(&c->lock);
    return s;
}

static void push_swept(Span *s, unsigned full) {
    Central *c = central_of(s);
    lock_acquire(&c->lock);
    s->next = c->list[swept_now()][full];
    hint_store(&c->list[swept_now()][full], s);
    lock_release(&c->lock);
}

// ---- marks of free slots

static void premark(Span *s) {
    for (uint32_t w = 0; w < span_words(s); w++)
        atomic_fetch_or_explicit(&s->mark[w], span_free_word(s, w), memory_order_relaxed);
}
static void premark_clear(Span *s) {
    for (uint32_t w = 0; w < span_words(s); w++)
        atomic_fetch_and_explicit(&s->mark[w], ~span_free_word(s, w), memory_order_relaxed);
}

// ---- counts of a cached span

// Objects handed out since the last count; `left` slots are free.
static inline uint32_t span_progress(const Span *s, uint32_t left) { return s->slots - left - hint_load(&s->counted); }

static void span_count(HeapCache *c, Span *s, uint32_t left) {
    uint32_t n = span_progress(s, left);
    if (n == 0) return;
    fetch_add(&central_of(s)->handed, n);
    hint_store(&s->counted, (uint16_t)(s->slots - left));
    hint_store(&c->allocs, c->allocs + n);
    hint_store(&c->bytes, c->bytes + n * s->slot_bytes);
}

// ---- taking

#define TRIES_MAX 100u // unswept spans that one refill sweeps in search of a free slot, as in Go

// A swept span with a free slot that nobody has, and how many; NULL: none was found.
static Span *take_swept(Central *c, uint32_t *left) {
    Span *s = pop(c, swept_now(), PARTIAL);
    if (s) *left = span_free_slots(s);
    for (unsigned i = 0; !s && i < TRIES_MAX; i++) {
        s = pop(c, !swept_now(), PARTIAL);
        if (!s) s = pop(c, !swept_now(), FULL);
        if (!s) break;
        *left = span_sweep(s);
        if (*left > 0) break;
        central_put(s, 0);
        s = NULL;
    }
    return s;
}

static void cache_register(HeapCache *c) {
    if (c->known) return;
    c->known = true;
    lock_acquire(&caches_lock);
    c->next = caches;
    store_release(&caches, c); // with load_acquire of who walks the list without the lock: heap_freed, caches_sum
    lock_release(&caches_lock);
}

// From cache to central.
static void uncache(HeapCache *c, Span *s) {
    uint32_t left = span_free_slots(s);
    span_count(c, s, left);
    s->cached = false;
    s->run_end = 0;
    if (s->sweep_gen != heap.sweep_gen) { // live_bytes was computed anew meanwhile
        if (left) premark_clear(s);
        left = span_sweep(s);
    } else if (left) {
        fetch_add(&heap.live_bytes, -(left * s->slot_bytes));
        if (marking()) premark_clear(s);
    }
    central_put(s, left);
}

size_t cache_refill(bool noscan, unsigned class) {
    HeapCache *c = &p_self()->heap;
    cache_register(c);
    Span *s = c->span[noscan][class];
    if (s) {
        hint_store(&c->span[noscan][class], NULL);
        uncache(c, s);
    }
    bool sweeping = !heap_sweep_done();
    int64_t from = sweeping ? plat_now_ns() : 0;
    uint32_t left;
    s = take_swept(&central[noscan][class], &left);
    if (!s) {
        s = span_new(class, noscan);
        if (!s) return 0;
        left = s->slots;
    }
    s->cached = true;
    hint_store(&s->counted, (uint16_t)(s->slots - left));
    fetch_add(&heap.live_bytes, left * s->slot_bytes);
    if (marking()) premark(s);
    hint_store(&c->used[noscan], c->used[noscan] | 1ull << class);
    hint_store(&c->span[noscan][class], s);
    sweep_pay(0, 64); // after it has perhaps swept a span for itself: with luck nothing is owed then, and an empty span was not given away
    if (sweeping) stall_count(STALL_SWEEP, from, plat_now_ns());
    return left * s->slot_bytes;
}

void central_publish_large(Span *s) {
    HeapCache *c = &p_self()->heap;
    cache_register(c);
    s->sweep_gen = heap.sweep_gen;
    if (marking()) store_relaxed(&s->mark[0], 1);
    store_release(&s->at, s->base + s->slot_bytes); // pairs with span_is_object: zeroed and typed
    span_publish(s);
    push_swept(s, FULL);
    fetch_add(&central_of(s)->handed, 1);
    hint_store(&c->allocs, c->allocs + 1);
    hint_store(&c->bytes, c->bytes + s->slot_bytes);
}

void central_freed(const Span *s, uint32_t objects) {
    HeapCache *c = &p_self()->heap;
    cache_register(c);
    hint_store(&c->freed, c->freed + objects);
    hint_store(&c->freed_bytes, c->freed_bytes + objects * s->slot_bytes);
    fetch_add(&central_of(s)->freed, objects);
}

void central_put(Span *s, uint32_t left) {
    if (left == s->slots)
        span_free(s);
    else
        push_swept(s, left ? PARTIAL : FULL);
}

Span *central_take_unswept(void) {
    for (;;) {
        uint32_t at = load_relaxed(&sweep_cursor);
        if (at >= CENTRALS) return NULL;
        Central *c = &central[0][0] + at;
        Span *s = pop(c, !swept_now(), FULL);
        if (!s) s = pop(c, !swept_now(), PARTIAL);
        if (s) return s;
        cas(&sweep_cursor, &at, at + 1); // failed: another has moved it
    }
}

// ---- for the collector

void heap_cache_black(P *p) {
    HeapCache *c = &p->heap;
    c->tiny = c->tiny_end = 0; // its block is not black
    for (unsigned n = 0; n < 2; n++)
        for (uint64_t used = c->used[n]; used; used &= used - 1) {
            Span *s = c->span[n][__builtin_ctzll(used)];
            if (!s) continue;
            span_count(c, s, span_free_slots(s));
            premark(s);
        }
    c->allocs_at_mark = c->allocs;
    c->bytes_at_mark = c->bytes;
    c->black_cycle = gc.cycle;
}

void heap_cache_flush(P *p) {
    HeapCache *c = &p->heap;
    c->tiny = c->tiny_end = 0;
    for (unsigned n = 0; n < 2; n++) {
        for (uint64_t used = c->used[n]; used; used &= used - 1) {
            unsigned i = (unsigned)__builtin_ctzll(used);
            Span *s = c->span[n][i];
            hint_store(&c->span[n][i], NULL);
            if (s) uncache(c, s);
        }
        hint_store(&c->used[n], 0);
    }
}

void heap_sweep_begin(void) {
    RT_ASSERT(heap_sweep_done());
    heap.sweep_gen += 2;
    store_relaxed(&sweep_cursor, 0);
    store_relaxed(&heap.sweep_pages_per_mb, 0);
    uint64_t pages = load_relaxed(&heap.published_bytes) / PAGE_SIZE;
    store_relaxed(&heap.pages_to_sweep, pages);
    store_relaxed(&heap.pages_unswept, pages);
}

// ---- sums over all Ps

// What cache c has handed out of s, its span of kind n and class i, and their size, while its core hands out more, or has just given the span away and somebody else makes
// another one of the record (which stays mapped for ever). Then the cache names it no longer, and nothing is added. What is left is off by a span at most, for one
// look of the pacer; with the world stopped, when figures must be exact, nobody writes. So these reads race, and are the only ones of a span that may: they are hidden
// from the thread sanitizer by themselves, since it can name them only as long as it remembers their stack.
static __attribute__((no_sanitize("thread"))) uint32_t progress_seen(const HeapCache *c, unsigned n, unsigned i, size_t *slot_bytes) {
    const Span *s = hint_load(&c->span[n][i]);
    if (!s || s->kind == SPAN_FREE) return 0;
    uint32_t slots = s->slots, left = 0;
    uint32_t at = (uint32_t)((load_relaxed(&s->at) - s->base) * s->magic >> 32); // of a cached span magic is not 0 (span_at)
    for (uint32_t w = 0; w < (slots + 63) / 64 && w < SPAN_WORDS; w++)
        left += bits_count(free_bits(load_relaxed(&s->alloc[w]), at, slots, w));
    uint32_t k = slots - left - hint_load(&s->counted);
    *slot_bytes = s->slot_bytes;
    fence_acquire(); // what was read before was read of what the cache still names
    return k <= slots && hint_load(&c->span[n][i]) == s ? k : 0;
}

static void cache_sum(const HeapCache *c, HeapStats *h) {
    h->allocs += hint_load(&c->allocs);
    h->bytes += hint_load(&c->bytes);
    for (unsigned n = 0; n < 2; n++)
        for (uint64_t used = hint_load(&c->used[n]); used; used &= used - 1) {
            size_t bytes = 0;
            uint32_t k = progress_seen(c, n, (unsigned)__builtin_ctzll(used), &bytes);
            h->allocs += k;
            h->bytes += k * bytes;
        }
}

HeapStats caches_sum(void) {
    HeapStats h = {0, 0};
    for (const HeapCache *c = load_acquire(&caches); c; c = c->next)
        cache_sum(c, &h);
    return h;
}

void heap_allocated_black(uint64_t *objects, uint64_t *bytes) {
    HeapStats h = {0, 0};
    for (const HeapCache *c = caches; c; c = c->next) {
        if (c->black_cycle != gc.cycle) continue; // has slept since before marking began
        cache_sum(c, &h);
        h.allocs -= c->allocs_at_mark;
        h.bytes -= c->bytes_at_mark;
    }
    *objects = h.allocs;
    *bytes = h.bytes;
}

void heap_freed(uint64_t *objects, uint64_t *bytes) {
    *objects = *bytes = 0;
    for (const HeapCache *c = load_acquire(&caches); c; c = c->next) { // not over the centrals: this is called while the world is stopped
        *objects += hint_load(&c->freed);
        *bytes += hint_load(&c->freed_bytes);
    }
}

void heap_in_use(uint64_t *objects, uint64_t *bytes) {
    HeapStats h = caches_sum();
    heap_freed(objects, bytes);
    *objects = h.allocs - *objects;
    *bytes = h.bytes - *bytes;
}

void heap_class_counts(unsigned c, uint64_t *mallocs, uint64_t *frees) {
    *mallocs = *frees = 0;
    for (unsigned n = 0; n < 2; n++) {
        *mallocs += load_relaxed(&central[n][c].handed);
        *frees += load_relaxed(&central[n][c].freed);
        for (const HeapCache *p = caches; p && c < SIZE_CLASSES; p = p->next)
            if (p->span[n][c]) *mallocs += span_progress(p->span[n][c], span_free_slots(p->span[n][c]));
    }
}
