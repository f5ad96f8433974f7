// map_kinds.h -- what test_map.c and test_map_while.c share: maps of all kinds, memory from calloc, so that the address sanitizer sees every access outside of a bucket, and
// what the barrier was shown.
#pragma once
#include "stub_plat.h"
#include "api/any.h"
#include "api/map.h"
#include "map.h"
#include "map_change.h"

void *heap_alloc(size_t size, const Type *t, unsigned flags) {
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
static inline bool was_shaded(const void *p) {
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
static long numbers[KEYS];

// A text for each number.
static inline const char *text(long k) {
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
