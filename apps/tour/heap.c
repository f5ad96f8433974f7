// heap.c -- what lives on the heap because it is shared or because nobody knows how large it gets.
#include "tour.h"

typedef struct Point {
    int64_t x, y;
} Point;
TYPE_NOSCAN(Point);
TYPE_SLICE(Point);
TYPE_MAP(int, int64_t);

typedef struct Shared {
    AtomicInt64 count;
} Shared;
TYPE_NOSCAN(Shared);
static WaitGroup wg;
static void add(void *shared) {
    atomic_int64_add(&((Shared *)shared)->count, 1);
    waitgroup_done(&wg);
}

void heap_claims(void) {
    claim("Shared values and the backing of maps, channels, slices, strings and interfaces live on the heap", "rt/alloc.c: heap_alloc, rt/map.c: map_init, rt/chan.c: chan_make_of, rt/slice.c: slice_grow_of, rt/string.c: string_concat, rt/any.c: any_box");
    Shared *s = new (Shared);
    waitgroup_add(&wg, 100);
    for (int i = 0; i < 100; i++)
        go(add, s);
    waitgroup_wait(&wg);
    holds(atomic_int64_load(&s->count) == 100, "100 goroutines added through one pointer: %ld", (long)atomic_int64_load(&s->count));
    landed("what the pointer leads to", s, PLACE_HEAP);
    Point local = {1, 2};
    landed("a local variable", &local, PLACE_STACK);
    Any boxed = any_of(Point, local);
    landed("its copy in an interface variable", boxed.data, PLACE_HEAP);
    slice(Point) line = {0};
    line = slice_append(Point, line, local);
    landed("a slice's elements", &slice_at(line, 0), PLACE_HEAP);
    map(int, int64_t) places = map_make(int, int64_t);
    map_set(places, 7, 49);
    landed("a map's record", places, PLACE_HEAP);
    landed("a map's entry", map_at(places, 7), PLACE_HEAP);
    chan(int) c = chan_make(int, 16);
    landed("a channel with its buffer", c, PLACE_HEAP);
    String a = string_of_int(cpu_count()), both = string_cat(a, string_of(" cores"));
    landed("the bytes of a string made at run time", both.p, PLACE_HEAP);
    landed("the bytes of a literal", string_of("literal").p, PLACE_PROGRAM);
}
