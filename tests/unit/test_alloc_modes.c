// units: rt/alloc.c rt/central.c rt/span.c rt/spanmap.c rt/sweep.c rt/sizeclass.c rt/fixed.c rt/page.c rt/page_tree.c rt/page_large.c tests/unit/stub_plat.c
// test_alloc_modes.c -- what random tests reach rarely: stops while a large object is zeroed, spans in scattered memory, a collection that is
// forced, poison, stress, proportional sweeping, where an object's pointers are when types take turns.
#include "stub_plat.h"
#include "heap.h"

enum { MEMORY = 64 << 20 };
static char *memory;

static const uint8_t bits[] = {1};
static const Type pointer = {.size = 8, .ptrdata = 8, .gcdata = bits};

// ---- a collector: the test's

static void nothing(void) {}
static void (*at_door)(void) = nothing, (*at_force)(void);
static uint64_t allocated_calls, allocated_bytes;

void rt_door_slow(void) { at_door(); }
void gc_allocated(uint64_t bytes) { allocated_calls++, allocated_bytes += bytes; }
bool gc_force(void) {
    if (at_force) at_force();
    return at_force != NULL;
}

static void mark_begin(void) {
    CHECK(heap_sweep_done());
    gc.cycle++;
    store_relaxed(&gc.phase, GC_MARK);
    heap_cache_black(p_self());
}
static void mark_end(void) {
    store_relaxed(&gc.phase, GC_OFF);
    heap_sweep_begin();
    heap_cache_flush(p_self());
}
static void sweep_all(void) {
    while (heap_sweep_step(10)) {}
    CHECK(heap_sweep_done());
}
static void mark(void *p) {
    Span *s = span_of((uintptr_t)p);
    CHECK(s && span_mark(s, span_slot(s, (uintptr_t)p)));
}
static void collect_all(void) {
    mark_begin();
    mark_end();
    sweep_all();
    uint64_t n, bytes;
    heap_in_use(&n, &bytes);
    CHECK_EQ(n, 0);
    CHECK_EQ(bytes, 0);
}
static bool is_object(void *p) {
    HeapObject o;
    return heap_find((uintptr_t)p, &o) && o.base == (uintptr_t)p;
}

// ---- a large object is zeroed in pieces; stops come in between

static void *doors_object;
static void look_unpublished(void) { // whatever lies there is no object yet
    Span *s = span_of((uintptr_t)doors_object);
    CHECK(s && !span_is_object(s, 0));
}
static unsigned doors, door_begins, door_ends;
static void door(void) {
    doors++;
    if (doors == 1) look_unpublished();
    if (doors == door_begins) mark_begin();
    if (doors == door_ends) mark_end(), sweep_all();
}
static void test_large_stopped(void) {
    const size_t size = 2 << 20;
    char *old = heap_alloc(size, &pointer, 0);
    memset(old, 0xff, size);
    collect_all(); // the next one takes its place
    CHECK(!is_object(old));
    doors_object = old;
    at_door = door;
    store_relaxed(&p_self()->request, 1);
    for (int kind = 0; kind < 4; kind++) {
        doors = 0;
        door_begins = kind == 0 ? 3 : kind == 2 ? 2 : 0;
        door_ends = kind == 1 ? 3 : kind == 2 ? 5 : 0;
        if (kind == 1) mark_begin(); // 0: marking begins meanwhile, 1: it ends, 2: both, 3: neither
        char *p = heap_alloc(size, &pointer, 0);
        CHECK_PTR(p, old);
        CHECK(doors >= 6);
        CHECK(is_object(p) && p[0] == 0 && p[size - 1] == 0);
        CHECK_EQ(span_bit(span_of((uintptr_t)p)->mark, 0), kind == 0); // black exactly while marking
        uint64_t n, bytes;
        heap_in_use(&n, &bytes);
        CHECK_EQ(n, 1);
        CHECK_EQ(bytes, size);
        heap_allocated_black(&n, &bytes);
        if (kind == 0) CHECK_EQ(n, 1);
        if (kind == 0) CHECK_EQ(bytes, size);
        memset(p, 0xff, size);
        if (kind == 0) {
            mark_end();
            sweep_all();
            CHECK(is_object(p)); // born black: it lives for this cycle
        }
        collect_all();
        CHECK(!is_object(p));
    }
    store_relaxed(&p_self()->request, 0);
    at_door = nothing;
}

// ---- scattered memory: small slots use single pages, others are mapped

enum { LARGE = 40, MIDDLE = 300 };
static void test_scattered(void) {
    collect_all();
    heap_cache_flush(p_self());
    page_cache_flush(p_self());
    static void *page[MEMORY / PAGE_SIZE];
    size_t k = 0;
    while (page_stats().free > (page_heap.reserve + 40) * PAGE_SIZE)
        page[k++] = page_alloc(1);
    for (size_t i = 0; i < k; i += 2)
        page_free(page[i], 1);
    page_cache_flush(p_self());
    static struct { char *p; size_t n; bool live; } v[LARGE + MIDDLE];
    size_t direct = 0;
    for (int i = 0; i < LARGE + MIDDLE; i++) {
        v[i].n = i < LARGE ? 33000 + test_below(100000) : i % 2 ? 5000 : 300;
        v[i].p = heap_alloc(v[i].n, i % 3 ? &pointer : NULL, 0);
        memset(v[i].p, i, v[i].n);
        direct += page_is_direct(v[i].p);
    }
    CHECK(stub_vmap_live > 0 && direct > MIDDLE / 3 && direct < LARGE + MIDDLE);
    for (int round = 0; round < 6; round++) {
        mark_begin();
        for (int i = 0; i < LARGE + MIDDLE; i++)
            if (v[i].p && (v[i].live = test_below(3) > 0)) mark(v[i].p);
        mark_end();
        sweep_all();
        for (int i = 0; i < LARGE + MIDDLE; i++) {
            if (!v[i].p) continue;
            if (v[i].live) {
                HeapObject o;
                CHECK(heap_find((uintptr_t)v[i].p + test_below(v[i].n), &o));
                CHECK_EQ(o.base, v[i].p);
                CHECK(v[i].p[0] == (char)i && v[i].p[v[i].n - 1] == (char)i);
            } else {
                CHECK(!is_object(v[i].p));
                v[i].p = NULL;
            }
        }
        for (int i = 0; i < LARGE + MIDDLE; i++)
            if (!v[i].p && test_below(2)) v[i].p = memset(heap_alloc(v[i].n, NULL, 0), i, v[i].n);
    }
    collect_all();
    CHECK_EQ(stub_vmap_live, 0);
    for (int i = 0; i < LARGE + MIDDLE; i++)
        CHECK(!v[i].p || !is_object(v[i].p));
    for (size_t i = 1; i < k; i += 2)
        page_free(page[i], 1);
    CHECK_EQ(load_relaxed(&heap.span_bytes), 0);
}

// ---- no memory: a collection is forced before anybody is told

static void *keep;
static unsigned forced;
static void force(void) {
    forced++;
    mark_begin();
    if (keep) mark(keep);
    mark_end();
    sweep_all();
}
static void test_force(void) {
    keep = heap_alloc(1 << 20, NULL, 0);
    at_force = force;
    forced = 0;
    size_t n = 0;
    for (; n < 3 * MEMORY / (1 << 20); n++)
        CHECK(heap_alloc(1 << 20, NULL, 0) != NULL);
    CHECK(forced >= 2 && forced < 10);
    for (n = 0; n < 3 * MEMORY / 4096; n++)
        CHECK(heap_alloc(4096, &pointer, 0) != NULL);
    CHECK(forced >= 4 && forced < 20);
    unsigned before = forced;
    CHECK_PTR(heap_alloc(MEMORY, NULL, ALLOC_NULL_OK), NULL); // larger than all of it: no use
    CHECK(forced - before <= 2); // the second frees nothing
    // On the system stack nothing is forced.
    before = forced;
    P *p = p_self();
    p->sys_lo = (uintptr_t)&p - 65536;
    p->sys_sp = (uintptr_t)&p + 65536;
    while (heap_alloc(1 << 20, NULL, ALLOC_NULL_OK)) {}
    p->sys_lo = p->sys_sp = 0;
    CHECK_EQ(forced, before);
    at_force = NULL;
    CHECK(is_object(keep));
    keep = NULL;
    collect_all();
}

// ---- GODEBUG: poison and stress

static void test_stress(void) {
    collect_all();
    gc.stress = 5;
    for (int i = 0; i < 3; i++) // spans that are cached already use up a word of bits
        heap_cache_flush(p_self());
    allocated_calls = 0;
    for (int i = 0; i < 1000; i++) {
        uint64_t *p = heap_alloc(16 + 16 * (size_t)(i % 3), i % 2 ? &pointer : NULL, 0);
        CHECK(p[0] == 0);
        p[0] = ~0ull;
    }
    CHECK_EQ(allocated_calls, 1000);
    for (int i = 0; i < 100; i++)
        (void)heap_alloc(4, NULL, 0);
    CHECK_EQ(allocated_calls, 1100);
    gc.stress = 0;
    collect_all();
}

static void test_poison(void) {
    collect_all();
    heap_cache_flush(p_self());
    gc.poison = true;
    enum { N = 2000 };
    static uint64_t *v[N];
    for (size_t size = 16; size <= 4096; size *= 4) {
        for (int i = 0; i < N; i++) {
            v[i] = heap_alloc(size, NULL, 0);
            CHECK(v[i][0] == 0 && v[i][size / 8 - 1] == 0);
            memset(v[i], 0x77, size);
        }
        mark_begin();
        for (int i = 0; i < N; i += 2)
            mark(v[i]); // so that no span becomes empty
        mark_end();
        sweep_all();
        for (int i = 0; i < N; i++)
            CHECK_EQ(v[i][size / 16], i % 2 ? POISON : 0x7777777777777777ull);
        for (int i = 0; i < N / 2; i++) { // handed out again, clean
            uint64_t *p = heap_alloc(size, NULL, 0);
            CHECK(p[0] == 0 && p[size / 8 - 1] == 0);
        }
        // A stale pointer is used.
        mark_begin();
        for (int i = 0; i < N; i += 2)
            mark(v[i]);
        mark_end();
        sweep_all();
        v[101][size / 8 - 1] = 1;
        CHECK_THROWS("freed memory was written to", for (int i = 0; i < N; i++)(void) heap_alloc(size, NULL, 0));
        v[101][size / 8 - 1] = POISON;
    }
    gc.poison = false;
    heap_cache_flush(p_self());
    collect_all();
}

static uint64_t pages_swept(void) { return load_relaxed(&heap.pages_to_sweep) - load_relaxed(&heap.pages_unswept); }

// ---- proportional sweeping: who takes memory sweeps so much that it is done in time

static void test_proportional(void) {
    enum { N = 3000 };
    collect_all();
    static void *v[N];
    for (int i = 0; i < N; i++)
        v[i] = heap_alloc(4096, NULL, 0);
    mark_begin();
    for (int i = 0; i < N; i++)
        mark(v[i]);
    mark_end();
    uint64_t pages = load_relaxed(&heap.pages_unswept);
    CHECK(pages >= N - 16); // the cached one is swept
    // All of it within 4 MB.
    store_relaxed(&heap.sweep_basis_live, load_relaxed(&heap.live_bytes));
    store_relaxed(&heap.sweep_pages_per_mb, pages / 4 + 1);
    for (int mb = 1; mb <= 4; mb++) {
        for (int i = 0; i < (1 << 20) / 64; i++)
            (void)heap_alloc(64, NULL, 0);
        CHECK(pages_swept() + 64 >= pages / 4 * (uint64_t)mb);
        CHECK(pages_swept() <= pages / 4 * (uint64_t)mb + pages / 10);
    }
    (void)heap_alloc(65536, NULL, 0);
    CHECK(heap_sweep_done());
    // A large object pays for itself at once.
    mark_begin();
    for (int i = 0; i < N; i++)
        mark(v[i]);
    mark_end();
    store_relaxed(&heap.sweep_basis_live, load_relaxed(&heap.live_bytes));
    store_relaxed(&heap.sweep_pages_per_mb, pages / 4 + 1);
    (void)heap_alloc(2 << 20, NULL, 0);
    CHECK(pages_swept() >= pages / 2);
    CHECK(!heap_sweep_done());
    sweep_all();
    collect_all();
}

// ---- pointer bits of objects of different types in one span

static uint64_t bits_of(void *p) {
    const Span *s = span_of((uintptr_t)p);
    size_t bit = ((uintptr_t)p - s->base) / 8;
    CHECK_EQ(s->mixed, s->same_bits == 0);
    if (!s->mixed) return s->same_bits;
    CHECK(bit % 64 + s->slot_bytes / 8 <= 64);
    return s->ptr_bits[bit / 64] >> bit % 64 & s->slot_ones;
}

static void test_types_take_turns(void) {
    static const uint8_t one[] = {1}, two[] = {2};
    Type a = {.size = 64, .ptrdata = 8, .gcdata = one}, same = a, b = {.size = 64, .ptrdata = 16, .gcdata = two};
    void *first = heap_alloc(64, &a, 0), *second = heap_alloc(64, &same, 0);
    const Span *s = span_of((uintptr_t)first);
    CHECK_PTR(span_of((uintptr_t)second), s);
    CHECK(!s->mixed);
    void *third = heap_alloc(64, &b, 0), *fourth = heap_alloc(64, &a, 0), *array = heap_alloc(56, &pointer, 0);
    CHECK_PTR(span_of((uintptr_t)array), s);
    CHECK(s->mixed);
    CHECK_EQ(bits_of(first), 1);
    CHECK_EQ(bits_of(second), 1);
    CHECK_EQ(bits_of(third), 2);
    CHECK_EQ(bits_of(fourth), 1);
    CHECK_EQ(bits_of(array), 0xff); // the element's type repeats over the slot
    collect_all();

    // A type made at run time is garbage after a cycle, and another may lie there.
    first = heap_alloc(64, &a, 0);
    heap_alloc(64, &a, 0);
    s = span_of((uintptr_t)first);
    CHECK(!s->mixed);
    mark_begin();
    mark(first);
    mark_end();
    sweep_all();
    a.ptrdata = 16, a.gcdata = two;
    second = heap_alloc(64, &a, 0);
    CHECK_PTR(span_of((uintptr_t)second), s);
    CHECK_EQ(bits_of(first), 1);
    CHECK_EQ(bits_of(second), 2);
    collect_all();
}

int main(void) {
    memory = stub_reserve(MEMORY);
    memset(memory, 0xa5, MEMORY);
    CHECK(rt_mem_add((uintptr_t)memory, (uintptr_t)memory + MEMORY, 0));
    RUN(test_large_stopped);
    RUN(test_scattered);
    RUN(test_force);
    RUN(test_stress);
    RUN(test_poison);
    RUN(test_proportional);
    RUN(test_types_take_turns);
    return test_done();
}
