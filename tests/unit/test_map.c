// units: rt/map.c rt/map_grow.c rt/map_iter.c rt/map_doors.c rt/map_fast.c rt/hash.c rt/any.c rt/bounds.c rt/cell.c rt/str.c rt/type.c rt/format.c rt/format_float.c tests/unit/stub_plat.c
// flags: -Wno-missing-braces
// test_map.c -- hash maps against a plain model: random operations with keys of every kind, and the rules that each kind has.
#include "map_kinds.h"

// ---- random operations, one model for all kinds: key number k has value `model[k]` - 1, 0: absent

static long model[KEYS];
static long model_count;
static void model_clear(void) {
    memset(model, 0, sizeof model);
    model_count = 0;
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
    RUN(test_descriptor);
    return test_done();
}
