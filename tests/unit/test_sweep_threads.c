// units: rt/alloc.c rt/central.c rt/span.c rt/spanmap.c rt/sweep.c rt/sizeclass.c rt/fixed.c rt/page.c rt/page_tree.c rt/page_large.c tests/unit/stub_plat.c
// test_sweep_threads.c -- several cores allocate, mark and sweep at once, through collection cycles whose stops are barriers of threads.
//
// Each thread keeps objects of its own, which know themselves, marks part of them in each cycle, allocates while all that
// goes on, and looks whether they are intact. In the stops one thread does what the collector does there, and counts: objects that the heap holds must be exactly
// those that the threads hold and the dead of this cycle. (Run under the thread sanitizer, too: make tsan.)
#include "stub_plat.h"
#include "heap.h"
#include <pthread.h>

enum { THREADS = 4, CYCLES = 12, KEEP = 3000 };

static const uint8_t bits[] = {0x2d};
static const Type node = {.size = 48, .ptrdata = 48, .gcdata = bits}, big = {.size = 640, .ptrdata = 48, .gcdata = bits};

typedef struct Object {
    uint64_t *p;
    size_t size;
} Object;
typedef struct Worker {
    uint64_t rand;
    Object object[2 * KEEP];
    size_t n;
} Worker;
static Worker worker[THREADS];
static pthread_barrier_t meet;
static _Atomic unsigned long damaged;

static uint64_t next(Worker *w) {
    w->rand ^= w->rand << 13, w->rand ^= w->rand >> 7, w->rand ^= w->rand << 17;
    return w->rand;
}

static void allocate(Worker *w) {
    if (w->n == 2 * KEEP) return;
    uint64_t r = next(w);
    size_t size = r % 64 == 0 ? 40000 + r / 64 % 60000 : r % 4 == 0 ? 640 : r % 4 == 1 ? 48 : 16 + r / 64 % 1000;
    const Type *t = size == 640 ? &big : size == 48 ? &node : NULL;
    uint64_t *p = heap_alloc(size, t, 0);
    if (p[0] || p[size / 8 - 1]) fetch_add(&damaged, 1);
    p[0] = p[size / 8 - 1] = (uintptr_t)p;
    w->object[w->n++] = (Object){p, size};
}
static void look(const Object *o) {
    if (o->p[0] != (uintptr_t)o->p || o->p[o->size / 8 - 1] != (uintptr_t)o->p) fetch_add(&damaged, 1);
}

// One thread, the others wait.
static void check_counts(bool exact) {
    uint64_t n, bytes, want = 0;
    heap_in_use(&n, &bytes);
    for (int i = 0; i < THREADS; i++)
        want += worker[i].n;
    if (exact) CHECK_EQ(n, want);
}
static bool stop(void) { return pthread_barrier_wait(&meet) == PTHREAD_BARRIER_SERIAL_THREAD; }
static void go_on(void) { pthread_barrier_wait(&meet); }

static void cycle(Worker *w, bool sleeps) {
    if (stop()) { // 1
        check_counts(true);
        CHECK(heap_sweep_done());
        gc.cycle++;
        store_relaxed(&gc.phase, GC_MARK);
    }
    go_on();
    size_t old = w->n;
    if (!sleeps) heap_cache_black(p_self());
    for (size_t i = 0; i < old; i++) {
        Object *o = &w->object[i];
        if (next(w) % 3 == 0) {
            o->size = 0; // dies
            continue;
        }
        look(o);
        Span *s = span_of((uintptr_t)o->p);
        if (!span_mark(s, span_slot(s, (uintptr_t)o->p))) fetch_add(&damaged, 1);
        if (!sleeps && i % 2 == 0) allocate(w);
        if (!sleeps && i % 512 == 0) heap_cache_flush(p_self());
    }
    if (stop()) { // 2
        store_relaxed(&gc.phase, GC_OFF);
        heap_sweep_begin();
        store_relaxed(&heap.sweep_basis_live, load_relaxed(&heap.live_bytes));
        store_relaxed(&heap.sweep_pages_per_mb, 100 + gc.cycle * 300);
    }
    go_on();
    heap_cache_flush(p_self());
    size_t kept = 0;
    for (size_t i = 0; i < w->n; i++)
        if (w->object[i].size) w->object[kept++] = w->object[i];
    w->n = kept;
    while (!heap_sweep_done()) {
        allocate(w);
        if (next(w) % 4 == 0 && !heap_sweep_step(1 + next(w) % 8)) plat_spin(63);
        if (w->n) look(&w->object[next(w) % w->n]);
    }
    while (w->n < KEEP)
        allocate(w);
}

static void *run(void *arg) {
    Worker *w = arg;
    int id = (int)(w - worker);
    stub_set_p(stub_p(id));
    w->rand = (uint64_t)id * 0x9e3779b97f4a7c15ull + 1;
    for (int i = 0; i < KEEP; i++)
        allocate(w);
    for (int i = 0; i < CYCLES; i++)
        cycle(w, i % 5 == id);
    for (size_t i = 0; i < w->n; i++)
        look(&w->object[i]);
    return NULL;
}

int main(void) {
    stub_cpu_count = THREADS;
    char *memory = stub_reserve(160 << 20);
    CHECK(rt_mem_add((uintptr_t)memory, (uintptr_t)memory + (160 << 20), 0));
    pthread_barrier_init(&meet, NULL, THREADS);
    pthread_t t[THREADS];
    for (int i = 0; i < THREADS; i++)
        pthread_create(&t[i], NULL, run, &worker[i]);
    for (int i = 0; i < THREADS; i++)
        pthread_join(t[i], NULL);
    check_counts(true);
    CHECK_EQ(damaged, 0);
    uint64_t n, bytes;
    heap_freed(&n, &bytes);
    CHECK(n > CYCLES * KEEP);
    printf("allocated %zu, swept %lu\n", heap_stats().allocs, (unsigned long)n);
    return test_done();
}
