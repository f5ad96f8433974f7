// units: rt/alloc.c rt/central.c rt/span.c rt/spanmap.c rt/sweep.c rt/sizeclass.c rt/fixed.c rt/page.c rt/page_tree.c rt/page_large.c tests/unit/stub_plat.c
// test_sweep.c -- the allocator against a plain model, through collection cycles whose marker is the test.
//
// The model knows each object: address, size, type, contents. Objects of random sizes come on several Ps; in each cycle a random part
// of them is marked, allocation goes on while marking and while sweeping, and Ps learn late that marking began or ended, as idle cores do. After each sweep
// the heap must hold exactly the model's objects: none missing, none too many, none handed out twice, contents and pointer bits intact, counts exact.
#include "stub_plat.h"
#include "heap.h"

enum { PS = 3, MAX = 40000, MEMORY = 192 << 20, GRAIN = 16 };

// Types by their words: size, words before the last pointer, bitmap.
static const uint8_t bits_three[] = {3}, bits_pair[] = {2}, bits_one[] = {1}, bits_long[82 / 8 + 1] = {0, 2, [81 / 8] = 1 << 81 % 8};
static const Type three = {.size = 24, .ptrdata = 16, .gcdata = bits_three}, pair = {.size = 16, .ptrdata = 16, .gcdata = bits_pair},
                  longer = {.size = 656, .ptrdata = 656, .gcdata = bits_long}, one = {.size = 8, .ptrdata = 8, .gcdata = bits_one};
static const uint8_t bits_ten[] = {0x81, 2};
static const Type ten = {.size = 96, .ptrdata = 80, .gcdata = bits_ten};
static const uint8_t bits_six[] = {0x2d}; // single ones whose bits now and then lie in two words
static const Type six = {.size = 48, .ptrdata = 48, .gcdata = bits_six};
static const Type *const types[] = {&three, &pair, &longer, &one, &ten, &six};

typedef struct Object {
    unsigned char *p;
    size_t size;
    const Type *type; // NULL: noscan
    uint8_t fill;
    bool live, black;
} Object;
static Object object[MAX];
static size_t objects; // tiny ones are so many entries in one block
static char *memory;
static uint32_t *claims; // per 16 bytes of memory: how many objects have it; large: the first and last grain only
static size_t slots_used, bytes_used; // what heap_in_use must say
static size_t black_objects, black_bytes;
static enum { OFF, MARKING, SWEEPING } phase;
static unsigned epoch, seen[PS];

static size_t grain(const void *p) { return (size_t)((const char *)p - memory) / GRAIN; }
static bool tiny(const Object *o) { return !o->type && o->size < 16; }
static size_t slot_bytes(const Object *o) {
    return o->size > SMALL_MAX ? (o->size + PAGE_SIZE - 1) / PAGE_SIZE * PAGE_SIZE : size_class_bytes(size_class(o->size));
}

static void use_p(int i) {
    stub_set_p(stub_p(i));
    if (seen[i] == epoch) return;
    seen[i] = epoch;
    if (phase == MARKING)
        heap_cache_black(p_self());
    else
        heap_cache_flush(p_self());
}

// All grains of o's slot; true: they were free (tiny: the block is new).
static bool claim(const Object *o) {
    size_t g = grain(o->p), n = tiny(o) ? 1 : slot_bytes(o) / GRAIN;
    bool fresh = claims[g] == 0;
    for (size_t i = 0; i < n; i++) {
        if (!tiny(o) && claims[g + i]) return false;
        claims[g + i]++;
    }
    return fresh;
}
static bool unclaim(const Object *o) {
    size_t g = grain(o->p), n = tiny(o) ? 1 : slot_bytes(o) / GRAIN;
    for (size_t i = 0; i < n; i++)
        claims[g + i]--;
    return claims[g] == 0;
}

static bool quiet; // no allocation
static void allocate(void) {
    if (quiet || objects == MAX) return;
    Object *o = &object[objects];
    size_t r = test_below(100);
    o->type = test_below(2) ? types[test_below(6)] : NULL;
    o->size = r < 30 ? 1 + test_below(64) : r < 95 ? 1 + test_below(600) : r < 99 ? 1 + test_below(SMALL_MAX) : 1 + test_below(200000);
    if (o->type) o->size = o->type->size * (1 + o->size / o->type->size); // an array
    o->p = heap_alloc(o->size, o->type, 0);
    o->fill = (uint8_t)test_rand();
    o->live = o->black = phase == MARKING;
    for (size_t i = 0; i < o->size; i++)
        if (o->p[i]) {
            CHECK_EQ(o->p[i], 0);
            break;
        }
    memset(o->p, o->fill, o->size);
    bool fresh = claim(o);
    if (!fresh && !tiny(o)) CHECK(!"handed out twice");
    if (fresh) {
        slots_used++;
        bytes_used += slot_bytes(o);
        if (phase == MARKING) black_objects++, black_bytes += slot_bytes(o);
    }
    objects++;
}

static void check_object(const Object *o) {
    HeapObject found;
    size_t at = test_below(o->size);
    bool ok = heap_find((uintptr_t)o->p + at, &found);
    uintptr_t base = (uintptr_t)o->p & (tiny(o) ? ~15ull : ~0ull);
    if (!ok || found.base != base || found.bytes != slot_bytes(o) || found.scan != (o->type != NULL) ||
        (found.type != NULL && found.type != o->type)) {
        CHECK(!"found with what it was made of");
        fprintf(stderr, "object %p size %zu\n", (void *)o->p, o->size);
    }
    for (size_t i = 0; i < o->size; i++)
        if (o->p[i] != o->fill) {
            CHECK(!"contents intact");
            break;
        }
    if (!o->type) return;
    const Span *s = span_of((uintptr_t)o->p);
    if (s->kind == SPAN_TYPED) {
        CHECK_PTR(s->types[span_slot(s, (uintptr_t)o->p)], o->type);
        return;
    }
    size_t first = ((uintptr_t)o->p - s->base) / 8, words = slot_bytes(o) / 8, in_type = o->type->size / 8;
    for (size_t w = 0; w < words; w++) {
        size_t k = w % in_type;
        bool want = o->type->gcdata[k / 8] >> k % 8 & 1;
        bool got = (s->mixed ? s->ptr_bits[(first + w) / 64] >> (first + w) % 64 : s->same_bits >> w) & 1;
        CHECK_EQ(s->mixed, s->same_bits == 0);
        if (w >= o->size / 8 && ((uintptr_t *)o->p)[w] == 0) continue; // behind the last element is nothing
        if (want != got) {
            CHECK(!"pointer bits");
            fprintf(stderr, "word %zu of %zu, type of %zu words\n", w, words, in_type);
            break;
        }
    }
}

static void count_span(Span *s, void *arg) {
    size_t *sum = arg;
    for (uint32_t i = 0; i < s->slots; i++)
        if (span_is_object(s, i)) sum[0]++, sum[1] += s->slot_bytes;
    CHECK(s->kind != SPAN_FREE);
    // every address leads here: first, last, of the unused tail
    CHECK(span_of(s->base) == s && span_of(s->base + s->pages * PAGE_SIZE - 1) == s);
    uint32_t slot = (uint32_t)test_below(s->slots);
    uintptr_t a = s->base + slot * s->slot_bytes;
    CHECK(span_slot(s, a) == slot && span_slot(s, a + s->slot_bytes - 1) == slot);
    HeapObject o;
    if (s->slots * s->slot_bytes < s->pages * PAGE_SIZE) CHECK(!heap_find(s->base + s->slots * s->slot_bytes, &o));
    CHECK_EQ(heap_find(a, &o), span_is_object(s, slot));
}

static void check_all(void) {
    uint64_t n, bytes;
    heap_in_use(&n, &bytes);
    CHECK_EQ(n, slots_used);
    CHECK_EQ(bytes, bytes_used);
    size_t sum[2] = {0, 0};
    if (phase == OFF) {
        heap_for_each_span(count_span, sum);
        CHECK_EQ(sum[0], slots_used);
        CHECK_EQ(sum[1], bytes_used);
    }
    for (size_t i = 0; i < objects; i++)
        check_object(&object[i]);
    uint64_t mallocs = 0, frees = 0;
    for (unsigned c = 0; c <= SIZE_CLASSES; c++) {
        uint64_t m, f;
        heap_class_counts(c, &m, &f);
        mallocs += m, frees += f;
    }
    CHECK_EQ(mallocs - frees, slots_used);
}

static void mark_some(size_t from, size_t to, unsigned percent) {
    for (size_t i = from; i < to; i++) {
        Object *o = &object[i];
        if (o->black) continue;
        uint64_t h = (uintptr_t)o->p / 16 * 0x9e3779b97f4a7c15ull + gc.cycle * 0xda942042e4dd58b5ull; // the same for what shares a block
        if ((h >> 40) % 100 >= percent) continue;
        Span *s = span_of((uintptr_t)o->p);
        uint32_t slot = span_slot(s, (uintptr_t)o->p);
        CHECK(span_is_object(s, slot));
        bool first = span_mark(s, slot);
        if (!first && !tiny(o)) CHECK(!"marked before");
        CHECK(!span_mark(s, slot));
        o->live = true;
    }
}

static void cycle(unsigned percent) {
    // Stop 1. All is swept.
    CHECK(heap_sweep_done());
    gc.cycle++;
    phase = MARKING;
    store_relaxed(&gc.phase, GC_MARK);
    epoch++;
    black_objects = black_bytes = 0;
    size_t old = objects, done = 0;
    for (size_t i = 0; i < objects; i++)
        object[i].live = object[i].black = false;
    while (done < old) {
        size_t some = done + 1 + test_below(3000);
        if (some > old) some = old;
        mark_some(done, some, percent);
        done = some;
        use_p(0 + (int)test_below(PS - (gc.cycle % 2))); // in every other cycle one P sleeps
        for (size_t k = test_below(300); k > 0; k--)
            allocate();
        if (test_below(10) == 0) { // an idle core before it sleeps
            heap_cache_flush(p_self());
        }
        if (test_below(20) == 0) check_object(&object[test_below(objects)]);
    }
    uint64_t n, bytes;
    heap_allocated_black(&n, &bytes);
    CHECK_EQ(n, black_objects);
    CHECK_EQ(bytes, black_bytes);

    // Stop 2: what is not live leaves the model, so its memory may come back from now on.
    size_t dead_slots = 0, dead_bytes = 0, kept = 0;
    for (size_t i = 0; i < objects; i++) {
        Object o = object[i];
        if (o.live) {
            object[kept++] = o;
        } else if (unclaim(&o)) {
            dead_slots++, dead_bytes += slot_bytes(&o);
        }
    }
    objects = kept;
    phase = SWEEPING;
    store_relaxed(&gc.phase, GC_OFF);
    epoch++;
    heap_sweep_begin();
    uint64_t freed, freed_bytes, now, now_bytes;
    heap_freed(&freed, &freed_bytes);
    slots_used -= dead_slots, bytes_used -= dead_bytes;
    while (!heap_sweep_done()) {
        for (int i = 0; i < PS; i++)
            if (test_below(4) == 0) {
                use_p(i);
                for (size_t k = test_below(200); k > 0; k--)
                    allocate();
            }
        bool more = heap_sweep_step(1 + test_below(30));
        if (!more)
            for (int i = 0; i < PS; i++)
                use_p(i); // the last spans are in caches
    }
    phase = OFF;
    CHECK(!heap_sweep_step(1));
    heap_freed(&now, &now_bytes);
    CHECK_EQ(now - freed, dead_slots);
    CHECK_EQ(now_bytes - freed_bytes, dead_bytes);
    check_all();
}

static void test_cycles(void) {
    for (int i = 0; i < 3000; i++) {
        use_p((int)test_below(PS));
        allocate();
    }
    check_all();
    static const unsigned percent[] = {50, 90, 10, 0, 100, 30, 70, 50, 5, 60, 40, 20};
    for (size_t i = 0; i < sizeof percent / sizeof *percent; i++)
        cycle(percent[i]);
}

// When nothing is marked, all pages come back, but what tables and records need.
static void test_all_freed(void) {
    quiet = true;
    cycle(0);
    CHECK_EQ(objects, 0);
    for (int i = 0; i < PS; i++) {
        stub_set_p(stub_p(i));
        heap_cache_flush(p_self());
        page_cache_flush(p_self());
    }
    CHECK_EQ(load_relaxed(&heap.span_bytes), 0);
    CHECK_EQ(load_relaxed(&heap.published_bytes), 0);
    CHECK_EQ(heap_records().in_use, 0);
    CHECK_EQ(page_stats().free + heap_records().sys + heap_table_bytes(), page_stats().total);
    HeapObject o;
    for (size_t at = 0; at < MEMORY; at += PAGE_SIZE)
        if (span_of((uintptr_t)memory + at) || heap_find((uintptr_t)memory + at, &o)) {
            CHECK(!"a freed span is still found");
            break;
        }
    quiet = false;
}

int main(void) {
    memory = stub_reserve(MEMORY);
    memset(memory, 0xa5, MEMORY);
    claims = calloc(MEMORY / GRAIN, sizeof *claims);
    CHECK(rt_mem_add((uintptr_t)memory, (uintptr_t)memory + MEMORY, 0));
    RUN(test_cycles);
    RUN(test_all_freed);
    return test_done();
}
