// units: rt/map.c rt/map_grow.c rt/map_iter.c rt/map_doors.c rt/map_fast.c rt/hash.c rt/any.c rt/bounds.c rt/cell.c rt/str.c rt/type.c rt/format.c rt/format_float.c tests/unit/stub_plat.c
// flags: -Wno-missing-braces
// test_map_while.c -- hash maps while something happens: they are walked through and change, are written by two, grow, are marked: what the barrier must see.
#include "map_kinds.h"
#include <signal.h>

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

int main(void) {
    stub_p(0)->rand = 0x1234567 + test_rand();
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
    return test_done();
}
