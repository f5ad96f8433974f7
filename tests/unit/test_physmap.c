// test_physmap.c -- cleaning firmware's memory map: good maps, each kind of bad one, and random claims
// against a byte-wise model.
#include "test.h"
#include <stdarg.h>
#include "kernel/mem/physmap.c"

enum { SPANS = 64 };
static MemSpan out[SPANS];
static unsigned said;
static char last[256];

__attribute__((format(printf, 1, 2))) static void say(const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(last, sizeof last, fmt, ap);
    va_end(ap);
    said++;
}

static size_t clean(MemRange *r, size_t n, uint64_t image_lo, uint64_t image_hi) {
    said = 0;
    last[0] = 0;
    const PhysMapInput in = {r, n, 1ull << 40, image_lo, image_hi};
    return physmap_clean(&in, out, SPANS, say);
}

static void check_span(size_t i, uint64_t lo, uint64_t hi, MemType type) {
    CHECK_EQ(out[i].lo, lo);
    CHECK_EQ(out[i].hi, hi);
    CHECK_EQ(out[i].type, type);
}

static void test_sorts_and_merges(void) {
    MemRange r[] = {{0x300000, 0x100000, MEM_USABLE, 0},
                    {0x100000, 0x100000, MEM_USABLE, 0},
                    {0x200000, 0x100000, MEM_USABLE, 0},
                    {0x500000, 0x1000, MEM_BOOT, 0}};
    CHECK_EQ(clean(r, 4, 0, 0), 2);
    check_span(0, 0x100000, 0x400000, MEM_USABLE);
    check_span(1, 0x500000, 0x501000, MEM_BOOT);
    CHECK_EQ(said, 0);
}

static void test_overlap_takes_the_worse(void) {
    MemRange r[] = {{0x100000, 0x100000, MEM_USABLE, 0}, {0x180000, 0x10000, MEM_RESERVED, 0}};
    CHECK_EQ(clean(r, 2, 0, 0), 3);
    check_span(0, 0x100000, 0x180000, MEM_USABLE);
    check_span(1, 0x180000, 0x190000, MEM_RESERVED);
    check_span(2, 0x190000, 0x200000, MEM_USABLE);
    CHECK_EQ(said, 1);
    CHECK(strstr(last, "0x180000-0x190000 is claimed twice, as usable and as reserved; taken as reserved"));
}

static void test_usable_counts_whole_pages(void) {
    MemRange r[] = {{0x100001, 0x2fff, MEM_USABLE, 0},
                    {0x200800, 0x400, MEM_USABLE, 0},
                    {0x9fc00, 0x400, MEM_RESERVED, 0}};
    CHECK_EQ(clean(r, 3, 0, 0), 2);
    check_span(0, 0x9fc00, 0xa0000, MEM_RESERVED);
    check_span(1, 0x101000, 0x103000, MEM_USABLE);
}

static void test_image_beats_the_map(void) {
    MemRange r[] = {{0x100000, 0x400000, MEM_USABLE, 0}};
    CHECK_EQ(clean(r, 1, 0x200000, 0x280000), 3);
    check_span(1, 0x200000, 0x280000, MEM_IMAGE);
    CHECK_EQ(said, 0); // a loader may leave it to us
    MemRange odd[] = {{0x100000, 0x400000, MEM_RESERVED, 0}};
    CHECK_EQ(clean(odd, 1, 0x200000, 0x280000), 3);
    CHECK(strstr(last, "holds the image, but is called reserved"));
    CHECK_EQ(clean(odd, 0, 0x200000, 0x280000), 1);
    CHECK(strstr(last, "called nothing"));
}

static void test_nonsense_is_named(void) {
    MemRange type[] = {{0x100000, 0x1000, 77, 0}};
    CHECK_EQ(clean(type, 1, 0, 0), 1);
    check_span(0, 0x100000, 0x101000, MEM_RESERVED);
    CHECK(strstr(last, "taken as reserved"));
    MemRange wraps[] = {{0xfffffffffffff000, 0x2000, MEM_USABLE, 0}};
    CHECK_EQ(clean(wraps, 1, 0, 0), 0);
    CHECK(strstr(last, "ends beyond 2^64"));
    MemRange far[] = {{(1ull << 40) - 0x1000, 0x2000, MEM_USABLE, 0}};
    CHECK_EQ(clean(far, 1, 0, 0), 1);
    check_span(0, (1ull << 40) - 0x1000, 1ull << 40, MEM_USABLE);
    CHECK(strstr(last, "beyond what this CPU can address"));
    MemRange empty[] = {{0x1000, 0, MEM_USABLE, 0}};
    CHECK_EQ(clean(empty, 1, 0, 0), 0);
    CHECK_EQ(clean(empty, 0, 0, 0), 0);
}

static void test_too_many_are_dropped_aloud(void) {
    MemRange r[SPANS + 2];
    for (unsigned i = 0; i < SPANS + 2; i++)
        r[i] = (MemRange){i * 0x10000ull, 0x1000, MEM_USABLE, 0};
    CHECK_EQ(clean(r, SPANS + 2, 0, 0), SPANS);
    CHECK(strstr(last, "8 KiB are not used"));
}

// What is left out is what is missed least, wherever it lies.
static void test_full_list_keeps_the_most(void) {
    MemRange r[2 * SPANS + 2];
    size_t n = 0;
    for (unsigned i = 0; i < SPANS; i++) {
        r[n++] = (MemRange){i * 0x10000ull, 0x1000, MEM_USABLE, 0};
        r[n++] = (MemRange){i * 0x10000ull + 0x2000, 0x1000, MEM_RESERVED, 0}; // costs nothing
    }
    r[n++] = (MemRange){1ull << 30, 1ull << 30, MEM_USABLE, 0};
    r[n++] = (MemRange){3ull << 30, 0x1000, MEM_ACPI, 0};
    CHECK_EQ(clean(r, n, 0, 0), SPANS);
    check_span(SPANS - 2, 1ull << 30, 2ull << 30, MEM_USABLE);
    check_span(SPANS - 1, 3ull << 30, (3ull << 30) + 0x1000, MEM_ACPI);
    CHECK_STR(last, "memory map: too fragmented; 8 KiB are not used\n");
}

// ---- random claims over 32 pages, against a model that knows the worst type of every byte

enum { WORLD = 32 * 4096, UNIT = 256 };

static void random_round(void) {
    static uint32_t model[WORLD / UNIT];
    memset(model, 0, sizeof model);
    MemRange r[12];
    size_t n = test_below(12);
    for (size_t i = 0; i < n; i++) {
        uint64_t lo = test_below(WORLD / UNIT), len = test_below(WORLD / UNIT - lo + 1);
        r[i] = (MemRange){lo * UNIT, len * UNIT, 1 + (uint32_t)test_below(6), 0};
        for (uint64_t u = lo; u < lo + len; u++)
            if (!model[u] || badness(r[i].type) > badness(model[u])) model[u] = r[i].type;
    }
    size_t k = clean(r, n, 0, 0);
    for (size_t i = 0; i < k; i++) {
        CHECK(out[i].lo < out[i].hi);
        CHECK(i == 0 || out[i - 1].hi <= out[i].lo);
        for (uint64_t a = out[i].lo; a < out[i].hi; a += UNIT)
            CHECK_EQ(model[a / UNIT], out[i].type);
    }
    for (uint64_t page = 0; page < WORLD; page += 4096) { // nothing usable is left out
        bool usable = true, in_span = false;
        for (uint64_t a = page; a < page + 4096; a += UNIT)
            usable = usable && model[a / UNIT] == MEM_USABLE;
        for (size_t i = 0; i < k; i++)
            in_span = in_span || (page >= out[i].lo && page < out[i].hi);
        CHECK(!usable || in_span);
    }
}

static void test_random_claims(void) {
    for (int i = 0; i < 3000; i++)
        random_round();
}

int main(void) {
    RUN(test_sorts_and_merges);
    RUN(test_overlap_takes_the_worse);
    RUN(test_usable_counts_whole_pages);
    RUN(test_image_beats_the_map);
    RUN(test_nonsense_is_named);
    RUN(test_too_many_are_dropped_aloud);
    RUN(test_full_list_keeps_the_most);
    RUN(test_random_claims);
    return test_done();
}
