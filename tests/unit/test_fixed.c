// units: rt/fixed.c rt/page.c rt/page_tree.c rt/page_large.c tests/unit/stub_plat.c
// test_fixed.c -- record pools: distinct, aligned, reused, counted, and alive on the reserve.
#include "stub_plat.h"

static void check_size(uint32_t bytes, uint32_t align) {
    RecPool pool = REC_POOL(bytes);
    enum { N = 2000 };
    static unsigned char *rec[N];
    CHECK_EQ(pool.size % 8, 0);
    CHECK(pool.size >= bytes);
    for (int i = 0; i < N; i++) {
        rec[i] = rec_alloc(&pool);
        CHECK(rec[i] != NULL);
        CHECK_EQ((uintptr_t)rec[i] % align, 0);
        memset(rec[i], i & 255, pool.size);
    }
    CHECK_EQ(pool.in_use, N);
    for (int i = 0; i < N; i++) // no two overlap
        for (uint32_t b = 0; b < pool.size; b++)
            if (rec[i][b] != (i & 255)) {
                CHECK_EQ(rec[i][b], i & 255);
                break;
            }
    size_t blocks = pool.blocks;
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < N; i++)
            rec_free(&pool, rec[i]);
        CHECK_EQ(pool.in_use, 0);
        for (int i = 0; i < N; i++)
            rec[i] = rec_alloc(&pool);
    }
    CHECK_EQ(pool.blocks, blocks); // reused
    void *last = rec[N - 1];
    rec_free(&pool, last);
    CHECK_PTR(rec_alloc(&pool), last);
}
static void test_sizes(void) {
    check_size(1, 16);
    check_size(40, 8);
    check_size(48, 16);
    check_size(192, 64);
    check_size(4096, 4096);
    check_size(5000, 8); // larger than a page
}

static void test_exhausted(void) {
    RecPool pool = REC_POOL(4096);
    while (page_alloc(1)) {
    }
    void *first = rec_alloc(&pool); // ordinary memory is gone: the reserve serves
    CHECK(first != NULL);
    size_t n = 1;
    while (rec_alloc(&pool))
        n++;
    CHECK_EQ(n, page_heap.reserve);
    rec_free(&pool, first);
    CHECK_PTR(rec_alloc(&pool), first);
}

#ifdef RT_DEBUG
static void test_misuse(void) {
    RecPool pool = REC_POOL(64);
    uint64_t *rec = rec_alloc(&pool);
    rec_free(&pool, rec);
    CHECK_THROWS("record is free already", rec_free(&pool, rec));
    rec[1] = 7;
    CHECK_THROWS("free record was written", rec_alloc(&pool));
}
#endif

// While the collector has the world stopped.
static void closed(void) {
    static RecPool pool = REC_POOL(64);
    void *rec = rec_alloc(&pool);
    rec_free(&pool, rec);
    store_relaxed(&mem_closed, true);
    CHECK_THROWS("the collector had stopped the world", rec_alloc(&pool)); // although one is free
    store_relaxed(&mem_closed, true);
    CHECK_THROWS("the collector had stopped the world", page_alloc(1));
    store_relaxed(&mem_closed, true);
    CHECK_THROWS("the collector had stopped the world", page_alloc_large(3));
    store_relaxed(&mem_closed, true);
    CHECK_THROWS("the collector had stopped the world", page_alloc_reserve(1));
    store_relaxed(&mem_closed, false);
    CHECK_PTR(rec_alloc(&pool), rec);
}

int main(void) {
    char *mem = stub_reserve(64 << 20);
    CHECK(rt_mem_add((uintptr_t)mem, (uintptr_t)mem + (64 << 20), 0));
    RUN(test_sizes);
#ifdef RT_DEBUG
    RUN(test_misuse);
#endif
    RUN(closed);
    RUN(test_exhausted);
    return test_done();
}
