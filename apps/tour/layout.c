// layout.c -- how fields lie in a struct, and what their order costs.
#include "tour.h"

typedef struct Scattered {
    bool a;
    int64_t b;
    bool c;
    int32_t d;
    bool e;
    cell(void *) f;
    bool g;
} Scattered;
TYPE_STRUCT(Scattered, f);
typedef struct Grouped {
    int64_t b;
    cell(void *) f;
    int32_t d;
    bool a, c, e, g;
} Grouped;
TYPE_STRUCT(Grouped, f);

static uint64_t heap_bytes(void) {
    static MemStats m;
    read_mem_stats(&m);
    return m.total_alloc;
}

void layout_claims(void) {
    claim("Padding: a field lies at a multiple of its alignment, at most the machine word; the struct ends at a multiple of the largest of them", "the compiler; apps/tour/layout.c: layout_claims; make layout APP=...; scripts/layout.py: reordered");
    seen("bool %zu, int64 %zu, bool %zu, int32 %zu, bool %zu, pointer %zu, bool %zu: %zu bytes, of which %zu are padding", offsetof(Scattered, a), offsetof(Scattered, b),
         offsetof(Scattered, c), offsetof(Scattered, d), offsetof(Scattered, e), offsetof(Scattered, f), offsetof(Scattered, g), sizeof(Scattered),
         sizeof(Scattered) - 24);
    holds(offsetof(Scattered, b) % 8 == 0 && offsetof(Scattered, d) % 4 == 0 && offsetof(Scattered, f) % 8 == 0 && sizeof(Scattered) % 8 == 0,
          "every field is aligned");
    holds(sizeof(Grouped) == 24, "grouped from large to small: %zu bytes", sizeof(Grouped));
    enum { MANY = 10000 };
    uint64_t before = heap_bytes();
    make_array(Scattered, MANY);
    uint64_t middle = heap_bytes();
    make_array(Grouped, MANY);
    uint64_t after = heap_bytes();
    holds(after - middle < middle - before, "%d of them: %lu KB scattered, %lu KB grouped", MANY, (unsigned long)(middle - before) >> 10,
          (unsigned long)(after - middle) >> 10);
}
