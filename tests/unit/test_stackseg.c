// units: rt/stackseg.c rt/page.c rt/page_tree.c rt/page_large.c tests/unit/stub_plat.c
// test_stackseg.c -- stack segments: halves that rejoin, caches, counters, two Ps, and the scattered-memory
// requirement: with a million 2 KB segments allocated and every second one freed at random, a quarter of the
// free memory can be had as one object.
#include "stub_plat.h"

static const size_t MB = 1 << 20;

static void flush_all(void) {
    for (int i = 0; i < 2; i++) {
        stub_set_p(stub_p(i));
        seg_cache_flush(p_self());
        page_cache_flush(p_self());
    }
    stub_set_p(stub_p(0));
}

static void test_classes(void) {
    PageStats before = page_stats();
    enum { N = 40 };
    static struct {
        char *p;
        size_t bytes;
    } seg[(SEG_CLASSES + 1) * N];
    int n = 0;
    for (size_t bytes = SEG_MIN; bytes <= 256 << 10; bytes *= 2)
        for (int i = 0; i < N; i++, n++)
            seg[n].p = seg_alloc(bytes), seg[n].bytes = bytes;
    for (int i = 0; i < 4; i++, n++)
        seg[n].p = seg_alloc(300 << 10), seg[n].bytes = 300 << 10;
    for (int i = 0; i < n; i++) {
        CHECK(seg[i].p != NULL);
        memset(seg[i].p, i & 255, seg[i].bytes);
    }
    SegStats s = seg_stats();
    for (unsigned c = 0; c < SEG_CLASSES; c++)
        CHECK_EQ(s.in_use[c], N);
    CHECK_EQ(s.in_use[SEG_CLASSES], 4);
    CHECK_EQ(s.in_use_bytes, N * (512 - 2) << 10);
    for (int i = 0; i < n; i++) {
        unsigned char *p = (unsigned char *)seg[i].p;
        CHECK(p[0] == (i & 255) && p[seg[i].bytes - 1] == (i & 255)); // none overlaps another
        stub_set_p(stub_p(i % 2));                                    // freed on either P
        seg_free(p, seg[i].bytes);
    }
    s = seg_stats();
    for (unsigned c = 0; c <= SEG_CLASSES; c++)
        CHECK_EQ(s.in_use[c], 0);
    CHECK(s.cached[0] > 0 && s.cached[2] > 0);
    size_t kept = 0;
    for (unsigned c = 1; c < SEG_CLASSES; c++)
        kept += s.cached[c] * (SEG_MIN << c);
    CHECK(kept <= 2 * (512 << 10));
    flush_all();
    s = seg_stats();
    for (unsigned c = 0; c < SEG_CLASSES; c++)
        CHECK_EQ(s.cached[c], 0);
    CHECK_EQ(s.lone_halves, 0);
    CHECK_EQ(page_stats().free, before.free);
    CHECK_EQ(page_stats().largest, before.largest);
}

static void test_halves_rejoin(void) {
    size_t before = page_stats().free;
    enum { N = 1000 };
    static void *half[N];
    for (int i = 0; i < N; i++)
        half[i] = seg_alloc(SEG_MIN);
    flush_all();
    CHECK_EQ(page_stats().free, before - N / 2 * (size_t)PAGE_SIZE); // two to a page
    for (int i = 0; i < N; i++)
        if (((uintptr_t)half[i] & SEG_MIN) == 0) seg_free(half[i], SEG_MIN);
    flush_all();
    CHECK_EQ(seg_stats().lone_halves, N / 2);
    CHECK_EQ(page_stats().free, before - N / 2 * (size_t)PAGE_SIZE);
    void *again = seg_alloc(SEG_MIN); // lone halves first, before a fresh page
    CHECK_EQ(page_stats().free, before - N / 2 * (size_t)PAGE_SIZE);
    seg_free(again, SEG_MIN);
    for (int i = 0; i < N; i++)
        if ((uintptr_t)half[i] & SEG_MIN) seg_free(half[i], SEG_MIN);
    flush_all();
    CHECK_EQ(seg_stats().lone_halves, 0);
    CHECK_EQ(page_stats().free, before);
}

// Random mix of all classes on two Ps; every segment is filled with its own pattern and checked when it is
// freed.
static void test_random(void) {
    size_t before = page_stats().free;
    enum { N = 3000 };
    static struct {
        uint64_t *p;
        size_t bytes;
    } seg[N];
    for (int i = 0; i < 300000; i++) {
        int k = (int)test_below(N);
        stub_set_p(stub_p((int)test_below(2)));
        if (seg[k].p) {
            CHECK(seg[k].p[0] == (uintptr_t)&seg[k] && seg[k].p[seg[k].bytes / 8 - 1] == (uintptr_t)&seg[k]);
            seg_free(seg[k].p, seg[k].bytes);
            seg[k].p = NULL;
        } else {
            seg[k].bytes = (size_t)SEG_MIN << (test_below(4) ? test_below(2) : test_below(SEG_CLASSES));
            seg[k].p = i % 7 ? seg_alloc(seg[k].bytes) : seg_alloc_reserve(seg[k].bytes);
            CHECK(seg[k].p != NULL);
            seg[k].p[0] = seg[k].p[seg[k].bytes / 8 - 1] = (uintptr_t)&seg[k];
        }
    }
    for (int k = 0; k < N; k++)
        if (seg[k].p) seg_free(seg[k].p, seg[k].bytes);
    flush_all();
    CHECK_EQ(page_stats().free, before);
    CHECK_EQ(seg_stats().in_use_bytes, 0);
}

// A segment freed twice was counted twice.
static void counter_undo(void) {
    _Atomic intptr_t *n = &p_self()->seg_cache.in_use[0];
    store_relaxed(n, load_relaxed(n) + 1);
}
static void test_misuse(void) {
    CHECK_THROWS("size that no class has", seg_alloc(3000));
    CHECK_THROWS("size that no class has", seg_alloc(0));
    CHECK_THROWS("size that no class has", seg_alloc((256 << 10) + 1));
    void *a = seg_alloc(SEG_MIN), *b = seg_alloc(SEG_MIN);
    seg_free(a, SEG_MIN);
#ifdef RT_DEBUG
    CHECK_THROWS("is free already (cached)", seg_free(a, SEG_MIN));
#endif
    flush_all(); // a is a lone half now
    seg_free(a, SEG_MIN);
    CHECK_THROWS("is free already", seg_cache_flush(p_self()));
    store_relaxed(&p_self()->seg_cache.n, 0); // the end of that story
    counter_undo();
    seg_free(b, SEG_MIN);
    flush_all();
}

// What a P keeps of the larger classes: 64 KB of each, or one segment; it hands out the one that was written to last, in whole, and gives all
// back when another P has met the end of memory.
static void test_lists(void) {
    flush_all();
    size_t before = page_stats().free;
    void *seg[40];
    for (unsigned class = 1; class < SEG_CLASSES; class++) {
        size_t bytes = (size_t)SEG_MIN << class, bound = bytes <= 64 << 10 ? (64 << 10) / bytes : bytes == 128 << 10;
        for (int i = 0; i < 40; i++)
            CHECK((seg[i] = seg_alloc(bytes)) != NULL);
        for (int i = 0; i < 40; i++)
            seg_free(memset(seg[i], i, bytes), bytes);
        CHECK_EQ(seg_stats().cached[class], bound);
        CHECK_EQ(seg_stats().in_use[class], 0);
        for (size_t i = 0; i < bound; i++)
            CHECK_PTR(seg_alloc(bytes), seg[bound - 1 - i]);
        for (size_t i = 0; i < bound; i++)
            seg_free(seg[i], bytes);
    }
    CHECK_EQ(page_stats().free, before - (5 * (64 << 10) + (128 << 10)));
    // P 1 meets the end of memory; what P 0 keeps goes back when that one frees something.
    stub_set_p(stub_p(1));
    CHECK_PTR(seg_alloc((size_t)1 << 40), NULL);
    CHECK_EQ(seg_stats().cached[2], 8);
    stub_set_p(stub_p(0));
    void *large = seg_alloc(64 << 10); // from the list
    CHECK_EQ(seg_stats().cached[5], 0);
    seg_free(large, 64 << 10);
    for (unsigned class = 1; class < SEG_CLASSES; class++)
        CHECK_EQ(seg_stats().cached[class], 0);
    flush_all();
    CHECK_EQ(page_stats().free, before);
}

// The requirement. 2 GB of segments; what is touched of it is one cache line a free half.
static void test_scattered(size_t n) {
    size_t before = page_stats().free;
    void **seg = malloc(n * sizeof *seg);
    for (size_t i = 0; i < n; i++)
        seg[i] = seg_alloc(SEG_MIN);
    CHECK(seg[n - 1] != NULL);
    for (size_t i = n - 1; i > 0; i--) { // shuffle
        size_t k = test_below(i + 1);
        void *t = seg[i];
        seg[i] = seg[k], seg[k] = t;
    }
    for (size_t i = 0; i < n / 2; i++)
        seg_free(seg[i], SEG_MIN);
    // Let free memory be what is scattered: take the untouched rest away.
    size_t taken_n = 0, run;
    static struct {
        void *p;
        size_t n;
    } taken[64];
    while ((run = page_stats().largest / PAGE_SIZE) > 4096 && taken_n < 64) {
        if (run > page_stats().free / PAGE_SIZE - page_heap.reserve) run -= page_heap.reserve;
        taken[taken_n].n = run;
        taken[taken_n++].p = page_alloc(run);
    }
    PageStats s = page_stats();
    SegStats g = seg_stats();
    printf("scattered: %zu segments in use, %zu lone halves, free %zu MB, largest run %zu KB\n", g.in_use[0],
           g.lone_halves, s.free / MB, s.largest / 1024);
    size_t want = s.free / PAGE_SIZE / 4;
    CHECK(s.largest < want * PAGE_SIZE);
    char *big = page_alloc_large(want);
    CHECK(big != NULL);
    if (big) {
        big[0] = big[want * PAGE_SIZE - 1] = 1;
        page_free_large(big, want);
    }
    // A stack still grows.
    void *deep = seg_alloc(256 << 10);
    CHECK(deep != NULL);
    seg_free(deep, 256 << 10);
    for (size_t i = 0; i < taken_n; i++)
        page_free(taken[i].p, taken[i].n);
    for (size_t i = n / 2; i < n; i++)
        seg_free(seg[i], SEG_MIN);
    flush_all();
    CHECK_EQ(page_stats().free, before);
    CHECK_EQ(seg_stats().lone_halves, 0);
    free(seg);
}
static void test_scattered_million(void) {
    test_scattered(1000000);
}

static void test_exhausted(void) {
    size_t before = page_stats().free, n = 0, most = before / SEG_MIN;
    void **seg = malloc((most + 1) * sizeof *seg);
    stub_set_p(stub_p(1)); // P 1 keeps something
    for (int i = 0; i < 20; i++)
        seg[i] = seg_alloc(SEG_MIN);
    for (int i = 0; i < 20; i++)
        seg_free(seg[i], SEG_MIN);
    size_t kept = stub_p(1)->seg_cache.n;
    CHECK(kept > 0);
    stub_set_p(stub_p(0));
    while ((seg[n] = seg_alloc(SEG_MIN)) != NULL)
        n++;
    size_t reach = before / SEG_MIN - page_heap.reserve * 2 - kept - stub_p(1)->page_cache.n * 2;
    CHECK_EQ(n, reach);
    CHECK_EQ(stub_p(1)->seg_cache.half_limit, 0); // was asked to give back
    CHECK_PTR(seg_alloc(8192), NULL);
    void *last = seg_alloc_reserve(SEG_MIN), *deep = seg_alloc_reserve(256 << 10);
    CHECK(last != NULL && deep != NULL);
    seg_free(last, SEG_MIN);
    seg_free(deep, 256 << 10);
    while (n > 0)
        seg_free(seg[--n], SEG_MIN);
    flush_all();
    CHECK_EQ(page_stats().free, before);
    free(seg);
}

int main(void) {
    stub_cpu_count = 2;
    char *mem = stub_reserve(2300 * MB);
    CHECK(rt_mem_add((uintptr_t)mem, (uintptr_t)mem + 300 * MB, 0));
    RUN(test_classes);
    RUN(test_halves_rejoin);
    RUN(test_lists);
    RUN(test_random);
    RUN(test_misuse);
    RUN(test_exhausted);
    CHECK(rt_mem_add((uintptr_t)mem + 301 * MB, (uintptr_t)mem + 2300 * MB, 0));
    RUN(test_scattered_million);
    return test_done();
}
