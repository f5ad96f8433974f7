// lang.c -- the head-to-head's work with maps, and with what the runtime does for the language; names and work are those of the Go programs. In the
// heap, Go's keys are strings with a copy each of their text, and so they are here.
//
//     lang [-ms N] [-reps N] [-scale PERCENT] NAME...     (no name: list)
#include "bench.h"

typedef map(u64, u64) IntMap;
typedef map(String, u64) StringMap;
TYPE_MAP(u64, u64);
TYPE_MAP(String, u64);

enum { KEYS = 65536 };
static u64 *ints;
static StringCell *strings;
static IntMap by_int;
static StringMap by_string;
static u64 sink;

// ---- maps
static void int_insert_million(void) {
    IntMap m = map_make(u64, u64);
    uint64_t r = 3;
    int64_t n = 1000000 * scale / 100;
    for (int64_t i = 0; i < n; i++)
        map_set(m, rng_next(&r), (u64)i);
    sink += (u64)map_len(m);
}
static void int_lookup(int64_t n) {
    for (int64_t i = 0; i < n; i++)
        sink += map_get(by_int, ints[i * 40503 & (KEYS - 1)]);
}
static void string_lookup(int64_t n) {
    for (int64_t i = 0; i < n; i++)
        sink += map_get(by_string, cell_get(strings[i * 40503 & (KEYS - 1)]));
}
static void int_insert_delete(int64_t n) {
    for (int64_t i = 0; i < n; i++) {
        map_set(by_int, ints[i & (KEYS - 1)] + 1, 1);
        map_delete(by_int, ints[i & (KEYS - 1)] + 1);
    }
}
static void int_insert(int64_t n) { // a new map every 64 Ki keys
    while (n > 0) {
        IntMap m = map_make(u64, u64);
        for (int i = 0; i < KEYS && n > 0; i++, n--)
            map_set(m, ints[i], 1);
        sink += (u64)map_len(m);
    }
}
static void string_insert(int64_t n) {
    while (n > 0) {
        StringMap m = map_make(String, u64);
        for (int i = 0; i < KEYS && n > 0; i++, n--)
            map_set(m, cell_get(strings[i]), (u64)i);
        sink += (u64)map_len(m);
    }
}
static void int_iterate(int64_t n) {
    while (n > 0)
        map_for (k, v, by_int) {
            sink += v;
            if (--n == 0) break;
        }
}
static void bench_map(void) {
    uint64_t r = 3;
    char text[32];
    ints = make_array(u64, KEYS);
    strings = make_array(StringCell, KEYS);
    by_int = map_make(u64, u64);
    by_string = map_make(String, u64);
    collects = true;
    for (int i = 0; i < KEYS; i++) {
        ints[i] = rng_next(&r);
        String key = string_copy(text, str_format(text, sizeof text, "key-%lx", (ulong)ints[i]));
        cell_set(strings[i], key);
        map_set(by_int, ints[i], (u64)i);
        map_set(by_string, key, (u64)i);
    }
    char name[32];
    str_format(name, sizeof name, "map.int.insert.%ldk", (long)(10 * scale));
    once(name, 3, int_insert_million);
    per_op("map.int.lookup64k", int_lookup);
    per_op("map.str.lookup64k", string_lookup);
    per_op("map.int.insdel", int_insert_delete);
    per_op_from("map.int.insert64k", KEYS, int_insert);
    per_op_from("map.str.insert64k", KEYS, string_insert);
    per_op_from("map.int.iterate", KEYS, int_iterate);
    if (map_len(by_int) != KEYS || map_len(by_string) != KEYS) panic("map: entries lost");
}

// ---- defer, panic, interfaces, the clock
static void add_one(void *n) { ++*(u64 *)n; }
static __attribute__((noinline)) void deferred(u64 *n) {
    defer(add_one, n);
    *n += 2;
}
static void defers(int64_t n) {
    while (n--)
        deferred(&sink);
}

static void take(void *to) { *(int *)to = any_as(recover(), int); }
static __attribute__((noinline)) void panics(int n, int *result) {
    catch_panics();
    defer(take, result);
    panic_any(any_of(int, n));
}
static void panic_recover(int64_t n) {
    for (int result; n > 0; n--) {
        panics((int)(n & 127), &result);
        sink += (u64)result;
    }
}

typedef struct AdderMethods {
    int64_t (*add)(void *self, int64_t x);
} AdderMethods;
TYPE_INTERFACE(Adder, AdderMethods);
typedef struct Addend { int64_t v; } Addend;
TYPE_NOSCAN(Addend);
static __attribute__((noinline)) int64_t plus(void *self, int64_t x) { return x + ((Addend *)self)->v; }
static __attribute__((noinline)) int64_t minus(void *self, int64_t x) { return x - ((Addend *)self)->v; }
static const AdderMethods plus_methods = {plus}, minus_methods = {minus};
static void interface_call(int64_t n) {
    Addend *one = new (Addend), *two = new (Addend);
    one->v = 1;
    two->v = 2;
    Adder of[2] = {{&plus_methods, one}, {&minus_methods, two}};
    int64_t s = 0;
    for (; n > 0; n--)
        s = of[n & 1].methods->add(of[n & 1].self, s);
    sink += (u64)s;
}

static void clock_reads(int64_t n) {
    for (; n > 0; n--)
        sink += (u64)time_now_ns();
}

static void bench_lang(void) {
    collects = true;
    per_op("lang.defer", defers);
    per_op("lang.panic_recover", panic_recover);
    per_op("lang.ifacecall", interface_call);
    per_op("lang.time_now", clock_reads);
}

static const Bench benches[] = {{"map", bench_map}, {"lang", bench_lang}};

int main(int argc, char **argv) { return bench_main(argc, argv, benches, sizeof benches / sizeof *benches); }
