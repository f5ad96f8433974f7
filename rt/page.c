// page.c -- the page allocator: every usable frame of the machine, the only source of memory.
//
//   page_alloc(1), page_free(1)   the P's PageCache: an array of pages, a handful of instructions, no lock
//        | empty / full: half a cache at a time
//   PageHeap                      zones in address order, one lock, the reserve
//        |
//   PageZone (page_tree.c)        bitmap and tree of summaries: lowest run of n pages in O(log n)
//
// The caches. Go lets a P own the free bits of an aligned 64-page chunk, but returns every freed page under
// the heap's lock. Here stacks come and go by single pages, so freeing must be as cheap as allocating, and
// any page must do: hence an array (Linux's per-CPU lists, without touching the page). It is filled from the
// lowest free pages of one 2 MB chunk, so what it blocks lies together at first. All caches together hold at
// most 1/64 of memory (or 4 pages each, where that is more).
//
// When memory is short. Nobody reads another P's cache. A request that the zones cannot serve gives back the
// caller's cache and what plat_vunmap has not freed yet, asks the other Ps (limit = 0) to give back theirs at
// their next page_free, and is tried once more (page_make_room). So NULL means: not more than 1/64 of memory,
// in single pages, was out of reach. Idle and stopped Ps are emptied by page_cache_flush.
//
// The reserve (1/64 of memory, at most 1 MB) is left alone by ordinary requests. Code that holds locks,
// __morestack and the out-of-memory report take from it by PAGE_RESERVE. Pages freed fill it up again before
// anybody else gets one.
//
// Errors: a page freed twice, or one that is not ours, ends in rt_throw. Zones see that at once for what
// bypasses the caches or when a cache is emptied; debug builds mark cached pages (page_mark) and so find it
// at the second page_free, and also a write to a page after it was freed.
//
// Nodes. On a machine with several memory controllers (NUMA) a zone belongs to a node, and so does a P. A P's
// requests are served from its own node's zones while these have what it takes, then from any; a page of
// another node that it frees goes back to its zone and not into the P's cache. So what a P allocates is near
// while there is near memory; spans and stacks that change hands are not moved.
//
// Locks: h->lock (RANK_PAGE) guards zones, counts and the list of caches. PageCache.n and page[]: the owner
// P, on its system stack or in rt text, which nothing preempts. Zones are only added while one core runs.
#include "page.h"
#include "core.h"
#include "inject.h"

#define SPARE_SHARE 16 // of memory, kept by page_is_spare

static Lock page_lock = LOCK_INIT(RANK_PAGE);
PageHeap page_heap = {.lock = &page_lock};

static inline size_t min_size(size_t a, size_t b) {
    return a < b ? a : b;
}
static inline size_t max_size(size_t a, size_t b) {
    return a > b ? a : b;
}

_Static_assert(PAGE_ZONES_MAX == RT_MEM_RANGES_MAX, "as rt.h says");

// ---- heap of zones

void pageheap_init(PageHeap *h, Lock *lock) {
    *h = (PageHeap){.lock = lock};
    lock_init(lock, RANK_PAGE);
}

bool pageheap_add(PageHeap *h, uintptr_t lo, uintptr_t hi, int node) {
    if (h->zone_count == PAGE_ZONES_MAX) return false;
    PageZone *z = zone_init(lo, hi, node);
    if (!z) return false;
    lock_acquire(h->lock);
    z->free_pages = z->usable;
    uint32_t i = h->zone_count++;
    for (; i > 0 && h->zone[i - 1]->lo > z->lo; i--)
        h->zone[i] = h->zone[i - 1];
    h->zone[i] = z;
    h->total += z->usable;
    if (node >= h->nodes) h->nodes = node + 1;
    store_relaxed(&h->free, load_relaxed(&h->free) + z->usable);
    h->reserve = min_size(h->total / 64, (1u << 20) / PAGE_SIZE);
    lock_release(h->lock);
    return true;
}

PageZone *pageheap_zone(const PageHeap *h, uintptr_t addr) {
    uint32_t lo = 0, hi = h->zone_count; // the zone, if any, has its index in [lo, hi)
    while (lo < hi) {
        uint32_t mid = (lo + hi) / 2;
        PageZone *z = h->zone[mid];
        if (addr < z->lo)
            hi = mid;
        else if (addr >= z->hi)
            lo = mid + 1;
        else
            return z;
    }
    return NULL;
}

// How many pages this caller may take.
static size_t available_locked(const PageHeap *h, unsigned flags) {
    size_t free = load_relaxed(&h->free), kept = flags & PAGE_RESERVE ? 0 : h->reserve;
    return free > kept ? free - kept : 0;
}

static void count_locked(PageHeap *h, intptr_t change) {
    store_relaxed(&h->free, load_relaxed(&h->free) + (size_t)change);
}

// Is it this zone's turn? First come those of the wished node, then the others; without a wish all come
// first.
static inline bool zone_in_turn(const PageZone *z, unsigned near, int turn) {
    return near == 0 ? turn == 0 : (PAGE_NEAR(z->node) == near) == (turn == 0);
}

static uintptr_t zone_alloc_counted(PageZone *z, size_t n) {
    uintptr_t p = zone_alloc(z, n);
    if (p) z->free_pages -= n;
    return p;
}

static void count_nearness_locked(PageHeap *h, unsigned near, int turn, size_t n) {
    if (near) *(turn == 0 ? &h->near_pages : &h->far_pages) += n;
}

void *pageheap_alloc(PageHeap *h, size_t n, unsigned flags) {
    uintptr_t p = 0;
    unsigned near = h->nodes > 1 ? flags & ~0xffu : 0;
    lock_acquire(h->lock);
    if (n <= available_locked(h, flags))
        for (int turn = 0; turn < 2 && !p; turn++) {
            for (uint32_t i = 0; i < h->zone_count && !p; i++)
                if (zone_in_turn(h->zone[i], near, turn)) p = zone_alloc_counted(h->zone[i], n);
            if (p) count_nearness_locked(h, near, turn, n);
        }
    if (p) count_locked(h, -(intptr_t)n);
    lock_release(h->lock);
    return (void *)p;
}

size_t pageheap_take(PageHeap *h, void **out, size_t max, unsigned flags) {
    size_t n = 0;
    unsigned near = h->nodes > 1 ? flags & ~0xffu : 0;
    lock_acquire(h->lock);
    max = min_size(max, available_locked(h, flags));
    for (int turn = 0; turn < 2 && n == 0; turn++) {
        for (uint32_t i = 0; i < h->zone_count && n == 0; i++)
            if (zone_in_turn(h->zone[i], near, turn)) {
                n = zone_take(h->zone[i], out, max);
                h->zone[i]->free_pages -= n;
            }
        count_nearness_locked(h, near, turn, n);
    }
    count_locked(h, -(intptr_t)n);
    lock_release(h->lock);
    return n;
}

// NULL, or what was wrong.
static const char *free_locked(PageHeap *h, void *p, size_t n) {
    PageZone *z = pageheap_zone(h, (uintptr_t)p);
    if (!z) return "page_free: not a page of the page allocator";
    if (!zone_free(z, (uintptr_t)p, n)) return "page_free: page is free already, or never was allocated";
    z->free_pages += n;
    count_locked(h, (intptr_t)n);
    return NULL;
}

static void free_failed(void *p, size_t n, const char *why) {
    rt_printf("runtime: page_free(%p, %lu)\n", p, (unsigned long)n);
    rt_throw(why);
}

void pageheap_free(PageHeap *h, void *p, size_t n) {
    lock_acquire(h->lock);
    const char *why = free_locked(h, p, n);
    lock_release(h->lock);
    if (unlikely(why != NULL)) free_failed(p, n, why);
}

void pageheap_give(PageHeap *h, void *const *pages, size_t n) {
    const char *why = NULL;
    size_t i = 0;
    lock_acquire(h->lock);
    while (i < n && !why)
        why = free_locked(h, pages[i++], 1);
    lock_release(h->lock);
    if (unlikely(why != NULL)) free_failed(pages[i - 1], 1, why);
}

PageStats pageheap_stats(PageHeap *h) {
    PageStats s = {.total = h->total * PAGE_SIZE};
    lock_acquire(h->lock);
    for (uint32_t i = 0; i < h->zone_count; i++)
        s.largest = max_size(s.largest, zone_largest(h->zone[i]) * PAGE_SIZE);
    for (PageCache *c = h->caches; c; c = c->next)
        s.cached += (size_t)load_relaxed(&c->n) * PAGE_SIZE;
    s.free = load_relaxed(&h->free) * PAGE_SIZE + s.cached;
    s.near = h->near_pages * PAGE_SIZE;
    s.far = h->far_pages * PAGE_SIZE;
    lock_release(h->lock);
    return s;
}

NodeMemory pageheap_node(PageHeap *h, int node) {
    NodeMemory m = {0};
    lock_acquire(h->lock);
    for (uint32_t i = 0; i < h->zone_count; i++) {
        if (h->zone[i]->node != node) continue;
        m.total += h->zone[i]->usable * PAGE_SIZE;
        m.free += h->zone[i]->free_pages * PAGE_SIZE;
    }
    lock_release(h->lock);
    return m;
}

// ---- per-P caches

#ifdef RT_DEBUG
#define PAGE_MARK 0x65657266206567ull // "ge free"
static void page_mark(void *page) {
    uint64_t *w = page;
    if (w[0] == (PAGE_MARK ^ (uintptr_t)page) && w[1] == ~w[0])
        free_failed(page, 1, "page_free: page is free already (cached)");
    w[0] = PAGE_MARK ^ (uintptr_t)page;
    w[1] = ~w[0];
}
static void page_unmark(void *page) {
    uint64_t *w = page;
    if (w[0] != (PAGE_MARK ^ (uintptr_t)page) || w[1] != ~w[0]) {
        rt_printf("runtime: page %p\n", page);
        rt_throw("a free page was written to");
    }
    w[0] = w[1] = 0;
}
#else
static inline void page_mark(void *page) {
    (void)page;
}
static inline void page_unmark(void *page) {
    (void)page;
}
#endif

size_t pageheap_share(const PageHeap *h) {
    return h->total / 64 / (size_t)plat_cpu_count();
}

static void cache_register(PageHeap *h, PageCache *c) {
    size_t limit = min_size(max_size(pageheap_share(h), 4), PAGE_CACHE_MAX);
    lock_acquire(h->lock);
    PageCache *known = h->caches;
    while (known && known != c)
        known = known->next;
    if (!known) {
        c->next = h->caches;
        h->caches = c;
    }
    store_relaxed(&c->limit, (uint32_t)limit); // pairs with page_caches_ask: both under the lock
    lock_release(h->lock);
}

// Gives back the `n` pages that lie longest in the cache, if so many: the others are warm.
static void cache_give(PageHeap *h, PageCache *c, uint32_t n) {
    uint32_t have = load_relaxed(&c->n);
    if (n > have) n = have;
    for (uint32_t i = 0; i < n; i++)
        page_unmark(c->page[i]);
    pageheap_give(h, c->page, n);
    __builtin_memmove(c->page, c->page + n, (have - n) * sizeof(void *));
    store_relaxed(&c->n, have - n);
}

static __attribute__((noinline)) void *cache_alloc_slow(PageHeap *h, PageCache *c) {
    if (load_relaxed(&c->limit) == 0) cache_register(h, c);
    uint32_t limit = load_relaxed(&c->limit), n;
    n = (uint32_t)pageheap_take(h, c->page, limit > 2 ? limit / 2 : 1, c->near);
    if (n == 0) {
        page_caches_ask(h);
        return NULL;
    }
    // Ascending as taken: hand out from the low end.
    for (uint32_t i = 0; i < n / 2; i++) {
        void *t = c->page[i];
        c->page[i] = c->page[n - 1 - i];
        c->page[n - 1 - i] = t;
    }
    for (uint32_t i = 0; i + 1 < n; i++)
        page_mark(c->page[i]);
    store_relaxed(&c->n, n - 1);
    return c->page[n - 1];
}

static __attribute__((noinline)) void cache_free_slow(PageHeap *h, PageCache *c, void *page) {
    if (load_relaxed(&c->limit) == 0) { // first use, or asked to give back
        page_cache_empty(h, c);
        cache_register(h, c);
    }
    if (load_relaxed(&c->n) >= load_relaxed(&c->limit)) cache_give(h, c, (load_relaxed(&c->n) + 1) / 2);
    uint32_t n = load_relaxed(&c->n);
    page_mark(page);
    c->page[n] = page;
    store_relaxed(&c->n, n + 1);
}

void *page_cache_alloc(PageHeap *h, PageCache *c) {
    uint32_t n = load_relaxed(&c->n);
    if (unlikely(n == 0)) return cache_alloc_slow(h, c);
    void *page = c->page[n - 1];
    store_relaxed(&c->n, n - 1); // relaxed: page_stats may read it; nothing else is published by it
    page_unmark(page);
    return page;
}

// Of a machine with several nodes: a page that is far from this P would be handed out again as if it were
// near.
static __attribute__((noinline)) bool is_far(PageHeap *h, PageCache *c, void *page) {
    PageZone *z = pageheap_zone(h, (uintptr_t)page);
    return z && c->near && PAGE_NEAR(z->node) != c->near;
}

void page_cache_free(PageHeap *h, PageCache *c, void *page) {
    if (unlikely(h->nodes > 1) && is_far(h, c, page)) {
        pageheap_free(h, page, 1);
        return;
    }
    uint32_t n = load_relaxed(&c->n);
    if (unlikely(n >=
                 load_relaxed(&c->limit))) { // limit: pairs with page_caches_ask; a late view only delays
        cache_free_slow(h, c, page);
        return;
    }
    page_mark(page);
    c->page[n] = page;
    store_relaxed(&c->n, n + 1);
}

void page_cache_empty(PageHeap *h, PageCache *c) {
    cache_give(h, c, PAGE_CACHE_MAX);
}

void page_caches_ask(PageHeap *h) {
    lock_acquire(h->lock);
    for (PageCache *c = h->caches; c; c = c->next)
        store_relaxed(&c->limit, 0);
    lock_release(h->lock);
}

// ---- the machine's heap

bool rt_mem_add(uintptr_t lo, uintptr_t hi, int node) {
    return pageheap_add(&page_heap, lo, hi, node);
}

unsigned page_near(void) {
    return p_page_cache(p_self())->near;
}

void rt_p_set_node(P *p, int node) {
    p_page_cache(p)->near = PAGE_NEAR(node);
}

int rt_p_node(const P *p) {
    unsigned near = p->page_cache.near;
    return near ? (int)(near >> PAGE_NEAR_SHIFT) - 1 : 0;
}

bool page_make_room(void) {
    PageCache *c = p_page_cache(p_self());
    size_t before = load_relaxed(&page_heap.free);
    page_caches_ask(&page_heap);
    plat_reclaim();
    page_cache_empty(&page_heap, c);
    return load_relaxed(&page_heap.free) > before;
}

static __attribute__((noinline)) void *page_alloc_short(size_t n) {
    if (n == 0 || n > page_heap.total || !page_make_room()) return NULL;
    return n == 1 ? page_cache_alloc(&page_heap, p_page_cache(p_self()))
                  : pageheap_alloc(&page_heap, n, page_near());
}

_Atomic bool mem_closed;

_Noreturn __attribute__((noinline, cold)) void mem_is_closed(void) {
    store_relaxed(&mem_closed, false); // the report may need some
    rt_throw("memory was allocated while the collector had stopped the world");
}

void *page_alloc(size_t n) {
    mem_check_open();
    if (inject(INJECT_PAGES)) return NULL;
    void *p = likely(n == 1) ? page_cache_alloc(&page_heap, p_page_cache(p_self()))
                             : pageheap_alloc(&page_heap, n, page_near());
    return likely(p != NULL) ? p : page_alloc_short(n);
}

void *page_alloc_reserve(size_t n) {
    void *p = page_alloc(n);
    return p || inject(INJECT_RESERVE) ? p : pageheap_alloc(&page_heap, n, PAGE_RESERVE | page_near());
}

void page_free(void *p, size_t n) {
    if (likely(n == 1))
        page_cache_free(&page_heap, p_page_cache(p_self()), p);
    else
        pageheap_free(&page_heap, p, n);
}

static bool is_spare(void) {
    return load_relaxed(&page_heap.free) > page_heap.total / SPARE_SHARE;
}

bool page_is_spare(void) {
    mem_check_open();
    return likely(is_spare()) || (page_make_room() && is_spare());
}

void page_cache_flush(P *p) {
    page_cache_empty(&page_heap, p_page_cache(p));
}

PageStats page_stats(void) {
    return pageheap_stats(&page_heap);
}

NodeMemory page_node(int node) {
    return pageheap_node(&page_heap, node);
}

int page_nodes(void) {
    return page_heap.nodes > 1 ? page_heap.nodes : 1;
}

bool page_is_direct(const void *p) {
    return pageheap_zone(&page_heap, (uintptr_t)p) != NULL;
}

// ---- words per page

uint64_t *page_half_word(void *p, unsigned *shift) {
    PageZone *z = pageheap_zone(&page_heap, (uintptr_t)p);
    if (!z) return NULL;
    size_t bit = ((uintptr_t)p - z->base) / PAGE_SIZE * 2;
    *shift = bit % 64;
    return z->half + bit / 64;
}
