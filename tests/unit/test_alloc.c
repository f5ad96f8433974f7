// units: rt/alloc.c rt/central.c rt/span.c rt/spanmap.c rt/sweep.c rt/sizeclass.c rt/object.c rt/type.c rt/fixed.c rt/stackseg.c rt/page.c rt/page_tree.c rt/page_large.c tests/unit/stub_plat.c
// test_alloc.c -- size classes, typed allocation, finding objects, descriptors made by macros, out of memory.
#include "stub_plat.h"
#include "api/mem.h"
#include "heap.h"

static const size_t MB = 1 << 20;

typedef struct Node {
    cell(struct Node *) next;
    long value;
    cell(String) name;
    cell(struct Node *) child[2];
} Node;
TYPE_STRUCT(Node, next, name, each(child));

typedef struct Wide { // pointers at both ends of what a bitmap covers
    cell(char *) first;
    long number[510];
    cell(void *) last;
    long beyond[100];
} Wide;
TYPE_DECLARE(Wide);
TYPE_DEFINE_STRUCT(Wide, first, last);

typedef struct Many {
    cell(long *) a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p;
} Many;
TYPE_STRUCT(Many, a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p);

typedef struct Front { // what leads somewhere stands in front
    cell(long *) first;
    cell(long *) rest[3];
    cell(String) name;
    long more[20];
} Front;
TYPE_STRUCT(Front, first, name, each(rest));

typedef struct Plain {
    int x, y;
} Plain;
TYPE_NOSCAN(Plain);

TYPE_CELL(NodeCell, Node *);

static void test_classes(void) {
    CHECK_EQ(size_class_bytes(SIZE_CLASSES - 1), SMALL_MAX);
    for (size_t n = 1; n <= SMALL_MAX; n++) {
        unsigned c = size_class(n);
        size_t slot = size_class_bytes(c);
        if (c >= SIZE_CLASSES || slot < n || (c > 0 && size_class_bytes(c - 1) >= n) || slot % 16 ||
            (n > 128 && (slot - n) * 5 > slot)) {
            CHECK_EQ(slot, n); // shows the size
            break;
        }
    }
    for (unsigned c = 0; c < SIZE_CLASSES; c++) {
        size_t span = (size_t)size_class_pages(c) * PAGE_SIZE;
        CHECK(span % size_class_bytes(c) <= span / 8);
        CHECK(span <= 64 << 10);
    }
}

static void test_descriptors(void) {
    CHECK_EQ(type_Node.size, sizeof(Node));
    CHECK_EQ(type_Node.gcdata[0], 1 | 1 << 2 | 1 << 4 | 1 << 5);
    CHECK_EQ(type_Node.ptrdata, sizeof(Node));
    CHECK_STR(type_Node.string->p, "Node");
    CHECK_EQ(type_Node.string->n, 4);
    CHECK_EQ(type_Node.kind, KIND_STRUCT);
    CHECK_EQ(type_Wide.gcdata[0], 1);
    CHECK_EQ(type_Wide.gcdata[511 / 8], 1 << 511 % 8);
    CHECK_EQ(type_Wide.ptrdata, 4096);
    CHECK_EQ(type_Front.ptrdata, 48);
    CHECK_EQ(type_Front.gcdata[0], 1 | 7 << 1 | 1 << 4);
    CHECK_EQ(type_Many.ptrdata, 128);
    CHECK_EQ(type_Many.gcdata[0], 255);
    CHECK_EQ(type_Many.gcdata[1], 255);
    CHECK_EQ(type_Plain.ptrdata, 0);
    CHECK_PTR(type_of(Node), &type_Node);
    CHECK_PTR(type_of(uint8_t), &type_u8);
    CHECK_PTR(type_of(bool), &type_bool);
    CHECK_EQ(type_long.kind, KIND_INT);
    CHECK_EQ(type_NodeCell.ptrdata, 8);
    CHECK_EQ(type_Any.gcdata[0], 3);
}

static bool equal(const Type *t, const void *a, const void *b) {
    return ((bool (*)(const void *, const void *))(uintptr_t)t->equal->code)(a, b);
}
static void test_equality(void) {
    double zero = 0.0, minus = -0.0, one = 1.0, nan = __builtin_nan(""), inf = __builtin_inf();
    CHECK(equal(&type_double, &zero, &minus) && equal(&type_double, &one, &one) &&
          equal(&type_double, &inf, &inf));
    CHECK(!equal(&type_double, &nan, &nan) && !equal(&type_double, &one, &zero) &&
          !equal(&type_double, &minus, &one));
    float fz = 0.0f, fm = -0.0f, fn = __builtin_nanf("");
    CHECK(equal(&type_float, &fz, &fm) && !equal(&type_float, &fn, &fn));
    String a = {"abc", 3}, b = {"abcd", 3}, c = {"abd", 3}, none = {NULL, 0}, empty = {"", 0};
    CHECK(equal(&type_string, &a, &b) && !equal(&type_string, &a, &c) && equal(&type_string, &none, &empty));
    int one_i = 1, uno = 1, two = 2;
    Any x = {&type_int, &one_i}, y = {&type_int, &uno}, z = {&type_int, &two}, w = {&type_long, &one_i},
        nil = {NULL, NULL};
    CHECK(equal(&type_any, &x, &y) && !equal(&type_any, &x, &z) && !equal(&type_any, &x, &w));
    CHECK(equal(&type_any, &nil, &nil) && !equal(&type_any, &nil, &x));
    Any p = {&type_ptr, &x}, q = {&type_ptr, &x}, s = {&type_Node, &x};
    CHECK(equal(&type_any, &p, &q));
    CHECK_THROWS("comparing uncomparable type", (void)equal(&type_any, &s, &s));
}

static bool is_zero(const void *p, size_t n) {
    const unsigned char *b = p;
    while (n && *b == 0)
        b++, n--;
    return n == 0;
}

static void test_new(void) {
    Node *a = new (Node), *b = new_try(Node);
    int *v = make_array(int, 100), *w = make_array_try(int, 3);
    bool *flags = make_array(bool, 5);
    NodeCell *list = make_array(NodeCell, 7);
    CHECK(a && b && a != b && v && w && flags && list);
    CHECK(is_zero(a, sizeof *a) && is_zero(v, 400) && is_zero(list, 56));
    CHECK(make_array(Node, 0) != NULL);
    HeapObject o;
    CHECK(heap_find((uintptr_t)&a->child[1], &o));
    CHECK_EQ(o.base, (uintptr_t)a);
    CHECK(o.scan && o.type == NULL); // its bitmap was copied
    CHECK(o.bytes >= sizeof(Node));
    CHECK(heap_find((uintptr_t)&v[99], &o));
    CHECK(!o.scan);
    CHECK_EQ(o.base, (uintptr_t)v);
    CHECK(heap_find((uintptr_t)&list[6], &o));
    CHECK(o.scan);
    CHECK(!heap_find((uintptr_t)&o, &o));
    CHECK(!heap_find(0, &o));
    CHECK(!heap_find((uintptr_t)a + 32 * PAGE_SIZE * 512, &o));
}

static void test_range(void) {
    volatile long minus = -1, huge = INTPTR_MAX, wrap = (1l << 60) + 1; // * 16 wraps to 16
    CHECK_THROWS("makeslice: len out of range", (void)make_array(Node, minus));
    CHECK_THROWS("makeslice: len out of range", (void)make_array(char, huge));
    CHECK_THROWS("makeslice: len out of range", (void)make_array(AnyCell, wrap));
    CHECK_PTR(make_array_try(Node, minus), NULL);
    CHECK_PTR(make_array_try(AnyCell, wrap), NULL);
}

// Objects of all sizes from dirty memory: zeroed, apart, aligned, found again with their type.
static void test_random(void) {
    enum { N = 6000 };
    static struct {
        unsigned char *p;
        size_t n;
        const Type *t;
    } obj[N];
    HeapStats before = heap_stats();
    size_t bytes = 0;
    for (int i = 0; i < N; i++) {
        stub_set_p(stub_p(i % 3));
        size_t n = test_below(20) ? 1 + test_below(600) : 1 + test_below(100000);
        const Type *t = test_below(2) ? &type_ptr : NULL;
        if (t) n = (n + 7) & ~(size_t)7;
        obj[i].p = heap_alloc(n, t, 0);
        obj[i].n = n, obj[i].t = t;
        CHECK(obj[i].p != NULL);
        CHECK_EQ((uintptr_t)obj[i].p % (t || n >= 16 ? 16 : n % 8 == 0 ? 8 : n % 4 == 0 ? 4 : n % 2 == 0 ? 2 : 1), 0);
        CHECK(is_zero(obj[i].p, n));
        memset(obj[i].p, 1 + i % 255, n);
        bytes += n;
    }
    for (int i = 0; i < N; i++) {
        CHECK(obj[i].p[0] == 1 + i % 255 && obj[i].p[obj[i].n - 1] == 1 + i % 255);
        HeapObject o;
        CHECK(heap_find((uintptr_t)obj[i].p + test_below(obj[i].n), &o));
        if (obj[i].t || obj[i].n >= 16)
            CHECK_EQ(o.base, (uintptr_t)obj[i].p);
        else
            CHECK_EQ(o.base, (uintptr_t)obj[i].p & ~15ull); // shares its slot
        CHECK_EQ(o.scan, obj[i].t != NULL);
        CHECK_PTR(o.type, obj[i].n > BITS_SLOT_MAX ? obj[i].t : NULL);
    }
    HeapStats after = heap_stats();
    CHECK(after.allocs - before.allocs <= N && after.allocs - before.allocs > N - N / 20); // a few share
    CHECK(after.bytes - before.bytes >= bytes && after.bytes - before.bytes < bytes * 5 / 4 + N * 16);
    stub_set_p(stub_p(0));
}

static void test_out_of_memory(void) {
    // Every other page in use: large objects are mapped.
    size_t k = 0, most = page_stats().free / PAGE_SIZE;
    void **page = calloc(most, sizeof *page);
    while ((page[k] = page_alloc(1))) {
        memset(page[k], 0xa5, PAGE_SIZE);
        k++;
    }
    for (size_t i = 0; i < k; i += 2)
        page_free(page[i], 1);
    size_t n = 8 * MB;
    char *big = heap_alloc(n, &type_ptr, ALLOC_NULL_OK);
    CHECK(big != NULL && !page_is_direct(big));
    CHECK(is_zero(big, n));
    HeapObject o;
    CHECK(heap_find((uintptr_t)big + n - 1, &o));
    CHECK_EQ(o.base, (uintptr_t)big);
    CHECK_PTR(o.type, &type_ptr);
    CHECK(heap_find((uintptr_t) new (Node), &o)); // small ones still work
    // More than there is.
    CHECK_PTR(heap_alloc(1ull << 40, NULL, ALLOC_NULL_OK), NULL);
    CHECK_PTR(make_array_try(long, 1 << 28), NULL);
    CHECK_THROWS("out of memory", (void)make_array(long, 1 << 28));
    size_t free_before = page_stats().free;
    CHECK_PTR(heap_alloc(free_before, NULL, ALLOC_NULL_OK), NULL);
    CHECK_EQ(page_stats().free, free_before); // nothing lost in the attempt
    // To the last slot.
    size_t small = 0;
    while (heap_alloc(48, &type_ptr, ALLOC_NULL_OK))
        small++;
    CHECK(small * 48 > free_before / 2);
    CHECK_THROWS("out of memory", (void)heap_alloc(48, &type_ptr, 0));
    CHECK_PTR(new_try(Node), NULL);
    CHECK(page_stats().free >= page_heap.reserve * PAGE_SIZE / 2); // the reserve stands
    free(page);
}

static void test_stats(void) {
    MemoryStats a = memory_stats();
    void *seg = seg_alloc(8192);
    (void)new (Node);
    MemoryStats b = memory_stats();
    CHECK_EQ(b.stack_bytes, a.stack_bytes + 8192);
    CHECK_EQ(b.heap_objects, a.heap_objects + 1);
    CHECK_EQ(b.heap_bytes, a.heap_bytes + 48);
    CHECK(b.total > b.free && b.free >= b.largest_free);
    seg_free(seg, 8192);
}

int main(void) {
    char *mem = stub_reserve(100 * MB);
    memset(mem, 0xa5, 100 * MB); // dirty, as memory after firmware is
    CHECK(rt_mem_add((uintptr_t)mem, (uintptr_t)mem + 100 * MB, 0));
    RUN(test_classes);
    RUN(test_descriptors);
    RUN(test_equality);
    RUN(test_new);
    RUN(test_range);
    RUN(test_random);
    RUN(test_stats);
    RUN(test_out_of_memory);
    return test_done();
}
