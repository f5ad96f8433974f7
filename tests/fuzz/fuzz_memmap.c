// fuzz_memmap.c -- firmware's memory map: carving the image out of it (memrange.h), then cleaning it
// (physmap.c).
//
// Input: image base and length in pages, the table's capacity, then the entries kept free, then
// ranges of {base u64, bytes u64, type u8}.
#include "fuzz.h"
#include "boot/memrange.h"
#include "kernel/mem/physmap.c"
#include <stdarg.h>

enum { RANGES = 24, SPANS = 40, LIMIT_SHIFT = 40 };

__attribute__((format(printf, 1, 2))) static void say(const char *fmt, ...) {
    char text[256];
    va_list ap;
    va_start(ap, fmt);
    MUST(vsnprintf(text, sizeof text, fmt, ap) < (int)sizeof text);
    va_end(ap);
}

// Half of the bases lie close together, so that ranges touch and overlap.
static uint64_t take_address(Input *in) {
    uint64_t v = take(in, 8);
    return v & 1 ? v : v >> 1 & 0xfffff;
}

static uint64_t bytes_of(const MemMap *map, uint32_t type) {
    uint64_t sum = 0; // modulo 2^64: only differences count
    for (uint32_t i = 0; i < map->count; i++)
        if (map->ranges[i].type == type) sum += map->ranges[i].bytes;
    return sum;
}

static void carve(MemMap *map, uint64_t base, uint64_t bytes) {
    uint64_t usable = bytes_of(map, MEM_USABLE), image = bytes_of(map, MEM_IMAGE);
    bool wraps = false;
    for (uint32_t i = 0; i < map->count; i++)
        wraps |= map->ranges[i].bytes > UINT64_MAX - map->ranges[i].base;
    uint64_t carved = memmap_carve(map, base, bytes, MEM_USABLE, MEM_IMAGE);
    MUST(map->count <= map->capacity);
    if (wraps) return; // a range beyond 2^64 is cut there
    MUST(bytes_of(map, MEM_IMAGE) == image + carved || map->lost);
    MUST(bytes_of(map, MEM_USABLE) == usable - carved || map->lost);
}

// Does any claim of the input, other than usable, touch [lo, hi)?
static bool claimed(const MemRange *r, size_t n, uint64_t lo, uint64_t hi) {
    for (size_t i = 0; i < n; i++)
        if (r[i].type != MEM_USABLE && r[i].bytes && r[i].base < hi && range_end(&r[i]) > lo) return true;
    return false;
}

// claims: what nothing usable may touch.
static void clean(const MemRange *ranges, size_t n, const MemRange *claims, size_t claim_count, uint64_t lo,
                  uint64_t hi) {
    MemRange *sorted = malloc(n * sizeof *sorted + 1);
    MemSpan *out = malloc(SPANS * sizeof *out);
    memcpy(sorted, ranges, n * sizeof *sorted);
    const PhysMapInput in = {sorted, n, 1ull << LIMIT_SHIFT, lo, hi};
    size_t k = physmap_clean(&in, out, SPANS, say);
    MUST(k <= SPANS);
    for (size_t i = 0; i < k; i++) {
        MUST(out[i].lo < out[i].hi && out[i].hi <= in.limit);
        MUST(i == 0 || out[i - 1].hi <= out[i].lo);
        MUST(out[i].type >= MEM_USABLE && out[i].type <= MEM_EFI_RUNTIME);
        if (out[i].type == MEM_IMAGE || lo == hi || out[i].hi <= lo || out[i].lo >= hi) {
        } else {
            MUST(!"part of the image is given to somebody else");
        }
        if (out[i].type != MEM_USABLE) continue;
        MUST(out[i].lo % PAGE_SIZE == 0 && out[i].hi % PAGE_SIZE == 0);
        MUST(!claimed(claims, claim_count, out[i].lo, out[i].hi));
    }
    free(out);
    free(sorted);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    Input in = {data, size};
    uint64_t base = take(&in, 3) * PAGE_SIZE, bytes = take(&in, 1) * PAGE_SIZE;
    MemRange *ranges = malloc(RANGES * sizeof *ranges);
    MemRange *given = malloc(size * sizeof *given + 1);
    size_t n = 0;
    MemMap map = {.ranges = ranges, .capacity = (uint32_t)(take(&in, 1) % RANGES) + 1};
    map.spare = (uint32_t)take(&in, 1) % (map.capacity + 2);
    map.keep_base = base;
    map.keep_bytes = bytes;
    while (in.left > 0) {
        MemRange r = {take_address(&in), take_address(&in), (uint32_t)take(&in, 1) % 9, 0};
        uint32_t count = map.count, lost = map.lost;
        memmap_add(&map, r);
        MUST(map.count + map.lost == count + lost + (r.bytes != 0));
        given[n++] = r;
    }
    // Whoever lost no claim may judge by what is left: all that is called free is so by everything that was
    // said.
    clean(ranges, map.count, map.lost_claims ? ranges : given, map.lost_claims ? map.count : n, base,
          base + bytes);
    carve(&map, base, bytes);
    clean(ranges, map.count, ranges, map.count, base, base + bytes);
    free(given);
    free(ranges);
    return 0;
}
