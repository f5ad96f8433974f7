// t_gc_map.c -- maps of very many small entries, of which some go and some come all the time while the collector runs.
//
//     t_gc_map [entries, in thousands, of all cores together] [replacements, in thousands]
//
// Each core's goroutine has one map from numbers to objects and one from strings to numbers. Keys are a window over the natural numbers, each scattered by a
// hash: a replacement deletes the oldest and adds the next, so what must be there is known. Values carry their key, and strings are
// made anew for each look-up. Now and then all is walked through, while more is added.
//
// args: 80 200
// smp: 1 2
// timeout: 180
#include "gc.h"

typedef struct Entry {
    uint64_t key, check;
} Entry;
TYPE_NOSCAN(Entry);
typedef Entry *EntryPtr;
TYPE_POINTER(EntryPtr);
TYPE_MAP(ulong, EntryPtr);
TYPE_MAP(String, ulong);

static long entries, replacements;
static WaitGroup all;

static ulong scatter(ulong n) {
    n ^= n >> 31, n *= 0x7fb5d329728ea185ull, n ^= n >> 27;
    return n;
}
static Entry *entry(ulong n) {
    Entry *e = new (Entry);
    e->key = scatter(n), e->check = ~e->key;
    return e;
}
static String name(ulong n) {
    char text[24];
    size_t k = str_format(text, sizeof text, "%lx", scatter(n));
    char *p = make_array(char, (intptr_t)k);
    memcpy(p, text, k);
    return (String){p, (intptr_t)k};
}

static void look(map(ulong, EntryPtr) by_number, map(String, ulong) by_name, ulong n, bool is_there) {
    Entry *e = NULL;
    ulong number = 0;
    CHECK_QUIETLY(map_get_ok(by_number, scatter(n), &e) == is_there);
    CHECK_QUIETLY(map_get_ok(by_name, name(n), &number) == is_there);
    if (!is_there) return;
    CHECK_QUIETLY(e && e->key == scatter(n) && e->check == ~e->key);
    CHECK_QUIETLY(number == n);
}
static void walk(map(ulong, EntryPtr) by_number, map(String, ulong) by_name, long n, ulong lo, ulong hi) {
    long met = 0;
    map_for(key, e, by_number) {
        CHECK_QUIETLY(e && e->key == key && e->check == ~key);
        met++;
    }
    CHECK_QUIETLY(met == n);
    met = 0;
    map_for(text, number, by_name) {
        uint64_t value = 0;
        CHECK_QUIETLY(number >= lo && number < hi);
        CHECK_QUIETLY(parse_uint(text, 16, &value) && value == scatter(number));
        met++;
    }
    CHECK_QUIETLY(met == n);
}

static void worker(void *arg) {
    ulong lo = (ulong)arg << 40, hi = lo;
    long n = entries / gomaxprocs(0);
    map(ulong, EntryPtr) by_number = map_make(ulong, EntryPtr);
    map(String, ulong) by_name = map_make(String, ulong);
    for (long i = 0; i < n; i++, hi++) {
        map_set(by_number, scatter(hi), entry(hi));
        map_set(by_name, name(hi), hi);
    }
    long rounds = replacements / gomaxprocs(0);
    for (long i = 0; i < rounds; i++, lo++, hi++) {
        map_delete(by_number, scatter(lo));
        map_delete(by_name, name(lo));
        map_set(by_number, scatter(hi), entry(hi));
        map_set(by_name, name(hi), hi);
        look(by_number, by_name, lo, false);
        look(by_number, by_name, lo + 1 + scatter((ulong)i) % (ulong)n, true);
        if (i % (rounds / 4 + 1) == 0) walk(by_number, by_name, n, lo + 1, hi + 1);
    }
    CHECK_QUIETLY(map_len(by_number) == n && map_len(by_name) == n);
    waitgroup_done(&all);
}

int main(int argc, char **argv) {
    entries = arg_number(argc, argv, 1, 1000) * 1000;
    replacements = arg_number(argc, argv, 2, 1000) * 1000;
    waitgroup_add(&all, gomaxprocs(0));
    for (long i = 0; i < gomaxprocs(0); i++)
        go(worker, (void *)i);
    waitgroup_wait(&all);
    uint32_t cycles = gc.cycle;
    say("%u cycles; spans %lu MB, live %lu MB\n", cycles, (ulong)load_relaxed(&heap.span_bytes) >> 20, (ulong)load_relaxed(&heap.live_bytes) >> 20);
    if (entries >= 40000) check_at_least("cycles", cycles, 2);
    return check_end("t_gc_map");
}
