// units: rt/map.c rt/map_grow.c rt/map_iter.c rt/map_doors.c rt/map_fast.c rt/hash.c rt/any.c rt/bounds.c rt/cell.c rt/str.c rt/type.c rt/format.c rt/format_float.c tests/unit/stub_plat.c
// flags: -Wno-missing-braces
// test_map.c -- hash maps against a plain model: random operations with keys of every kind, iteration while the map changes, what the barrier must see.
//
// Memory comes from calloc, so the address sanitizer sees every access outside of a bucket.
#include "stub_plat.h"
#include "api/any.h"
#include "api/map.h"
#include "map.h"
#include "map_change.h"
#include <signal.h>

static size_t allocations;
void *heap_alloc(size_t size, const Type *t, unsigned flags) {
    allocations++;
    return calloc(1, size ? size : 1);
}
void page_free(void *p, size_t n) {} // for stub_plat.c
void call_with_stack(size_t bytes, void (*fn)(void *), void *arg) {
    fn(arg);
}
// What the barrier was shown.
static uintptr_t shaded[1 << 16];
static size_t n_shaded;
void gc_shade_slow(uintptr_t old) {
    if (n_shaded < sizeof shaded / sizeof *shaded) shaded[n_shaded++] = old;
}
void gc_shade_words_slow(const void *p, uint64_t bytes) {
    for (uint64_t i = 0; i < bytes / 8; i++)
        gc_shade_slow(((const uintptr_t *)p)[i]);
}
static bool was_shaded(const void *p) {
    for (size_t i = 0; i < n_shaded; i++)
        if (shaded[i] == (uintptr_t)p) return true;
    return false;
}

typedef struct Pos {
    int x, y, z; // 12 bytes: keys that are not aligned to words
} Pos;
TYPE_KEY(Pos);
typedef struct Wide {
    long v[20]; // over 128 bytes: kept apart
} Wide;
TYPE_KEY(Wide);
typedef struct Pair {
    String name;
    long number;
} Pair;
static bool pair_equal(const Pair *a, const Pair *b) {
    return a->number == b->number && string_equal(a->name, b->name);
}
static uint64_t pair_hash(const Pair *p, uint64_t seed) {
    return hash_u64((uint64_t)p->number, hash_string(p->name, seed));
}
TYPE_KEY_WITH(Pair, pair_equal, pair_hash, name);
typedef struct Nothing {
} Nothing;
TYPE_NOSCAN(Nothing);
typedef long *LongPtr;
TYPE_POINTER(LongPtr);
typedef struct Plain {
    long a;
} Plain;
TYPE_NOSCAN(Plain); // not comparable

TYPE_MAP(long, long);
TYPE_MAP(int, String);
TYPE_MAP(u8, u8);
TYPE_MAP(String, LongPtr);
TYPE_MAP(double, int);
TYPE_MAP(float, int);
TYPE_MAP(Any, long);
TYPE_MAP(Pos, Wide);
TYPE_MAP(Wide, Pos);
TYPE_MAP(Pair, String);
TYPE_MAP(long, Nothing);
TYPE_MAP(LongPtr, LongPtr);
TYPE_MAP(Plain, int);
TYPE_MAP(int, int);
TYPE_MAP(String, long);
TYPE_MAP(Pos, long);

enum { KEYS = 3000 };

// ---- random operations, one model for all kinds: key number k has value `model[k]` - 1, 0: absent

static long model[KEYS];
static long model_count;
static void model_clear(void) {
    memset(model, 0, sizeof model);
    model_count = 0;
}

static const char *text(long k) {
    static char *all[KEYS];
    if (!all[k]) {
        char s[120];
        int n = snprintf(s, sizeof s, "key %ld ", k);
        for (; n < k % 100; n++)
            s[n] = 'x';
        s[n] = 0;
        all[k] = strdup(s);
    }
    return all[k];
}

// A random run over a map m: KEY(k) makes the key, VALUE(v) the value, NUMBER(value) gives v back, NUMBER_OF(key) gives k back.
#define RANDOM_RUN(m, steps, KEY, VALUE, NUMBER, NUMBER_OF)                                                  \
    do {                                                                                                     \
        model_clear();                                                                                       \
        for (long step = 0; step < (steps); step++) {                                                        \
            long range = 1l << (step / ((steps) / 12 + 1)), k = (long)test_below((uint64_t)(range < KEYS ? range : KEYS)); \
            long v = (long)test_below(250);                                                                  \
            switch (test_below(1000) == 0 ? 9 : test_below(8)) {                                             \
            case 0: case 1: case 2:                                                                          \
                map_set(m, KEY(k), VALUE(v));                                                                \
                model_count += model[k] == 0;                                                                \
                model[k] = v + 1;                                                                            \
                break;                                                                                       \
            case 3: case 4:                                                                                  \
                map_delete(m, KEY(k));                                                                       \
                model_count -= model[k] != 0;                                                                \
                model[k] = 0;                                                                                \
                break;                                                                                       \
            case 9:                                                                                          \
                if (test_below(3)) break;                                                                    \
                map_clear(m);                                                                                \
                model_clear();                                                                               \
                break;                                                                                       \
            default: {                                                                                       \
                CHECK_EQ(map_has(m, KEY(k)), model[k] != 0);                                                 \
                if (model[k]) CHECK_EQ(NUMBER(map_get(m, KEY(k))), model[k] - 1);                            \
            }                                                                                                \
            }                                                                                                \
            CHECK_EQ(map_len(m), model_count);                                                               \
            if (step % 997 == 0) {                                                                           \
                long seen = 0;                                                                               \
                map_for (key, value, m) {                                                                    \
                    long i = NUMBER_OF(key);                                                                 \
                    CHECK(i >= 0 && i < KEYS && model[i] == NUMBER(value) + 1);                              \
                    seen++;                                                                                  \
                }                                                                                            \
                CHECK_EQ(seen, model_count);                                                                 \
            }                                                                                                \
        }                                                                                                    \
    } while (0)

#define SAME(k) (k)
#define STRING_KEY(k) string_of(text(k))
static long number_of_string(String s) { return strtol(s.p + 4, NULL, 10); }
static void test_random_long(void) {
    map(long, long) m = map_make(long, long);
    RANDOM_RUN(m, 60000, SAME, SAME, SAME, SAME);
}
static const char *decimal(long v) {
    static char all[256][8];
    snprintf(all[v], 8, "%ld", v);
    return all[v];
}
#define STRING_VALUE(v) string_of(decimal(v))
#define FROM_STRING(s)  strtol((s).p, NULL, 10)
static void test_random_int(void) {
    map(int, String) m = map_make(int, String, 100);
#define INT_KEY(k) ((int)(k) - 1000)
#define FROM_INT(k) ((k) + 1000)
    RANDOM_RUN(m, 60000, INT_KEY, STRING_VALUE, FROM_STRING, FROM_INT);
}
static long numbers[KEYS];
#define PTR_VALUE(v) (&numbers[v])
#define FROM_PTR(p)  ((p)-numbers)
static void test_random_string(void) {
    map(String, LongPtr) m = map_make(String, LongPtr);
    RANDOM_RUN(m, 60000, STRING_KEY, PTR_VALUE, FROM_PTR, number_of_string);
}
static void test_random_pointer(void) {
    map(LongPtr, LongPtr) m = map_make(LongPtr, LongPtr);
    RANDOM_RUN(m, 40000, PTR_VALUE, PTR_VALUE, FROM_PTR, FROM_PTR);
}
#define POS_KEY(k)  ((Pos){(int)(k), -(int)(k), 7})
#define FROM_POS(p) ((p).x)
static Wide wide_of(long v) {
    Wide w;
    for (int i = 0; i < 20; i++)
        w.v[i] = v + i;
    return w;
}
#define FROM_WIDE(w) ((w).v[19] - 19)
static void test_random_struct(void) {
    map(Pos, Wide) m = map_make(Pos, Wide);
    RANDOM_RUN(m, 30000, POS_KEY, wide_of, FROM_WIDE, FROM_POS);
    map(Wide, Pos) n = map_make(Wide, Pos);
    RANDOM_RUN(n, 30000, wide_of, POS_KEY, FROM_POS, FROM_WIDE);
}
static void test_random_callback(void) {
    map(Pair, String) m = map_make(Pair, String);
#define PAIR_KEY(k)  ((Pair){string_of(text(k)), (k)})
#define FROM_PAIR(p) ((p).number)
    RANDOM_RUN(m, 40000, PAIR_KEY, STRING_VALUE, FROM_STRING, FROM_PAIR);
}
static void test_random_float(void) {
    map(double, int) m = map_make(double, int);
#define DOUBLE_KEY(k) ((double)(k) / 8)
#define FROM_DOUBLE(d) ((long)((d)*8))
    RANDOM_RUN(m, 30000, DOUBLE_KEY, (int), SAME, FROM_DOUBLE);
    map(float, int) f = map_make(float, int);
    RANDOM_RUN(f, 30000, DOUBLE_KEY, (int), SAME, FROM_DOUBLE);
}
// An Any of one of four dynamic types.
static Any any_key(long k) {
    switch (k % 4) {
    case 0: return any_of(long, k);
    case 1: return any_of(String, string_of(text(k)));
    case 2: return any_of(double, (double)k);
    default: return any_of(Pos, ((Pos){(int)k, 0, 0}));
    }
}
static long number_of_any(Any a) {
    any_switch (a) {
        any_case (long, v) return v;
        any_case (String, s) return number_of_string(s);
        any_case (double, d) return (long)d;
        any_case (Pos, p) return p.x;
    }
    return -1;
}
static void test_random_any(void) {
    map(Any, long) m = map_make(Any, long);
    RANDOM_RUN(m, 30000, any_key, SAME, SAME, number_of_any);
    Plain p = {1};
    CHECK_THROWS("hash of unhashable type Plain", map_set(m, any_of(Plain, p), 1));
    CHECK_THROWS("hash of unhashable type Plain", (void)map_get(m, any_of(Plain, p)));
    map_set(m, ((Any){0}), 77); // nil is a key
    CHECK_EQ(map_get(m, ((Any){0})), 77);
}

// ---- rules

static void test_nil(void) {
    map(String, LongPtr) m = NULL;
    CHECK_EQ(map_len(m), 0);
    CHECK_PTR(map_get(m, string_of("x")), NULL);
    LongPtr v = numbers;
    CHECK(!map_get_ok(m, string_of("x"), &v));
    CHECK_PTR(v, NULL);
    map_delete(m, string_of("x"));
    map_clear(m);
    map_for (key, value, m) CHECK(false);
    CHECK_THROWS("assignment to entry in nil map", map_set(m, string_of("x"), NULL));
    map(long, long) n = NULL;
    CHECK_EQ(map_get(n, 5), 0);
    CHECK_THROWS("assignment to entry in nil map", (*map_at(n, 5))++);
    CHECK_THROWS("not comparable", map_make(Plain, int));
}

static void test_count_words(void) {
    map(u8, u8) m = map_make(u8, u8);
    for (int i = 0; i < 256 * 3; i++)
        (*map_at(m, (u8)i))++;
    CHECK_EQ(map_len(m), 256);
    for (int i = 0; i < 256; i++)
        CHECK_EQ(map_get(m, (u8)i), 3);
    map(long, Nothing) set = map_make(long, Nothing);
    for (long i = 0; i < 1000; i++)
        map_set(set, i % 100, ((Nothing){}));
    CHECK_EQ(map_len(set), 100);
    CHECK(map_has(set, 99) && !map_has(set, 100));
}

static void test_floats(void) {
    map(double, int) m = map_make(double, int);
    double nan = __builtin_nan(""), zero = 0.0;
    map_set(m, zero, 1);
    map_set(m, -zero, 2);
    CHECK_EQ(map_len(m), 1);
    CHECK_EQ(map_get(m, zero), 2);
    map_for (key, value, m) CHECK(__builtin_signbit(key)); // the key was updated, too
    map_clear(m);
    for (int i = 0; i < 100; i++)
        map_set(m, nan, i);
    CHECK_EQ(map_len(m), 100);
    CHECK(!map_has(m, nan));
    map_delete(m, nan);
    CHECK_EQ(map_len(m), 100);
    bool seen[100] = {0};
    int more = 1000;
    map_for (key, value, m) { // the map grows meanwhile; each NaN comes once
        CHECK(key != key);
        if (value < 100) {
            CHECK(!seen[value]);
            seen[value] = true;
            for (int i = 0; i < 10; i++)
                map_set(m, nan, more++);
        }
    }
    for (int i = 0; i < 100; i++)
        CHECK(seen[i]);
    map_clear(m); // the only way to be rid of them
    CHECK_EQ(map_len(m), 0);
    map_for (key, value, m) CHECK(false);
    map(float, int) f = map_make(float, int);
    map_set(f, -0.0f, 1);
    CHECK_EQ(map_get(f, 0.0f), 1);
    map_set(f, (float)nan, 1);
    CHECK(!map_has(f, (float)nan));
}

// Entries come once; deleted ones not; others may. What happens inside of the loop is random.
static void test_iteration_changes(void) {
    static int seen[4 * KEYS];
    static bool gone[4 * KEYS], old[4 * KEYS];
    for (int round = 0; round < 300; round++) {
        map(long, long) m = map_make(long, long);
        long n = 1 + (long)test_below(round < 200 ? 60 : KEYS), added = n;
        memset(seen, 0, sizeof seen);
        memset(gone, 0, sizeof gone);
        memset(old, 0, sizeof old);
        for (long i = 0; i < n; i++)
            map_set(m, i, i), old[i] = true;
        for (long i = (long)test_below(3) * n / 3; i < n; i++) // sometimes begin in the middle of a growth
            if (test_below(2)) map_delete(m, i), gone[i] = true;
        bool cleared = false;
        unsigned habit = (unsigned)test_below(4);
        map_for (k, v, m) {
            CHECK(k == v && k < added && !cleared);
            CHECK(!gone[k]);
            CHECK_EQ(seen[k], 0);
            seen[k]++;
            for (unsigned j = 0; j < habit; j++) {
                long d = (long)test_below((uint64_t)added);
                switch (test_below(3)) {
                case 0:
                    map_delete(m, d);
                    gone[d] = true;
                    break;
                case 1:
                    if (added < 4 * KEYS) map_set(m, added, added), added++;
                    break;
                default:
                    if (!gone[d]) map_set(m, d, d);
                }
            }
            if (test_below(3000) == 0) {
                map_clear(m);
                cleared = true;
            }
        }
        if (cleared) continue;
        for (long i = 0; i < n; i++)
            CHECK(seen[i] || gone[i] || !old[i]);
        // a second pass sees exactly what is there
        long left = 0;
        map_for (k, v, m) {
            CHECK(!gone[k] && k == v);
            left++;
        }
        CHECK_EQ(left, map_len(m));
    }
}

// Iteration over a map that is emptied and filled anew, so that overflow buckets come and go; two iterations at once.
static void test_iteration_nested(void) {
    map(long, long) m = map_make(long, long);
    for (long i = 0; i < 50; i++)
        map_set(m, i, 1);
    long pairs = 0;
    map_for (a, x, m) {
        map_for (b, y, m) {
            pairs += x * y;
            if (b == 7) continue;
            if (pairs < 0) break;
        }
        map_delete(m, 1000 + a);
        map_set(m, 1000 + a, 0); // adds nothing to the count of pairs
    }
    CHECK_EQ(pairs, 50 * 50);
    long seen = 0;
    map_for (a, x, m) {
        if (++seen == 5) break;
    }
    CHECK_EQ(seen, 5);
}

// Evacuation clears what has pointers, but not below an iterator.
static void test_iteration_growth(void) {
    for (int round = 0; round < 20; round++) {
        map(LongPtr, LongPtr) m = map_make(LongPtr, LongPtr);
        int seen[1000] = {0};
        long n = 100 + (long)test_below(400), next = 1000;
        for (long i = 0; i < n; i++)
            map_set(m, &numbers[i], &numbers[i]);
        map_for (k, v, m) {
            CHECK(k == v);
            if (k < &numbers[1000]) seen[k - numbers]++;
            for (int i = 0; i < 20 && next < KEYS; i++, next++)
                map_set(m, &numbers[next], &numbers[next]);
        }
        for (long i = 0; i < n; i++)
            CHECK_EQ(seen[i], 1);
    }
}

static void test_iteration_order(void) {
    map(long, long) m = map_make(long, long);
    for (long i = 0; i < 8; i++)
        map_set(m, i, i);
    unsigned first = 0;
    for (int i = 0; i < 500; i++)
        map_for (k, v, m) {
            first |= 1u << k;
            break;
        }
    CHECK_EQ(first, 0xff); // within one bucket: each may be the first
}

static void test_concurrent(void) {
    map(long, long) m = map_make(long, long);
    for (long i = 0; i < 20; i++)
        map_set(m, i, i);
    Map *h = (Map *)m;
    h->flags |= MAP_WRITING; // as another goroutine's write in the middle
    CHECK_THROWS("concurrent map read and map write", (void)map_get(m, 3));
    CHECK_THROWS("concurrent map writes", map_set(m, 3, 4));
    CHECK_THROWS("concurrent map writes", map_set(m, 100, 4));
    CHECK_THROWS("concurrent map writes", (*map_at(m, 3))++);
    CHECK_THROWS("concurrent map writes", map_delete(m, 3));
    CHECK_THROWS("concurrent map writes", map_clear(m));
    CHECK_THROWS("concurrent map iteration and map write", map_for (k, v, m) {});
    h->flags &= (uint8_t)~MAP_WRITING;
    CHECK_EQ(map_get(m, 3), 3);
}

// Every kind of write shows itself to others while it lasts: the processor stops after each of its instructions, to look for the flag.
static const Map *watched;
static volatile unsigned steps_flagged;
static void on_step(int signal) {
    if (hint_load(&watched->flags) & MAP_WRITING) steps_flagged++;
}
static void step(const void *m, bool on) {
    watched = m;
    if (on) steps_flagged = 0;
    if (on) __asm__ volatile("sub $128, %%rsp; pushfq; orl $0x100, (%%rsp); popfq; add $128, %%rsp" : : : "memory", "cc");
    else __asm__ volatile("sub $128, %%rsp; pushfq; andl $~0x100, (%%rsp); popfq; add $128, %%rsp" : : : "memory", "cc");
}
// Others would meet the flag at some instructions of `op`, or at none; afterwards it is gone.
#define STEPPED(m, op)                                                                                       \
    step(m, true);                                                                                           \
    op;                                                                                                      \
    step(m, false);                                                                                          \
    CHECK_EQ(((Map *)(m))->flags & MAP_WRITING, 0)
#define WRITES(m, op)                                                                                        \
    do {                                                                                                     \
        STEPPED(m, op);                                                                                      \
        CHECK(steps_flagged > 3);                                                                            \
    } while (0)
#define READS(m, op)                                                                                         \
    do {                                                                                                     \
        STEPPED(m, op);                                                                                      \
        CHECK_EQ(steps_flagged, 0);                                                                          \
    } while (0)
static void test_writes_show(void) {
    struct sigaction sa = {.sa_handler = on_step}, old;
    sigaction(SIGTRAP, &sa, &old);
    map(long, long) m = map_make(long, long);
    map(int, int) small = map_make(int, int);
    map(String, long) words = map_make(String, long);
    map(Pos, long) places = map_make(Pos, long);
    Pos here = {1, 2, 3};
    String name = {"a", 1};
    for (int i = 0; i < 7; i++) { // room for one more in the only bucket
        map_set(m, i, i);
        map_set(small, i, i);
    }
    map_set(words, name, 1);
    map_set(places, here, 1);
    // entries that are there
    WRITES(m, map_set(m, 3, 4));
    WRITES(m, map_set_of((Map *)m, &(long){3}, &(long){4}));
    WRITES(m, (*map_at(m, 3))++);
    WRITES(small, map_set(small, 3, 4));
    WRITES(words, map_set(words, name, 4));
    WRITES(words, (*map_at(words, name))++);
    WRITES(places, map_set(places, here, 4));
    WRITES(m, (void)map_update_quick(((CMap *)m)->type, (Map *)m, &(long){3}));
    WRITES(m, (void)map_add_kind(((CMap *)m)->type, (Map *)m, KEY_64, &(long){3})); // as Go's
    // entries that come and go
    WRITES(m, (void)map_add_kind(((CMap *)m)->type, (Map *)m, KEY_64, &(long){99})); // as Go's
    WRITES(m, (void)map_drop_kind(((CMap *)m)->type, (Map *)m, KEY_64, &(long){99}));
    WRITES(m, map_set(m, 100, 4));
    WRITES(m, map_set(m, 101, 4)); // grows
    WRITES(m, map_delete(m, 101));
    WRITES(small, map_delete(small, 3));
    WRITES(m, map_clear(m));
    // reads do not
    READS(m, (void)map_get(m, 3));
    READS(words, (void)map_get(words, name));
    MapIter it;
    READS(small, map_iter_start(&it, (Map *)small));
    READS(small, map_iter_next(&it));
    sigaction(SIGTRAP, &old, NULL);
}

// A hash that panics or is called in the middle leaves the map as it was.
static void test_panicking_key(void) {
    map(Any, long) m = map_make(Any, long);
    for (long i = 0; i < 100; i++)
        map_set(m, any_of(long, i), i);
    Plain p = {0};
    CHECK_THROWS("unhashable", map_set(m, any_of(Plain, p), 1));
    CHECK_THROWS("unhashable", map_delete(m, any_of(Plain, p)));
    CHECK_EQ(((Map *)m)->flags & MAP_WRITING, 0);
    CHECK_EQ(map_len(m), 100);
    map(Any, long) empty = map_make(Any, long);
    CHECK_THROWS("unhashable", (void)map_get(empty, any_of(Plain, p)));
}

// ---- strings of each length are found by another String of the same bytes, and not by one that differs in any of them

static void test_string_lengths(void) {
    enum { SAME_LENGTH = 40, LONGEST = 40 };
    for (size_t n = 1; n <= LONGEST; n++) {
        map(String, long) m = map_make(String, long);
        static char key[SAME_LENGTH][LONGEST], other[LONGEST];
        for (long k = 0; k < SAME_LENGTH; k++) {
            memset(key[k], 'a', n);
            key[k][(size_t)k % n] += (char)(1 + k / (long)n);
            map_set(m, ((String){key[k], (intptr_t)n}), k);
        }
        for (long k = 0; k < SAME_LENGTH; k++) {
            CHECK_EQ(map_get(m, ((String){key[k], (intptr_t)n})), k);
            memcpy(other, key[k], n);
            CHECK_EQ(map_get(m, ((String){other, (intptr_t)n})), k);
            for (size_t i = 0; i < n; i++) {
                other[i] ^= 0x40;
                long v;
                CHECK(!map_get_ok(m, ((String){other, (intptr_t)n}), &v));
                other[i] ^= 0x40;
            }
        }
    }
}

// ---- the barrier: every pointer that leaves the heap while marking is shown to it

static void test_barrier(void) {
    map(String, LongPtr) m = map_make(String, LongPtr);
    static char names[200][24];
    for (int i = 0; i < 200; i++) {
        snprintf(names[i], 24, "name %d", i);
        map_set(m, string_of(names[i]), &numbers[i]);
    }
    Map *h = (Map *)m;
    store_relaxed(&gc.barrier, 1);
    n_shaded = 0;
    static char again[16];
    strcpy(again, "name 3");
    map_set(m, string_of(again), &numbers[1000]);
    CHECK(was_shaded(&numbers[3]));
    CHECK(was_shaded(names[3])); // the key's bytes: the new ones took their place
    n_shaded = 0;
    map_delete(m, string_of(names[4]));
    CHECK(was_shaded(&numbers[4]) && was_shaded(names[4]));
    // Growth: entries that evacuation cleared behind itself, and the old array.
    char *array = h->buckets;
    bool moved = false;
    for (long i = 0; !moved && i < KEYS; i++) {
        n_shaded = 0;
        map_set(m, string_of(text(i)), &numbers[2000]);
        moved = h->buckets != array;
        if (moved) CHECK(was_shaded(array));
    }
    CHECK(moved && map_growing(h));
    n_shaded = 0;
    while (map_growing(h))
        map_set(m, string_of("x"), NULL);
    for (int i = 5; i < 200; i++)
        CHECK(map_growing(h) || was_shaded(&numbers[i]) || map_get(m, string_of(names[i])) == &numbers[i]);
    CHECK(was_shaded(array));
    n_shaded = 0;
    array = h->buckets;
    map_clear(m);
    CHECK(was_shaded(&numbers[100]) && was_shaded(&numbers[2000]));
    store_relaxed(&gc.barrier, 0);
}

// Evacuated entries are shaded, because the copy may lie in a bucket that nobody scans.
static void test_barrier_evacuation(void) {
    map(String, LongPtr) m = map_make(String, LongPtr);
    Map *h = (Map *)m;
    long n = 0;
    while (n < 300 || !map_growing(h))
        map_set(m, string_of(text(n)), &numbers[n]), n++;
    store_relaxed(&gc.barrier, 1);
    n_shaded = 0;
    long before = n;
    while (map_growing(h))
        map_set(m, string_of(text(n)), &numbers[n]), n++;
    long some = 0;
    for (long i = 0; i < before; i++)
        some += was_shaded(&numbers[i]);
    CHECK(some > before / 2); // (those moved by the write that began the growth were not)
    store_relaxed(&gc.barrier, 0);
}

// Buckets without pointers are not scanned, so the map itself keeps their overflow buckets, during growth too, and an iterator keeps those
// that the map has let go.
static bool is_kept(const OverflowList *l, const Bucket *b) {
    for (uintptr_t i = 0; l && i < l->n; i++)
        if (l->v[i] == b) return true;
    return false;
}
static void check_kept(const MapType *t, char *array, uintptr_t n, const OverflowList *l) {
    for (uintptr_t i = 0; i < n; i++)
        for (Bucket *b = *bucket_overflow(t, bucket_at(t, array, i)); b; b = *bucket_overflow(t, b))
            CHECK(is_kept(l, b));
}
static void test_overflow_kept(void) {
    map(long, long) m = map_make(long, long);
    Map *h = (Map *)m;
    const MapType *t = &map_info_long_long.map;
    MapIter it = {0};
    bool seen = false, iterating = false;
    for (long i = 0; i < 20000; i++) {
        map_set(m, i, i);
        if (i % 61) continue;
        check_kept(t, h->buckets, map_mask(h->bits) + 1, h->extra ? h->extra->now : NULL);
        if (map_growing(h)) check_kept(t, h->old_buckets, map_old_mask(h) + 1, h->extra ? h->extra->old : NULL);
        seen |= h->extra && h->extra->now && h->extra->now->n > 10;
        if (!iterating && seen && !map_growing(h)) {
            iterating = true;
            map_iter_start(&it, h);
        }
        if (iterating) check_kept(t, it.buckets, map_mask(it.bits) + 1, it.overflow);
    }
    CHECK(seen && iterating && it.buckets != h->buckets);
}

// Bits of the bucket's descriptor.
static void test_descriptor(void) {
    const MapInfo *strings = &map_info_String_LongPtr;
    CHECK_EQ(strings->bucket.size, 8 + 8 * 16 + 8 * 8 + 8);
    CHECK_EQ(strings->bucket.ptrdata, strings->bucket.size);
    for (unsigned w = 0; w < strings->bucket.size / 8; w++) {
        bool pointer = (w >= 1 && w < 17 && w % 2 == 1) || w >= 17;
        CHECK_EQ(strings->bits[w / 8] >> (w % 8) & 1, pointer);
    }
    CHECK_EQ(map_info_long_long.bucket.ptrdata, 0);
    const MapInfo *apart = &map_info_Pos_Wide; // elems are pointers
    for (unsigned w = 0; w < apart->bucket.size / 8; w++)
        CHECK_EQ(apart->bits[w / 8] >> (w % 8) & 1, w >= 1 + 12);
}

static void test_any_values(void) {
    Any a = any_of(int, 42), s = any_of(String, string_of("x")), nil = {0}, p = any_of(LongPtr, numbers);
    CHECK(any_is(a, int) && !any_is(a, long) && !any_is(nil, int));
    CHECK_EQ(any_as(a, int), 42);
    CHECK_PTR(any_as(p, LongPtr), numbers);
    CHECK_PTR(p.data, numbers);
    CHECK_THROWS("interface conversion: interface {} is int32, not string", (void)any_as(a, String));
    CHECK_THROWS("interface conversion: interface {} is nil, not int32", (void)any_as(nil, int));
    CHECK(any_equal(s, any_of(String, string_of("x"))) && !any_equal(s, a) && any_equal(nil, nil));
    CHECK(!any_equal(any_of(double, __builtin_nan("")), any_of(double, __builtin_nan(""))));
    CHECK(any_is(any_of(Any, a), int)); // flattened
    Plain plain = {1};
    CHECK_THROWS("comparing uncomparable type Plain", (void)any_equal(any_of(Plain, plain), any_of(Plain, plain)));
    int chosen = 0;
    any_switch (a) {
        any_case (long, v) chosen = 1;
        any_case (int, v) {
            chosen = v;
            if (v == 42) break;
            chosen = 2;
        }
        any_default chosen = 3;
    }
    CHECK_EQ(chosen, 42);
    any_switch (nil) {
        any_case (int, v) chosen = 4;
        any_default chosen = 5;
    }
    CHECK_EQ(chosen, 5);
}

static void test_hash_spread(void) {
    // Bits that choose the bucket, and the top, for keys in a row and for keys 4096 apart: no bucket gets far more than its share.
    for (int shift = 0; shift <= 24; shift += 4) {
        unsigned low[256] = {0}, top[256] = {0};
        for (uint64_t i = 0; i < 25600; i++) {
            uint64_t h = hash_u64(i << shift, 0x12345678);
            low[h & 255]++;
            top[h >> 56]++;
        }
        for (int i = 0; i < 256; i++)
            CHECK(low[i] > 50 && low[i] < 170 && top[i] > 50 && top[i] < 170);
    }
    char s[40] = {0};
    for (size_t n = 0; n < sizeof s; n++) // every bit of every length matters
        for (size_t bit = 0; bit < 8 * n; bit++) {
            uint64_t a = hash_bytes(s, n, 1);
            s[bit / 8] ^= (char)(1 << bit % 8);
            CHECK(hash_bytes(s, n, 1) != a);
            s[bit / 8] ^= (char)(1 << bit % 8);
            CHECK(hash_bytes(s, n, 2) != a);
        }
}

int main(void) {
    stub_p(0)->rand = 0x1234567 + test_rand();
    RUN(test_nil);
    RUN(test_any_values);
    RUN(test_hash_spread);
    RUN(test_count_words);
    RUN(test_random_long);
    RUN(test_random_int);
    RUN(test_random_string);
    RUN(test_string_lengths);
    RUN(test_random_pointer);
    RUN(test_random_struct);
    RUN(test_random_callback);
    RUN(test_random_float);
    RUN(test_random_any);
    RUN(test_floats);
    RUN(test_iteration_changes);
    RUN(test_iteration_nested);
    RUN(test_iteration_growth);
    RUN(test_iteration_order);
    RUN(test_concurrent);
    RUN(test_writes_show);
    RUN(test_panicking_key);
    RUN(test_barrier);
    RUN(test_barrier_evacuation);
    RUN(test_overflow_kept);
    RUN(test_descriptor);
    return test_done();
}
