// units: rt/alloc.c rt/central.c rt/span.c rt/spanmap.c rt/sweep.c rt/sizeclass.c rt/object.c rt/type.c rt/fixed.c rt/stackseg.c rt/page.c rt/page_tree.c rt/page_large.c tests/unit/stub_plat.c
// test_mem_threads.c -- the memory parts under several cores at once: what one P allocates another frees,
// caches are asked to give back while they are in use, memory runs out now and then. Nothing is handed out
// twice and everything comes back.
#include "stub_plat.h"
#include <pthread.h>

enum { THREADS = 4, SLOTS = 4000, STEPS = 150000 };

typedef struct Block {
    struct Block *self;
    size_t bytes; // of the segment; 0: one page
} Block;

static _Atomic(Block *) slot[SLOTS]; // exchange hands a block over, so its user is alone with it
static _Atomic unsigned long lost, refused, objects;
static RecPool pool = REC_POOL(64);

static void block_free(Block *b) {
    if (b->self != b) fetch_add(&lost, 1);
    b->self = NULL;
    if (b->bytes)
        seg_free(b, b->bytes);
    else
        page_free(b, 1);
}

static void *run(void *arg) {
    stub_set_p(stub_p((int)(intptr_t)arg));
    uint64_t r = (uint64_t)(intptr_t)arg * 0x9e3779b97f4a7c15ull + 1;
    for (int i = 0; i < STEPS; i++) {
        r ^= r << 13, r ^= r >> 7, r ^= r << 17;
        size_t bytes = r % 5 == 0 ? 0 : (size_t)SEG_MIN << (r % 5 < 4 ? 0 : (r >> 8) % SEG_CLASSES);
        Block *b = bytes ? seg_alloc(bytes) : page_alloc(1);
        if (b)
            *b = (Block){b, bytes};
        else
            fetch_add(&refused, 1);
        b = exchange(&slot[(r >> 20) % SLOTS], b);
        if (b) block_free(b);
        if (i % 2 == 0) {
            uint64_t *rec = rec_alloc(&pool);
            rec[0] = rec[7] = (uintptr_t)rec;
            if (i % 64 == 0) page_stats(); // time for others
            if (rec[0] != (uintptr_t)rec || rec[7] != (uintptr_t)rec) fetch_add(&lost, 1);
            rec_free(&pool, rec);
        }
        if (i % 4096 == 17) page_caches_ask(&page_heap);
        if (i % 512 == 5) {
            uint64_t *o = heap_alloc(48, NULL, ALLOC_NULL_OK);
            if (o && (o[0] || o[5])) fetch_add(&lost, 1);
            if (o) o[0] = o[5] = 1, fetch_add(&objects, 1);
        }
    }
    seg_cache_flush(p_self());
    page_cache_flush(p_self());
    return NULL;
}

int main(void) {
    stub_cpu_count = THREADS;
    char *mem = stub_reserve(64 << 20);
    CHECK(rt_mem_add((uintptr_t)mem, (uintptr_t)mem + (28 << 20), 0));
    CHECK(rt_mem_add((uintptr_t)mem + (30 << 20), (uintptr_t)mem + (44 << 20),
                     0)); // less than the blocks may want: refusals
    size_t before = page_stats().free;
    pthread_t t[THREADS];
    for (intptr_t i = 0; i < THREADS; i++)
        pthread_create(&t[i], NULL, run, (void *)i);
    for (int i = 0; i < THREADS; i++)
        pthread_join(t[i], NULL);
    for (int i = 0; i < SLOTS; i++) {
        Block *b = exchange(&slot[i], NULL);
        if (b) block_free(b);
    }
    for (int i = 0; i < THREADS; i++) { // the owners are gone: their Ps may be emptied from here
        seg_cache_flush(stub_p(i));
        page_cache_flush(stub_p(i));
    }
    page_cache_flush(p_self());
    CHECK_EQ(lost, 0);
    CHECK_EQ(pool.in_use, 0);
    CHECK_EQ(seg_stats().in_use_bytes, 0);
    CHECK_EQ(seg_stats().lone_halves, 0);
    // What stays: spans of the objects, one owner table for each 2 MB, blocks of records.
    size_t kept = (before - page_stats().free) / PAGE_SIZE,
           spans = heap_stats().bytes / PAGE_SIZE + 1 + THREADS;
    printf("refused: %lu, pages kept: %zu\n", load_relaxed(&refused), kept);
    CHECK(kept >= spans - THREADS && kept <= spans + 44 / 2 + 2 * 4 + 2);
    CHECK_EQ(heap_stats().allocs, objects);
    return test_done();
}
