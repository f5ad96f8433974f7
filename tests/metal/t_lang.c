// t_lang.c -- slices, maps, strings and Anys as a program uses them: on goroutines' small stacks, on several cores, with panics that are caught, and with
// key functions of the program that need more stack than there is, give way, or allocate.
//
// smp: 1 4
//
// expect: lang ok
#include "check.h"

TYPE_MAP(long, String);
TYPE_MAP(String, long);

// ---- Go's words

CATCHES(index_high, slice(int) s = slice_make(int, 3); slice_at(s, 3) = 1;)
CATCHES(bounds_high, slice(int) s = slice_make(int, 3); (void)slice_to(s, 4);)
CATCHES(bounds_turned, slice(int) s = slice_make(int, 3); (void)slice_sub(s, 2, 1);)
CATCHES(string_bounds, (void)string_from(string_of("abc"), 4);)
CATCHES(make_negative, volatile long n = -1; (void)slice_make(int, n);)
CATCHES(nil_map, map(long, String) m = NULL; map_set(m, 1, string_of("x"));)
CATCHES(wrong_type, (void)any_as(any_of(int, 1), String);)

static void test_panics(void) {
    expect_panic(index_high, "runtime error: index out of range [3] with length 3");
    expect_panic(bounds_high, "runtime error: slice bounds out of range [:4] with capacity 3");
    expect_panic(bounds_turned, "runtime error: slice bounds out of range [2:1]");
    expect_panic(string_bounds, "runtime error: slice bounds out of range [4:3]");
    expect_panic(make_negative, "runtime error: makeslice: len out of range");
    expect_panic(nil_map, "assignment to entry in nil map");
    expect_panic(wrong_type, "interface conversion: interface {} is int32, not string");
}

static void test_slices(void) {
    slice(StringCell) words = {0};
    for (int i = 0; i < 1000; i++)
        words = slice_append(StringCell, words, string_of_int(i * i));
    words = slice_append_slice(StringCell, slice_to(words, 500), slice_from(words, 250));
    CHECK(words.n == 1250);
    CHECK(string_equal(cell_get(slice_at(words, 500)), string_of("62500")));
    CHECK(string_equal(cell_get(slice_at(words, 1249)), string_of("998001")));
}

// ---- keys whose functions are the program's

typedef struct Name {
    String first, last;
} Name;
static int deep(int n) { // needs stack: 100 bytes and more a level
    volatile char room[64];
    room[n % 64] = (char)n;
    return n == 0 ? 0 : deep(n - 1) + (room[n % 64] == (char)n);
}
static bool name_equal(const Name *a, const Name *b) {
    gosched();
    return string_equal(a->first, b->first) && string_equal(a->last, b->last);
}
static uint64_t name_hash(const Name *n, uint64_t seed) {
    CHECK(deep(100) == 100);
    String both = string_cat(n->first, string_of(" "), n->last); // allocates
    return hash_string(both, seed);
}
TYPE_KEY_WITH(Name, name_equal, name_hash, first, last);
TYPE_MAP(Name, long);

static void test_own_keys(void) {
    map(Name, long) m = map_make(Name, long);
    for (long i = 0; i < 300; i++)
        map_set(m, ((Name){string_of_int(i % 30), string_of_int(i / 30)}), i);
    CHECK(map_len(m) == 300);
    for (long i = 0; i < 300; i++)
        CHECK(map_get(m, ((Name){string_of_int(i % 30), string_of_int(i / 30)})) == i);
    long sum = 0;
    map_for (k, v, m) {
        sum += v;
        if (v % 3 == 0) map_delete(m, k);
    }
    CHECK(sum == 300 * 299 / 2 && map_len(m) == 200);
}

// ---- each goroutine its own maps, from the smallest stack on

static WaitGroup all;
static void counts(void *arg) {
    long me = (long)(intptr_t)arg;
    map(String, long) by_name = map_make(String, long);
    map(long, String) by_number = map_make(long, String);
    for (long i = 0; i < 2000; i++) {
        String s = string_cat(string_of_int(me), string_of("/"), string_of_int(i % 500));
        map_set(by_name, s, map_get(by_name, s) + 1);
        map_set(by_number, i, s);
        if (i >= 700) map_delete(by_number, i - 700);
    }
    CHECK(map_len(by_name) == 500 && map_len(by_number) == 700);
    long met = 0;
    map_for (k, v, by_name) {
        int64_t i;
        CHECK(v == 4 && parse_int(string_from(k, string_index(k, string_of("/")) + 1), 10, &i) && i < 500);
        met++;
    }
    map_for (k, v, by_number) {
        CHECK(k >= 1300 && k < 2000 && string_equal(v, string_cat(string_of_int(me), string_of("/"), string_of_int(k % 500))));
        met++;
    }
    CHECK(met == 1200);
    map_clear(by_name);
    CHECK(map_len(by_name) == 0 && !map_has(by_name, string_of("1/1")));
    waitgroup_done(&all);
}

// ---- Any and interfaces

typedef struct Circle {
    long r;
} Circle;
TYPE_NOSCAN(Circle);
typedef struct ShapeMethods {
    long (*size)(void *self);
} ShapeMethods;
TYPE_INTERFACE(Shape, ShapeMethods);
static long circle_size(void *self) {
    Circle *c = self;
    return 3 * c->r * c->r;
}
static const ShapeMethods circle_methods = {circle_size};
typedef struct Drawing {
    cell(Shape) shape;
    cell(Any) note;
    cell(slice(int)) sizes;
    cell(map(String, long)) names;
} Drawing;
TYPE_STRUCT(Drawing, shape, note, sizes, names);

static void test_any(void) {
    Drawing *d = new (Drawing);
    Circle *c = new (Circle);
    c->r = 5;
    cell_set(d->shape, ((Shape){&circle_methods, c}));
    cell_set(d->note, any_of(String, string_of("round")));
    cell_set(d->sizes, slice_make(int, 3));
    cell_set(d->names, map_make(String, long));
    map_set(cell_get(d->names), string_of("c"), 1);
    Shape s = cell_get(d->shape);
    CHECK(s.methods->size(s.self) == 75);
    int seen = 0;
    any_switch (cell_get(d->note)) {
        any_case (long, n) seen = (int)n;
        any_case (String, text) seen = (int)text.n;
        any_default seen = -1;
    }
    // of Anys whose type the compiler sees: gcc once warned here of what cannot be
    Any boxed = any_of(String, string_of("boxed")), direct = any_of(Ptr, d);
    String text = any_as(boxed, String);
    CHECK(text.n == 5 && any_as(direct, Ptr) == d && string_equal(any_as(cell_get(d->note), String), string_of("round")));
    char line[32];
    size_t n = str_format(line, sizeof line, "%.*s %.*s", str_arg(text), str_arg(cell_get(slice_at(slice_append(StringCell, (slice(StringCell)){0}, text), 0))));
    CHECK(n == 11 && strcmp(line, "boxed boxed") == 0);
    if (any_is(direct, Ptr)) CHECK(!any_is(direct, String) && cell_get(((Drawing *)any_as(direct, Ptr))->shape).self == c);
    CHECK(seen == 5 && cell_get(d->sizes).n == 3 && map_len(cell_get(d->names)) == 1);
    Drawing *e = new (Drawing);
    value_copy(Drawing, e, d);
    CHECK(cell_get(e->shape).self == c && cell_get(e->sizes).p == cell_get(d->sizes).p);
    value_clear(Drawing, e);
    CHECK(!cell_get(e->shape).self && !cell_get(e->names));
}

int main(void) {
    test_panics();
    test_slices();
    test_own_keys();
    test_any();
    waitgroup_add(&all, 20);
    for (intptr_t i = 0; i < 20; i++)
        go(counts, (void *)i);
    waitgroup_wait(&all);
    return check_end("lang");
}
