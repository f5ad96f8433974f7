// units: rt/page.c rt/page_tree.c rt/page_large.c tests/unit/stub_plat.c
// test_page.c -- page allocator: against a plain model, at its limits, with caches, large and scattered
// memory.
#include "stub_plat.h"

static const size_t MB = 1 << 20;

static PageHeap own;
static Lock heap_lock;
static void fresh_heap(void) {
    pageheap_init(&own, &heap_lock);
}

// ---- the model: one byte a page, searched by eye
typedef struct {
    uintptr_t lo;
    size_t pages;
    unsigned char *used; // 1: allocated
} Model;

static uintptr_t model_alloc(Model *m, int zones, size_t n) {
    for (int z = 0; z < zones; z++) {
        size_t run = 0;
        for (size_t i = 0; i < m[z].pages; i++) {
            run = m[z].used[i] ? 0 : run + 1;
            if (run == n) {
                memset(m[z].used + i + 1 - n, 1, n);
                return m[z].lo + (i + 1 - n) * PAGE_SIZE;
            }
        }
    }
    return 0;
}
// First the wished node's zones (node of zone z: z % 2), then the others. Of one zone at a time: model_alloc
// of a part.
static uintptr_t model_alloc_near(Model *m, int zones, size_t n, int near) {
    if (near < 0) return model_alloc(m, zones, n);
    uintptr_t p = 0;
    for (int turn = 0; turn < 2 && !p; turn++)
        for (int z = 0; z < zones && !p; z++)
            if ((z % 2 == near) == (turn == 0)) p = model_alloc(m + z, 1, n);
    return p;
}
static size_t model_largest(Model *m, int zones) {
    size_t best = 0;
    for (int z = 0; z < zones; z++) {
        size_t run = 0;
        for (size_t i = 0; i < m[z].pages; i++) {
            run = m[z].used[i] ? 0 : run + 1;
            if (run > best) best = run;
        }
    }
    return best;
}
static void model_free(Model *m, int zones, uintptr_t p, size_t n) {
    for (int z = 0; z < zones; z++)
        if (p >= m[z].lo && p < m[z].lo + m[z].pages * PAGE_SIZE)
            memset(m[z].used + (p - m[z].lo) / PAGE_SIZE, 0, n);
}

// Random sizes, address for address what first fit must give. Zones begin and end away from chunk borders.
static void model_run(const size_t *zone_pages, int zones, size_t max_n, int steps) {
    char *mem = stub_reserve(512 * MB);
    Model model[4];
    size_t total = 0;
    fresh_heap();
    for (int z = zones - 1; z >= 0; z--) { // added in falling order: the heap sorts them
        uintptr_t lo = (uintptr_t)mem + (size_t)z * 128 * MB + (size_t)(z * 37 % 11) * PAGE_SIZE;
        CHECK(pageheap_add(&own, lo, lo + zone_pages[z] * PAGE_SIZE, z % 2));
    }
    own.reserve = 0;
    for (int z = 0; z < zones; z++) {
        PageZone *pz = own.zone[z];
        model[z] = (Model){pz->hi - pz->usable * PAGE_SIZE, pz->usable, calloc(1, pz->usable)};
        total += pz->usable;
    }
    CHECK_EQ(own.total, total);
    struct {
        uintptr_t p;
        size_t n;
    } *live = calloc((size_t)steps, sizeof *live);
    size_t n_live = 0, free_pages = total;
    for (int i = 0; i < steps; i++) {
        bool grow = i / (steps / 6) % 2 == 0; // phases: fill up, drain, ...
        if (test_below(100) < (grow ? 65u : 35u)) {
            size_t n = test_below(3) ? 1 + test_below(4) : 1 + test_below(max_n);
            int near = own.nodes > 1 ? (int)test_below((unsigned)own.nodes + 1) - 1 : -1; // -1: none
            uintptr_t want = model_alloc_near(model, zones, n, near);
            uintptr_t got = (uintptr_t)pageheap_alloc(&own, n, near < 0 ? 0 : PAGE_NEAR(near));
            CHECK_PTR((void *)got, (void *)want);
            if (got) live[n_live].p = got, live[n_live++].n = n, free_pages -= n;
        } else if (n_live) {
            size_t k = test_below(n_live), n = live[k].n;
            uintptr_t p = live[k].p;
            if (n > 1 && test_below(4) == 0) { // only a part of it
                size_t part = 1 + test_below(n - 1);
                live[k].p += part * PAGE_SIZE, live[k].n -= part, n = part;
            } else
                live[k] = live[--n_live];
            pageheap_free(&own, (void *)p, n);
            model_free(model, zones, p, n);
            free_pages += n;
        }
        if (i % 64 == 0) {
            PageStats s = pageheap_stats(&own);
            CHECK_EQ(s.free, free_pages * PAGE_SIZE);
            CHECK_EQ(s.largest, model_largest(model, zones) * PAGE_SIZE);
            size_t by_node = 0;
            for (int node = 0; node < 2; node++)
                by_node += pageheap_node(&own, node).free;
            CHECK_EQ(by_node, s.free);
        }
    }
    while (n_live--)
        pageheap_free(&own, (void *)live[n_live].p, live[n_live].n);
    CHECK_EQ(pageheap_stats(&own).free, total * PAGE_SIZE);
    for (int z = 0; z < zones; z++) {
        CHECK_EQ(zone_largest(own.zone[z]), own.zone[z]->usable); // everything merged again
        free(model[z].used);
    }
    free(live);
    stub_release(mem, 512 * MB);
}
static void test_model_tiny(void) {
    model_run((size_t[]){40}, 1, 12, 20000);
}
static void test_model_one_zone(void) {
    model_run((size_t[]){4096}, 1, 700, 20000);
}
static void test_model_deep(void) {
    model_run((size_t[]){5 * 4096 + 77}, 1, 5000, 6000);
} // three levels
static void test_model_zones(void) {
    model_run((size_t[]){1500, 9, 513, 2600}, 4, 900, 20000);
}

static void test_too_small(void) {
    char *mem = stub_reserve(MB);
    fresh_heap();
    CHECK(!pageheap_add(&own, (uintptr_t)mem, (uintptr_t)mem, 0));
    CHECK(!pageheap_add(&own, (uintptr_t)mem, (uintptr_t)mem + PAGE_SIZE, 0));
    CHECK(!pageheap_add(&own, (uintptr_t)mem + 5, (uintptr_t)mem + 2 * PAGE_SIZE, 0));
    CHECK(pageheap_add(&own, (uintptr_t)mem + 5, (uintptr_t)mem + 9 * PAGE_SIZE, 0)); // rounded inward
    CHECK_EQ(own.total, 7);
    CHECK_PTR(pageheap_alloc(&own, 8, PAGE_RESERVE), NULL);
    CHECK_PTR(pageheap_alloc(&own, 1, 0), mem + 2 * PAGE_SIZE);
    stub_release(mem, MB);
}

// 512 GB: metadata stays small, the tree has its full height, and runs of any length are found.
static void test_huge_zone(void) {
    const size_t bytes = 512ull << 30;
    char *mem = stub_reserve(bytes);
    fresh_heap();
    CHECK(pageheap_add(&own, (uintptr_t)mem, (uintptr_t)mem + bytes, 0));
    PageZone *z = own.zone[0];
    CHECK_EQ(z->levels, 7);
    CHECK((z->pages - z->usable) * PAGE_SIZE < bytes / 5000);
    size_t n = own.total / 2;
    char *a = pageheap_alloc(&own, n, 0), *b = pageheap_alloc(&own, 1, 0),
         *c = pageheap_alloc(&own, n / 2, 0);
    CHECK_PTR(b, a + n * PAGE_SIZE);
    CHECK_PTR(c, b + PAGE_SIZE);
    CHECK_PTR(pageheap_alloc(&own, n, 0), NULL);
    pageheap_free(&own, a, n);
    CHECK_PTR(pageheap_alloc(&own, n + 1, 0), NULL);
    CHECK_PTR(pageheap_alloc(&own, n, 0), a);
    pageheap_free(&own, a, n);
    pageheap_free(&own, c, n / 2);
    pageheap_free(&own, b, 1);
    CHECK_EQ(zone_largest(z), z->usable);
    stub_release(mem, bytes);
}

static void test_reserve(void) {
    char *mem = stub_reserve(64 * MB);
    fresh_heap();
    CHECK(pageheap_add(&own, (uintptr_t)mem, (uintptr_t)mem + 64 * MB, 0));
    CHECK_EQ(own.reserve, 255); // 1/64 of what the zone has; 1 MB is the bound
    size_t ordinary = 0, reserved = 0;
    while (pageheap_alloc(&own, 1, 0))
        ordinary++;
    CHECK_EQ(ordinary, own.total - own.reserve);
    CHECK_PTR(pageheap_alloc(&own, 2, 0), NULL);
    void *page;
    CHECK_EQ(pageheap_take(&own, &page, 1, 0), 0);
    while (pageheap_alloc(&own, 1, PAGE_RESERVE))
        reserved++;
    CHECK_EQ(reserved, own.reserve);
    CHECK_EQ(pageheap_stats(&own).free, 0);
    pageheap_free(&own, mem + 32 * MB, 1); // fills the reserve first
    CHECK_PTR(pageheap_alloc(&own, 1, 0), NULL);
    stub_release(mem, 64 * MB);
}

static void test_misuse(void) {
    char *mem = stub_reserve(16 * MB);
    fresh_heap();
    CHECK(pageheap_add(&own, (uintptr_t)mem, (uintptr_t)mem + 8 * MB, 0));
    char *p = pageheap_alloc(&own, 4, 0);
    CHECK_THROWS("not a page of", pageheap_free(&own, &own, 1));
    CHECK_THROWS("not a page of", pageheap_free(&own, mem + 8 * MB, 1));
    CHECK_THROWS("is free already", pageheap_free(&own, p + 4 * PAGE_SIZE, 1));
    CHECK_THROWS("is free already", pageheap_free(&own, p, 5));
    CHECK_THROWS("is free already", pageheap_free(&own, p + 1, 1));
    CHECK_THROWS("is free already", pageheap_free(&own, mem, 1)); // metadata
    CHECK_THROWS("is free already", pageheap_free(&own, mem + 8 * MB - PAGE_SIZE, 2));
    pageheap_free(&own, p, 4);
    CHECK_THROWS("is free already", pageheap_free(&own, p, 4));
    CHECK_EQ(pageheap_stats(&own).free, own.total * PAGE_SIZE); // errors changed nothing
    stub_release(mem, 16 * MB);
}

// ---- caches: two Ps over one heap
static void test_caches(void) {
    stub_cpu_count = 2;
    char *mem = stub_reserve(32 * MB);
    fresh_heap();
    CHECK(pageheap_add(&own, (uintptr_t)mem, (uintptr_t)mem + 32 * MB, 0));
    const size_t all = own.total * PAGE_SIZE;
    PageCache a = {0}, b = {0};
    enum { N = 3000 };
    static char *page[N];
    for (int i = 0; i < N; i++) {
        page[i] = page_cache_alloc(&own, i % 3 ? &a : &b);
        CHECK(page[i] != NULL);
        memset(page[i], 0x5a, PAGE_SIZE);
        if (i) CHECK(page[i] != page[i - 1]);
    }
    CHECK_EQ(pageheap_stats(&own).free, all - N * (size_t)PAGE_SIZE); // exact although the caches hold some
    CHECK_EQ(pageheap_stats(&own).cached, (a.n + b.n) * PAGE_SIZE);
    for (int i = 0; i < N; i++)
        page_cache_free(&own, i % 2 ? &a : &b, page[i]);
    CHECK_EQ(a.limit, 63); // half of a 64th of 32 MB
    CHECK(a.n <= a.limit && b.n <= b.limit);
    CHECK(a.n > 0 && b.n > 0);
    CHECK_EQ(pageheap_stats(&own).free, all);
    // Asked to give back: a does at its next free, b when it is emptied from outside.
    page_caches_ask(&own);
    void *p = page_cache_alloc(&own, &a);
    page_cache_free(&own, &a, p);
    CHECK_EQ(a.n, 1);
    page_cache_empty(&own, &a);
    page_cache_empty(&own, &b);
    CHECK_EQ(pageheap_stats(&own).cached, 0);
    CHECK_EQ(zone_largest(own.zone[0]), own.total);
    // Exhaustion: what the other P caches is out of reach, everything else is not.
    p = page_cache_alloc(&own, &b);
    size_t n = 0, b_holds = b.n;
    while (page_cache_alloc(&own, &a))
        n++;
    CHECK_EQ(n, own.total - own.reserve - 1 - b_holds);
    CHECK_EQ(b.limit, 0); // was asked
    page_cache_free(&own, &b, p);
    CHECK_EQ(b.n, 1);
    stub_release(mem, 32 * MB);
    stub_cpu_count = 1;
}

// Two nodes, a P on each: pages come from the own node, then from the other; one of the other's does not stay in the cache.
static void test_nodes(void) {
    char *mem = stub_reserve(64 * MB);
    fresh_heap();
    CHECK(pageheap_add(&own, (uintptr_t)mem, (uintptr_t)mem + 8 * MB, 0));
    CHECK(pageheap_add(&own, (uintptr_t)mem + 32 * MB, (uintptr_t)mem + 40 * MB, 1));
    CHECK_EQ(own.nodes, 2);
    PageCache a = {.near = PAGE_NEAR(0)}, b = {.near = PAGE_NEAR(1)};
    size_t total = pageheap_node(&own, 1).total;
    CHECK_EQ(pageheap_node(&own, 1).free, total);
    char *low = page_cache_alloc(&own, &a), *high = page_cache_alloc(&own, &b);
    CHECK(low < mem + 8 * MB && high >= mem + 32 * MB);
    uint32_t held = b.n;
    page_cache_free(&own, &b, low);
    CHECK_EQ(b.n, held);
    page_cache_free(&own, &b, high);
    CHECK_EQ(b.n, held + 1);
    page_cache_empty(&own, &a);
    page_cache_empty(&own, &b);
    CHECK_EQ(pageheap_node(&own, 1).free, total);
    PageStats before = pageheap_stats(&own);
    char *first = pageheap_alloc(&own, 5 * MB / PAGE_SIZE, PAGE_NEAR(1)), *second = pageheap_alloc(&own, 5 * MB / PAGE_SIZE, PAGE_NEAR(1));
    CHECK(first >= mem + 32 * MB && second && second < mem + 8 * MB);
    CHECK_EQ(pageheap_stats(&own).near - before.near, 5 * MB);
    CHECK_EQ(pageheap_stats(&own).far - before.far, 5 * MB);
    CHECK_EQ(pageheap_node(&own, 1).free, total - 5 * MB);
    stub_release(mem, 64 * MB);
}

static void test_cached_double_free(void) {
    char *mem = stub_reserve(32 * MB);
    fresh_heap();
    CHECK(pageheap_add(&own, (uintptr_t)mem, (uintptr_t)mem + 32 * MB, 0));
    PageCache a = {0};
    char *p = page_cache_alloc(&own, &a);
    page_cache_free(&own, &a, p);
#ifdef RT_DEBUG
    CHECK_THROWS("is free already (cached)", page_cache_free(&own, &a, p));
    p[3] ^= 1;
    CHECK_THROWS("a free page was written to", page_cache_alloc(&own, &a));
#else
    page_cache_free(&own, &a, p); // seen when the cache is emptied
    CHECK_THROWS("is free already", page_cache_empty(&own, &a));
#endif
    stub_release(mem, 32 * MB);
}

// ---- the machine's heap: page_alloc and what lies on it

static void test_global(void) {
    PageStats before = page_stats();
    char *one = page_alloc(1), *run = page_alloc(300), *kept = page_alloc_reserve(2);
    CHECK(one && run && kept);
    CHECK_EQ(page_stats().free, before.free - 303 * (size_t)PAGE_SIZE);
    unsigned shift;
    uint64_t *w = page_half_word(run, &shift), *w2;
    unsigned shift2;
    w2 = page_half_word(run + PAGE_SIZE, &shift2);
    CHECK(w && w2 && (w != w2 || shift + 2 == shift2));
    CHECK_PTR(page_half_word(&before, &shift), NULL);
    page_free(one, 1);
    page_free(run, 300);
    page_free(kept, 2);
    CHECK_PTR(page_alloc(before.total / PAGE_SIZE + 1), NULL);
    page_cache_flush(p_self());
    CHECK_EQ(page_stats().cached, 0);
    CHECK_EQ(before.free, page_stats().free);
}

// Contiguous run blocked only by the caller's own cache: page_alloc empties it and succeeds.
static void test_run_behind_cache(void) {
    page_cache_flush(p_self());
    size_t largest = page_stats().largest / PAGE_SIZE;
    void *p = page_alloc(1); // the cache now holds pages from the low end of the free memory
    page_free(p, 1);
    CHECK(page_stats().largest < largest * PAGE_SIZE);
    p = page_alloc(largest - page_heap.reserve);
    CHECK(p != NULL);
    page_free(p, largest - page_heap.reserve);
    CHECK_EQ(page_stats().largest, largest * PAGE_SIZE);
}

// Every other page freed: no run of two, yet any part of the free memory can be had as one object.
static void test_scattered_pages(void) {
    PageStats before = page_stats();
    size_t n = (before.free / PAGE_SIZE) - page_heap.reserve, k = 0;
    void **page = calloc(n, sizeof *page);
    while (k < n && (page[k] = page_alloc(1)))
        k++;
    CHECK(k > n - PAGE_CACHE_MAX);
    size_t lone = 0;
    for (size_t i = 0; i < k; i += 2, lone++)
        page_free(page[i], 1);
    CHECK(page_stats().largest <= (page_heap.reserve + PAGE_CACHE_MAX) * PAGE_SIZE);
    PageStats mid = page_stats();
    size_t quarter = mid.free / PAGE_SIZE / 4, most = mid.free / PAGE_SIZE * 9 / 10;
    for (size_t want = quarter; want <= most; want = want == quarter ? most : most + 1) {
        char *big = page_alloc_large(want);
        CHECK(big != NULL && !page_is_direct(big));
        if (!big) break;
        CHECK_EQ(stub_vmap_live, want);
        big[0] = big[want * PAGE_SIZE - 1] = 1;
        CHECK_EQ(page_stats().free, mid.free - want * PAGE_SIZE); // the list of frames is gone again
        page_free_large(big, want);
        CHECK_EQ(page_stats().free, mid.free);
        CHECK_EQ(stub_vmap_live, 0);
    }
    CHECK_PTR(page_alloc_large(mid.free / PAGE_SIZE + 1), NULL);
    stub_vunmap_late = true; // frames on their way are collected before anybody hears NULL
    for (int i = 0; i < 5; i++) {
        char *big = page_alloc_large(most);
        CHECK(big != NULL);
        if (big) page_free_large(big, most);
    }
    CHECK(page_stats().free < mid.free);
    CHECK(page_make_room());
    CHECK_EQ(page_stats().free, mid.free);
    stub_vunmap_late = false;
    stub_vmap_fails = true;
    CHECK_PTR(page_alloc_large(quarter), NULL);
    stub_vmap_fails = false;
    CHECK_EQ(page_stats().free, mid.free);
    for (size_t i = 1; i < k; i += 2)
        page_free(page[i], 1);
    CHECK_EQ(page_stats().free, before.free);
    page_cache_flush(p_self());
    CHECK_EQ(page_stats().largest, before.largest);
    char *whole = page_alloc_large(quarter); // now contiguous
    CHECK(page_is_direct(whole));
    page_free_large(whole, quarter);
    free(page);
}

int main(void) {
    RUN(test_model_tiny);
    RUN(test_model_one_zone);
    RUN(test_model_deep);
    RUN(test_model_zones);
    RUN(test_too_small);
    RUN(test_huge_zone);
    RUN(test_reserve);
    RUN(test_misuse);
    RUN(test_caches);
    RUN(test_nodes);
    RUN(test_cached_double_free);
    char *mem = stub_reserve(256 * MB);
    CHECK(rt_mem_add((uintptr_t)mem, (uintptr_t)mem + 256 * MB, 0));
    RUN(test_global);
    RUN(test_run_behind_cache);
    RUN(test_scattered_pages);
    return test_done();
}
