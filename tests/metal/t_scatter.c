// t_scatter.c -- scattered small use does not defeat a large request.
//
// A million 2 KB segments (as many as fit in 3/4 of a smaller memory; or argument 1) are allocated, and every
// second one is freed in random order. The long free runs that remain are taken away, so that nothing but the
// scattered pages is left. Then an object of a quarter of the free memory is allocated, written and read page
// by page, while the segments keep their contents. At the end everything is freed and must have come back.
//
// mem: 3G
// timeout: 60
// expect-re: ok   all segments were allocated: true, expected true
// expect-re: [0-9]+ segments, half of them freed: [0-9]+ KB free, longest run [0-9]+ KB
// expect-re: ok   longest run, pages: [0-9]+, expected at most [0-9]+
// expect-re: ok   a quarter of the free memory as one object: true, expected true
// expect-re: ok   its pages are distinct: true, expected true
// expect-re: ok   segments in use are untouched: true, expected true
// expect-re: ok   pages that came back: [0-9]+, expected at least [0-9]+
// expect-re: t_scatter: passed
#include "metal.h"

#define BATCH 1000 // segments per visit of the system stack
#define RUNS  256

static uintptr_t *segment;
static long segments;

typedef struct Visit {
    long from, to;
} Visit;

static ON_SYSTEM_STACK void allocate_here(void *arg) {
    Visit *v = arg;
    for (long i = v->from; i < v->to; i++) {
        uintptr_t *s = seg_alloc(SEG_MIN);
        if (s) s[0] = s[SEG_MIN / 8 - 1] = (uintptr_t)s;
        segment[i] = (uintptr_t)s;
    }
}
static ON_SYSTEM_STACK void free_here(void *arg) {
    Visit *v = arg;
    for (long i = v->from; i < v->to; i++)
        seg_free((void *)segment[i], SEG_MIN);
}
static void in_batches(void (*fn)(void *), long from, long to) {
    for (; from < to; from += BATCH) {
        Visit v = {from, from + BATCH < to ? from + BATCH : to};
        sys_call(fn, &v);
    }
}

static void shuffle(void) {
    uint64_t r = 88172645463325252ull;
    for (long i = segments - 1; i > 0; i--) {
        r ^= r << 13, r ^= r >> 7, r ^= r << 17;
        long k = (long)(r % (uint64_t)(i + 1));
        uintptr_t t = segment[i];
        segment[i] = segment[k];
        segment[k] = t;
    }
}

static struct {
    void *p;
    size_t pages;
} run[RUNS];
static int runs;
static ON_SYSTEM_STACK void take_runs_here(void *arg) {
    for (runs = 0; runs < RUNS; runs++) {
        size_t n = page_stats().largest / PAGE_SIZE;
        if (n <= 64) return;
        void *p = NULL;
        for (; n > 64 && !p; n -= n / 8) // the reserve may forbid the whole run
            if ((p = page_alloc(n)) != NULL) run[runs].p = p, run[runs].pages = n;
        if (!p) return;
    }
}
static ON_SYSTEM_STACK void give_runs_here(void *arg) {
    while (runs-- > 0)
        page_free(run[runs].p, run[runs].pages);
}

typedef struct Large {
    char *p;
    size_t pages;
} Large;
static ON_SYSTEM_STACK void large_here(void *arg) {
    Large *l = arg;
    l->p = page_alloc_large(l->pages);
}
static ON_SYSTEM_STACK void large_free_here(void *arg) {
    Large *l = arg;
    page_free_large(l->p, l->pages);
    plat_reclaim();
}

static bool segments_intact(long from) {
    for (long i = from; i < segments; i++) {
        uintptr_t *s = (uintptr_t *)segment[i];
        if (s[0] != segment[i] || s[SEG_MIN / 8 - 1] != segment[i]) return false;
    }
    return true;
}

// A word in each page of the object, then all of them read back: no two pages are the same frame.
static bool pages_distinct(const Large *l) {
    for (size_t i = 0; i < l->pages; i++)
        *(size_t *)(l->p + i * PAGE_SIZE) = i ^ 0x5ca77e4ed;
    for (size_t i = 0; i < l->pages; i++)
        if (*(size_t *)(l->p + i * PAGE_SIZE) != (i ^ 0x5ca77e4ed)) return false;
    return true;
}

int main(int argc, char **argv) {
    long fit = (long)(pages_now().free / 4 * 3 / SEG_MIN);
    segments = arg_number(argc, argv, 1, fit < 1000000 ? fit : 1000000);
    segment = make_array(uintptr_t, segments);
    PageStats before = pages_now();

    in_batches(allocate_here, 0, segments);
    bool all = true;
    for (long i = 0; i < segments; i++)
        all &= segment[i] != 0;
    check_true("all segments were allocated", all);
    if (!all) return check_end("t_scatter");
    shuffle();
    in_batches(free_here, 0, segments / 2);
    sys_call(take_runs_here, NULL);

    PageStats scattered = pages_now();
    Large l = {NULL, scattered.free / PAGE_SIZE / 4};
    say("%ld segments, half of them freed: %lu KB free, longest run %lu KB\n", segments,
        scattered.free / 1024, scattered.largest / 1024);
    check_at_most("longest run, pages", (int64_t)(scattered.largest / PAGE_SIZE), (int64_t)l.pages / 4);
    sys_call(large_here, &l);
    check_true("a quarter of the free memory as one object", l.p != NULL);
    if (l.p) {
        check_true("its pages are distinct", pages_distinct(&l));
        check_true("segments in use are untouched", segments_intact(segments / 2));
        sys_call(large_free_here, &l);
    }
    in_batches(free_here, segments / 2, segments);
    sys_call(give_runs_here, NULL);
    // A half that a core keeps may hold a page. What else may stay: page tables of the arena, stacks of
    // others.
    int64_t back = (int64_t)(pages_now().free / PAGE_SIZE + segments_now().cached[0]);
    check_at_least("pages that came back", back, (int64_t)(before.free / PAGE_SIZE) - 32);
    return check_end("t_scatter");
}
