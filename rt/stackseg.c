// stackseg.c -- stack segments: 2 KB for a newborn goroutine, powers of two up to 256 KB, page multiples
// above.
//
// 2 KB is half a page. The two halves of a page live and die separately; whenever both are free the page goes
// back to the page allocator, so that a burst of goroutines does not leave memory behind that only goroutines
// can use. Who is free:
//   - the P's array of halves (SegCache.half): free to this P, in use as far as the bits below are concerned
//   - the pool: a *lone half* has its bit set in PageZone.half and hangs, by two pointers in itself, in a
//   list
// Freeing into the pool looks at the two bits of the page: the other half's bit set means that it is in the
// pool, so both leave it together. No search and no header. A half's own bit set already means that it is
// freed twice.
//
// The P keeps larger ones in a list for each class, up to LIST_BYTES of each: so the segments of a goroutine
// that has gone deep serve the next one in a few instructions (seg_take, stackseg.h), and were written to
// lately. They come from page_alloc_large, so that scattered memory does not stop a stack from growing; rt and
// application only ever use a stack by its address. Those of 256 KB are not kept: who fills one has done so
// much that the page allocator's lock does not show.
//
// When memory is short, the caller's cache is emptied (halves may join to pages) and the other Ps are asked,
// by limits of 0, to empty theirs at their next seg_free. Those that sleep are emptied when gomaxprocs
// puts them out of use; what the others keep is less than 1/64 of memory in all.
//
// Locks: pool_lock (RANK_STACK) guards the list, the bits and the list of caches; the page allocator is never
// called under it. Everything in a SegCache: the owner P, in rt text (see page.c).
#include "stackseg.h"
#include "page.h"
#include "inject.h"

#define CLASS_HALF  0u
#define CLASS_LARGE SEG_CLASSES // > 256 KB
#define LIST_BYTES  (64u << 10) // of each class, or one segment; with all classes up to 128 KB 448 KB
_Static_assert(SEG_MIN * 2 == PAGE_SIZE, "a segment of class 0 is half a page");

typedef struct Half {
    struct Half *next, *prev;
} Half;

static Lock pool_lock = LOCK_INIT(RANK_STACK);
static Half pool = {&pool, &pool}; // lone halves
static _Atomic size_t pool_count;  // writers hold pool_lock; read without it as a hint
static SegCache *caches;           // registered, for ever

static inline void counter_add(_Atomic intptr_t *c, intptr_t d) {
    store_relaxed(c, load_relaxed(c) + d);
}

// ---- lone halves

static inline unsigned half_bit(const void *half) {
    return (uintptr_t)half & SEG_MIN ? 2 : 1;
}
static inline void *page_of(void *half) {
    return (void *)((uintptr_t)half & ~(uintptr_t)(PAGE_SIZE - 1));
}

static void pool_unlink(Half *h) {
    h->prev->next = h->next;
    h->next->prev = h->prev;
    store_relaxed(&pool_count, load_relaxed(&pool_count) - 1);
}

// Takes up to max halves out of the pool; returns how many.
static uint32_t pool_take(void **out, uint32_t max) {
    if (load_relaxed(&pool_count) == 0) return 0; // a late view costs a fresh page, no more
    uint32_t n = 0;
    lock_acquire(&pool_lock);
    for (; n < max && pool.next != &pool; n++) {
        Half *h = pool.next;
        unsigned shift;
        uint64_t *word = page_half_word(page_of(h), &shift);
        *word &= ~((uint64_t)half_bit(h) << shift);
        pool_unlink(h);
        out[n] = h;
    }
    lock_release(&pool_lock);
    return n;
}

// Frees a half into the pool. Returns the page if it is now free as a whole.
static void *pool_put_locked(void *half, const char **error) {
    unsigned shift, mine = half_bit(half);
    uint64_t *word = page_half_word(page_of(half), &shift);
    if (!word || (uintptr_t)half % SEG_MIN) {
        *error = "seg_free: not a stack segment";
        return NULL;
    }
    unsigned bits = (unsigned)(*word >> shift) & 3;
    if (bits & mine) {
        *error = "seg_free: segment is free already";
        return NULL;
    }
    if (bits) { // the other half waits in the pool
        pool_unlink((Half *)((uintptr_t)half ^ SEG_MIN));
        *word &= ~(3ull << shift);
        return page_of(half);
    }
    *word |= (uint64_t)mine << shift;
    Half *h = half;
    *h = (Half){pool.next, &pool};
    h->next->prev = h;
    pool.next = h;
    store_relaxed(&pool_count, load_relaxed(&pool_count) + 1);
    return NULL;
}

static void pool_put(void *const *half, uint32_t n) {
    void *whole[SEG_HALVES];
    uint32_t pages = 0, i = 0;
    const char *error = NULL;
    lock_acquire(&pool_lock);
    for (; i < n && !error; i++) {
        void *page = pool_put_locked(half[i], &error);
        if (page) whole[pages++] = page;
    }
    lock_release(&pool_lock);
    if (error) {
        rt_printf("runtime: segment %p\n", half[i - 1]);
        rt_throw(error);
    }
    for (i = 0; i < pages; i++)
        page_free(whole[i], 1);
}

// ---- per-P cache

static void pages_put(void *seg, size_t bytes) {
    if (bytes == PAGE_SIZE)
        page_free(seg, 1);
    else
        page_free_large(seg, bytes / PAGE_SIZE);
}

static void cache_register(SegCache *c) {
    size_t share = pageheap_share(&page_heap) * PAGE_SIZE, limit = share / 2 / SEG_MIN;
    lock_acquire(&pool_lock);
    SegCache *known = caches;
    while (known && known != c)
        known = known->next;
    if (!known) {
        c->next = caches;
        caches = c;
    }
    store_relaxed(&c->half_limit, limit < 4 ? 4 : limit > SEG_HALVES ? SEG_HALVES : (uint32_t)limit);
    size_t each = share / 8 < LIST_BYTES ? share / 8 : LIST_BYTES; // 8: all classes together remain below the share
    for (unsigned class = 1; class < SEG_CLASSES - 1; class++) {
        size_t bytes = (size_t)SEG_MIN << class;
        store_relaxed(&c->limit[class], bytes <= each ? (uint32_t)(each / bytes) : each == LIST_BYTES);
    }
    lock_release(&pool_lock);
}

// Gives the `n` halves that lie longest in the cache to the pool.
static void cache_give(SegCache *c, uint32_t n) {
    uint32_t have = load_relaxed(&c->n);
    if (n > have) n = have;
    pool_put(c->half, n);
    __builtin_memmove(c->half, c->half + n, (have - n) * sizeof(void *));
    store_relaxed(&c->n, have - n);
}

static void cache_empty(SegCache *c) {
    cache_give(c, SEG_HALVES);
    for (unsigned class = 1; class < SEG_CLASSES; class++)
        for (void *seg; (seg = seg_take(c, (size_t)SEG_MIN << class)) != NULL;) {
            counter_add(&c->in_use[class], -1);
            pages_put(seg, (size_t)SEG_MIN << class);
        }
}

// Asks the other Ps for what they keep and gives back what this one keeps.
static void memory_short(SegCache *c) {
    cache_empty(c);
    lock_acquire(&pool_lock);
    for (SegCache *other = caches; other; other = other->next) {
        store_relaxed(&other->half_limit, 0);
        for (unsigned class = 1; class < SEG_CLASSES; class++)
            store_relaxed(&other->limit[class], 0);
    }
    lock_release(&pool_lock);
}

// ---- allocation

static void *pages_get(size_t n, unsigned flags) {
    void *p = n == 1 ? page_alloc(1) : page_alloc_large(n);
    if (!p && flags & PAGE_RESERVE) p = page_alloc_reserve(n);
    return p;
}

// A half, from the pool or a fresh page; the rest of what was fetched fills the cache, which is empty.
static void *half_get(SegCache *c, unsigned flags) {
    uint32_t n = pool_take(c->half, SEG_HALVES / 2);
    if (n == 0) {
        char *page = pages_get(1, flags);
        if (!page) return NULL;
        c->half[n++] = page + SEG_MIN;
        c->half[n++] = page;
    }
    store_relaxed(&c->n, n - 1);
    return c->half[n - 1];
}

static unsigned class_of(size_t bytes) {
    if (bytes > (size_t)SEG_MIN << (SEG_CLASSES - 1) && bytes % PAGE_SIZE == 0) return CLASS_LARGE;
    unsigned class = bytes ? (unsigned)__builtin_ctzll(bytes / SEG_MIN | 1ull << 63) : SEG_CLASSES;
    if (class >= SEG_CLASSES || (size_t)SEG_MIN << class != bytes)
        rt_throw("stack segment of a size that no class has");
    return class;
}

static void *class_get(SegCache *c, unsigned class, size_t bytes, unsigned flags) {
    return class == CLASS_HALF ? half_get(c, flags) : pages_get(bytes / PAGE_SIZE, flags);
}

static __attribute__((noinline)) void *seg_alloc_slow(SegCache *c, size_t bytes, unsigned flags) {
    if (load_relaxed(&c->half_limit) == 0) cache_register(c);
    unsigned class = class_of(bytes);
    void *seg = class_get(c, class, bytes, flags);
    if (!seg) {
        memory_short(c);
        seg = class_get(c, class, bytes, flags);
    }
    if (!seg) return NULL;
    counter_add(&c->in_use[class], 1);
    if (class == CLASS_LARGE) counter_add(&c->large_bytes, (intptr_t)bytes);
    return seg;
}

static inline void *seg_alloc_flags(size_t bytes, unsigned flags) {
    if (inject(INJECT_SEGMENT)) return NULL;
    SegCache *c = p_seg_cache(p_self());
    uint32_t n = load_relaxed(&c->n);
    if (likely(bytes == SEG_MIN && n > 0)) {
        store_relaxed(&c->n, n - 1); // relaxed: seg_stats may read it; nothing is published by it
        counter_add(&c->in_use[CLASS_HALF], 1);
        return c->half[n - 1];
    }
    void *seg = seg_is_listed(bytes) ? seg_take(c, bytes) : NULL;
    return seg ? seg : seg_alloc_slow(c, bytes, flags);
}

void *seg_alloc(size_t bytes) {
    return seg_alloc_flags(bytes, 0);
}
void *seg_alloc_reserve(size_t bytes) {
    return seg_alloc_flags(bytes, PAGE_RESERVE);
}

static __attribute__((noinline)) void seg_free_slow(SegCache *c, void *seg, size_t bytes) {
    if (load_relaxed(&c->half_limit) == 0) { // first use, or asked to give back
        cache_empty(c);
        cache_register(c);
    }
    unsigned class = class_of(bytes);
    counter_add(&c->in_use[class], -1);
    if (class == CLASS_LARGE) counter_add(&c->large_bytes, -(intptr_t)bytes);
    if (class == CLASS_HALF) {
        if (load_relaxed(&c->n) >= load_relaxed(&c->half_limit)) cache_give(c, (load_relaxed(&c->n) + 1) / 2);
        uint32_t n = load_relaxed(&c->n);
        c->half[n] = seg;
        store_relaxed(&c->n, n + 1);
    } else {
        pages_put(seg, bytes);
    }
}

#ifdef RT_DEBUG
static void check_not_cached(const SegCache *c, const void *seg, size_t bytes) {
    bool cached = false;
    for (uint32_t i = 0; i < load_relaxed(&c->n); i++)
        cached |= c->half[i] == seg;
    if (seg_is_listed(bytes))
        for (void *s = c->list[seg_class(bytes)]; s; s = *seg_link(s, bytes))
            cached |= s == seg;
    if (cached) rt_throw("seg_free: segment is free already (cached)");
}
#else
static inline void check_not_cached(const SegCache *c, const void *seg, size_t bytes) {
    (void)c, (void)seg, (void)bytes;
}
#endif

void seg_free(void *seg, size_t bytes) {
    SegCache *c = p_seg_cache(p_self());
    check_not_cached(c, seg, bytes);
    if (seg_is_listed(bytes) && seg_keep(c, seg, bytes)) return;
    uint32_t n = load_relaxed(&c->n);
    if (unlikely(bytes != SEG_MIN ||
                 n >= load_relaxed(&c->half_limit))) { // pairs with memory_short; a late view only delays
        seg_free_slow(c, seg, bytes);
        return;
    }
    c->half[n] = seg;
    store_relaxed(&c->n, n + 1);
    counter_add(&c->in_use[CLASS_HALF], -1);
}

void seg_cache_flush(P *p) {
    cache_empty(p_seg_cache(p));
}

SegStats seg_stats(void) {
    SegStats s = {.lone_halves = 0};
    intptr_t in_use[SEG_CLASSES + 1] = {0}, large = 0;
    lock_acquire(&pool_lock);
    for (SegCache *c = caches; c; c = c->next) {
        s.cached[CLASS_HALF] += load_relaxed(&c->n);
        for (unsigned class = 1; class < SEG_CLASSES; class++)
            s.cached[class] += load_relaxed(&c->count[class]);
        for (unsigned class = 0; class <= SEG_CLASSES; class++)
            in_use[class] += load_relaxed(&c->in_use[class]);
        large += load_relaxed(&c->large_bytes);
    }
    s.lone_halves = load_relaxed(&pool_count);
    lock_release(&pool_lock);
    s.large_bytes = (size_t)large;
    for (unsigned class = 0; class <= SEG_CLASSES; class ++) {
        s.in_use[class] = (size_t)in_use[class];
        if (class > CLASS_HALF && class < SEG_CLASSES) s.in_use[class] -= s.cached[class];
        if (class < SEG_CLASSES) s.in_use_bytes += s.in_use[class] * ((size_t)SEG_MIN << class);
    }
    return s;
}
