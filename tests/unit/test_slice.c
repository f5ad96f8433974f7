// units: rt/slice.c rt/string.c rt/builder.c rt/bounds.c rt/cell.c rt/str.c rt/type.c rt/format.c rt/format_float.c rt/sizeclass.c tests/unit/stub_plat.c
// flags: -Wno-missing-braces -Wno-clobbered
// test_slice.c -- slices and strings against plain arrays: growth, sub-slicing and its panics, overlapping copies, what the barrier must see; UTF-8.
//
// Memory comes from calloc of exactly the size asked for, so the address sanitizer sees every access outside.
#include "stub_plat.h"
#include "api/slice.h"
#include "api/builder.h"
#include "api/str.h"

static size_t last_alloc;
void *heap_alloc(size_t size, const Type *t, unsigned flags) {
    last_alloc = size;
    return calloc(1, size ? size : 1);
}
void page_free(void *p, size_t n) {} // for stub_plat.c
void call_with_stack(size_t bytes, void (*fn)(void *), void *arg) {
    fn(arg);
}
static size_t n_shaded;
static uintptr_t shaded[4096];
void gc_shade_slow(uintptr_t old) {
    shaded[n_shaded++ % 4096] = old;
}
void gc_shade_words_slow(const void *p, uint64_t bytes) {
    for (uint64_t i = 0; i < bytes / 8; i++)
        gc_shade_slow(((const uintptr_t *)p)[i]);
}
static bool was_shaded(const void *p) {
    for (size_t i = 0; i < n_shaded && i < 4096; i++)
        if (shaded[i] == (uintptr_t)p) return true;
    return false;
}

typedef struct Point {
    int x, y, z;
} Point;
TYPE_NOSCAN(Point);
TYPE_SLICE(Point);
TYPE_CELL(PointCell, Point *);
TYPE_SLICE(PointCell);
typedef struct Named {
    cell(String) name;
    long n;
} Named;
TYPE_STRUCT(Named, name);
TYPE_SLICE(Named);

static void test_make(void) {
    slice(int) s = slice_make(int, 5);
    CHECK(s.n == 5 && s.cap == 5);
    s = slice_make(int, 2, 10);
    CHECK(s.n == 2 && s.cap == 10);
    CHECK_EQ(last_alloc, 40);
    intptr_t minus = -1, huge = (intptr_t)1 << 62;
    CHECK_THROWS("makeslice: len out of range", (void)slice_make(int, minus));
    CHECK_THROWS("makeslice: len out of range", (void)slice_make(int, huge));
    CHECK_THROWS("makeslice: cap out of range", (void)slice_make(int, 5, 4));
    CHECK_THROWS("makeslice: cap out of range", (void)slice_make(int, 5, huge));
    CHECK_THROWS("makeslice: cap out of range", (void)slice_make(int, 5, minus));
    s = slice_make(int, 0);
    CHECK(s.n == 0 && s.cap == 0);
}

static void test_index(void) {
    slice(int) s = slice_make(int, 3);
    slice_at(s, 2) = 7;
    slice_at(s, 2)++;
    CHECK_EQ(s.p[2], 8);
    CHECK_THROWS("index out of range [3] with length 3", slice_at(s, 3) = 1);
    CHECK_THROWS("index out of range [-1]", slice_at(s, -1) = 1);
}

static void test_sub(void) {
    slice(int) s = slice_make(int, 5, 8), t;
    for (int i = 0; i < 5; i++)
        slice_at(s, i) = i;
    t = slice_sub(s, 1, 3);
    CHECK(t.n == 2 && t.cap == 7 && t.p == s.p + 1);
    t = slice_sub(s, 4, 8); // up to the capacity
    CHECK(t.n == 4 && t.cap == 4);
    t = slice_from(s, 5);
    CHECK(t.n == 0 && t.cap == 3);
    t = slice_to(s, 0);
    CHECK(t.n == 0 && t.cap == 8 && t.p == s.p);
    t = slice_sub(s, 8, 8); // nothing left: not behind the array
    CHECK(t.n == 0 && t.cap == 0 && t.p == s.p);
    t = slice_sub3(s, 1, 2, 4);
    CHECK(t.n == 1 && t.cap == 3);
    slice(int) nil = {0};
    t = slice_sub(nil, 0, 0);
    CHECK(t.p == NULL && t.n == 0);
    // Go's words for each mistake
    CHECK_THROWS("slice bounds out of range [:9] with capacity 8", slice_to(s, 9));
    CHECK_THROWS("slice bounds out of range [:-1]", slice_to(s, -1));
    CHECK_THROWS("slice bounds out of range [6:5]", slice_from(s, 6));
    CHECK_THROWS("slice bounds out of range [3:2]", slice_sub(s, 3, 2));
    CHECK_THROWS("slice bounds out of range [-2:]", slice_from(s, -2));
    CHECK_THROWS("slice bounds out of range [::9] with capacity 8", slice_sub3(s, 1, 2, 9));
    CHECK_THROWS("slice bounds out of range [::-1]", slice_sub3(s, 1, 2, -1));
    CHECK_THROWS("slice bounds out of range [:5:4]", slice_sub3(s, 1, 5, 4));
    CHECK_THROWS("slice bounds out of range [3:2:]", slice_sub3(s, 3, 2, 4));
    CHECK_THROWS("slice bounds out of range [-1::]", slice_sub3(s, -1, 2, 4));
}

// Go 1.18's growslice, written down once more.
static intptr_t go_cap(intptr_t old, intptr_t need) {
    intptr_t cap = old, twice = old + old;
    if (need > twice) return need;
    if (old < 256) return twice;
    while (0 < cap && cap < need)
        cap += (cap + 3 * 256) / 4;
    return cap;
}

static void test_growth(void) {
    slice(long) s = {0};
    for (long i = 0; i < 20000; i++) {
        intptr_t cap = s.cap;
        s = slice_append(long, s, i);
        CHECK_EQ(s.n, i + 1);
        if (s.cap != cap) {
            intptr_t least = go_cap(cap, i + 1);
            CHECK(s.cap >= least && s.cap <= least + least / 4 + 1024);
            CHECK_EQ(last_alloc, (size_t)s.cap * 8); // all of what was allocated is used
        }
    }
    for (long i = 0; i < 20000; i++)
        CHECK_EQ(s.p[i], i);
    intptr_t huge = INTPTR_MAX - 3;
    CHECK_THROWS("growslice: len out of range", slice_append_array(long, s, s.p, huge));
    CHECK_THROWS("growslice: len out of range", slice_append_array(long, s, s.p, -1));
}

static void test_append(void) {
    slice(Point) s = {0};
    for (int i = 0; i < 300; i++)
        s = slice_append(Point, s, ((Point){i, 2 * i, 3 * i}));
    CHECK(s.p[299].z == 897);
    slice(Point) shared = slice_to(s, 10), a = slice_append(Point, shared, ((Point){-1, 0, 0}));
    CHECK(a.p == s.p && s.p[10].x == -1); // there was room: the same array
    shared = slice_sub3(s, 0, 10, 10);
    a = slice_append(Point, shared, ((Point){-2, 0, 0}));
    CHECK(a.p != s.p && s.p[10].x == -1 && a.p[10].x == -2);
    s = slice_append_slice(Point, s, slice_sub(s, 5, 200)); // of itself
    CHECK(s.n == 495 && s.p[300].x == 5 && s.p[494].x == 199);
    slice(bool) flags = {0};
    flags = slice_append(bool, flags, true);
    CHECK(flags.n == 1 && flags.p[0]);
    slice(double) d = slice_append(double, (slice(double)){0}, 1.5);
    CHECK(d.p[0] == 1.5);
    slice(StringCell) strings = {0};
    strings = slice_append(StringCell, strings, string_of("abc"));
    CHECK_EQ(cell_get(slice_at(strings, 0)).n, 3);
    Named n = {string_of("n"), 7};
    slice(Named) named = slice_append(Named, (slice(Named)){0}, n);
    CHECK(named.p[0].n == 7 && cell_get(named.p[0].name).n == 1);
}

// Random copies between overlapping parts, against memmove.
static void test_copy(void) {
    slice(PointCell) s = slice_make(PointCell, 200);
    static Point points[200];
    Point *model[200];
    for (int i = 0; i < 200; i++) {
        cell_set(slice_at(s, i), &points[i]);
        model[i] = &points[i];
    }
    for (int round = 0; round < 500; round++) {
        intptr_t a = (intptr_t)test_below(200), b = (intptr_t)test_below(200), n = (intptr_t)test_below(200);
        slice(PointCell) to = slice_from(s, a), from = slice_sub(s, b, b + n < 200 ? b + n : 200);
        intptr_t want = to.n < from.n ? to.n : from.n;
        CHECK_EQ(slice_copy(PointCell, to, from), want);
        memmove(model + a, model + b, (size_t)want * sizeof *model);
        CHECK_MEM(s.p, model, sizeof model);
    }
    slice(int) v = slice_make(int, 100000), w; // longer than a piece
    for (int i = 0; i < 100000; i++)
        v.p[i] = i;
    w = slice_from(v, 7);
    slice_copy(int, w, v);
    CHECK(v.p[6] == 6 && v.p[7] == 0 && v.p[99999] == 99992);
    slice(PointCell) big = slice_make(PointCell, 50000); // the same with cells, in both directions
    for (int i = 0; i < 50000; i++)
        cell_set(big.p[i], &points[i % 200]);
    slice_copy(PointCell, slice_from(big, 3), big);
    CHECK(cell_get(big.p[49999]) == &points[49996 % 200] && cell_get(big.p[3]) == &points[0]);
    slice_copy(PointCell, big, slice_from(big, 3));
    CHECK(cell_get(big.p[0]) == &points[0] && cell_get(big.p[49996]) == &points[49996 % 200]);
    slice_clear(PointCell, big);
    CHECK(!cell_get(big.p[0]) && !cell_get(big.p[49999]));
}

static void test_barrier(void) {
    static Point points[10];
    slice(PointCell) s = slice_make(PointCell, 3, 8);
    for (int i = 0; i < 3; i++)
        cell_set(slice_at(s, i), &points[i]);
    store_relaxed(&gc.barrier, 1);
    cell_set(slice_at(s, 0), &points[5]);
    CHECK(n_shaded == 1 && was_shaded(&points[0]));
    n_shaded = 0;
    slice(PointCell) t = slice_to(s, 1);
    t = slice_append(PointCell, t, &points[6]); // over an element that is still there
    CHECK(was_shaded(&points[1]));
    n_shaded = 0;
    slice_copy(PointCell, s, slice_from(s, 2));
    CHECK(was_shaded(&points[5]));
    n_shaded = 0;
    slice_clear(PointCell, s);
    CHECK(was_shaded(&points[2]) && was_shaded(&points[6]));
    n_shaded = 0;
    Named *n = heap_alloc(sizeof *n, &type_Named, 0);
    cell_set(n->name, ((String){(char *)&points[1], 5}));
    cell_set(n->name, string_of("x"));
    CHECK(was_shaded(&points[1]));
    n_shaded = 0;
    static Any any = {(const Type *)&points[3], &points[4]}; // both words of two may be pointers
    cell_store_2(&any, 0, 0);
    CHECK(was_shaded(&points[3]) && was_shaded(&points[4]) && !any.type && !any.data);
    n_shaded = 0;
    Named other = {((String){(char *)&points[2], 5}), 0};
    value_copy(Named, n, &other);
    value_clear(Named, n);
    CHECK(was_shaded(&points[2]));
    store_relaxed(&gc.barrier, 0);
}

// ---- strings

static void test_strings(void) {
    String a = string_of("abc"), e = {0};
    CHECK(string_equal(string_cat(a, e, string_of("de"), a), string_of("abcdeabc")));
    CHECK_PTR(string_cat(e, a, e).p, a.p); // nothing to copy
    CHECK_EQ(string_cat(e, e).n, 0);
    CHECK(string_equal(string_sub(string_of("hello"), 1, 3), string_of("el")));
    CHECK(string_equal(string_from(a, 1), string_of("bc")) && string_equal(string_to(a, 1), string_of("a")));
    CHECK_EQ(string_from(a, 3).n, 0);
    CHECK_THROWS("slice bounds out of range [:4] with length 3", string_to(a, 4));
    CHECK_THROWS("slice bounds out of range [4:3]", string_from(a, 4));
    CHECK_THROWS("slice bounds out of range [-1:]", string_from(a, -1));
    CHECK_THROWS("slice bounds out of range [:-1]", string_to(a, -1));
    static const int64_t values[] = {0, 7, -7, 1234567890, INT64_MAX, INT64_MIN};
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        char want[32];
        snprintf(want, sizeof want, "%ld", values[i]);
        CHECK(string_equal(string_of_int(values[i]), string_of(want)));
    }
}

static void test_utf8(void) {
    // every character: there and back
    for (uint32_t r = 0; r <= 0x110000; r += r < 0x3000 ? 1 : 61) {
        String s = string_of_rune(r);
        intptr_t at = 0;
        uint32_t want = r > 0x10ffff || (r >= 0xd800 && r < 0xe000) ? 0xfffd : r;
        CHECK_EQ(rune_next(s, &at), want);
        CHECK_EQ(at, s.n);
        for (intptr_t cut = 1; cut < s.n; cut++) { // cut off: one error for each byte
            at = 0;
            CHECK_EQ(rune_next(string_to(s, cut), &at), 0xfffd);
            CHECK_EQ(at, 1);
        }
        free((char *)s.p);
    }
    static const char *bad[] = {"\x80", "\xc0\x80", "\xc1\xbf", "\xe0\x9f\xbf", "\xed\xa0\x80", "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf8\x88\x80\x80", "\xff", "\xc3("};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        intptr_t at = 0;
        CHECK_EQ(rune_next(string_of(bad[i]), &at), 0xfffd);
        CHECK_EQ(at, 1);
    }
    CHECK_EQ(rune_count(string_of("h\xc3\xa4\xff\xe2\x82\xac")), 4);
    intptr_t places[] = {0, 1, 3, 4}, n = 0;
    uint32_t runes[] = {'h', 0xe4, 0xfffd, 0x20ac};
    string_for_runes (r, at, string_of("h\xc3\xa4\xff\xe2\x82\xac!!")) {
        if (n == 4) break;
        CHECK(at == places[n] && r == runes[n]);
        n++;
    }
    CHECK_EQ(n, 4);
}

static void test_builder(void) {
    Builder b = {0};
    String first = {0};
    char *model = malloc(1 << 20);
    size_t n = 0;
    CHECK_EQ(builder_string(&b).n, 0);
    for (int i = 0; i < 5000; i++) {
        switch (i % 3) {
        case 0:
            builder_add_int(&b, i - 2000);
            n += (size_t)sprintf(model + n, "%d", i - 2000);
            break;
        case 1:
            builder_add(&b, string_of("abc"));
            n += (size_t)sprintf(model + n, "abc");
            break;
        default:
            builder_add_rune(&b, 0x20ac);
            n += (size_t)sprintf(model + n, "\xe2\x82\xac");
        }
        if (i == 10) first = builder_string(&b);
    }
    CHECK_EQ(builder_len(&b), n);
    CHECK_MEM(builder_string(&b).p, model, n);
    CHECK_MEM(first.p, model, (size_t)first.n); // not changed by what was added
    builder_reset(&b);
    CHECK_EQ(builder_len(&b), 0);
    builder_add(&b, string_of("x"));
    CHECK_MEM(first.p, model, (size_t)first.n);
    CHECK_THROWS("negative count", builder_grow(&b, -1));
    free(model);
}

int main(void) {
    RUN(test_make);
    RUN(test_index);
    RUN(test_sub);
    RUN(test_growth);
    RUN(test_append);
    RUN(test_copy);
    RUN(test_barrier);
    RUN(test_strings);
    RUN(test_utf8);
    RUN(test_builder);
    return test_done();
}
