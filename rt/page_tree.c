// page_tree.c -- which pages of one zone are free, and where is a run of n of them?
//
// A zone is a contiguous range of memory. Each page has a bit (set: free); 512 bits, a cache line, are a
// chunk of 2 MB. Above the chunks stands a tree with fan-out 8 whose nodes say how long the first, the
// longest and the last run of free pages below them is. That is enough to find the lowest run of n pages by
// one descent, also when it spans children: a run that crosses a border is the end of some children, whole
// children, and the start of the next one.
//
// This is the structure of Go's mpagealloc.go, one tree per zone instead of one for the whole address space.
// Compared with buddy lists (Linux): 0.01 % of metadata, no touching of free pages, runs of any length
// without rounding to a power of two, neighbours merge by themselves, and address-ordered first fit keeps
// small use low and large runs whole. The price is O(log n) where a buddy list pops its head; the per-P
// caches (page.c) pay that price once per batch.
//
// Costs: find and update touch at most `levels` * 8 summaries (6 levels: 512 GB), plus the chunks of the run
// itself.
//
// Invariants: every summary equals what its bits say, whenever no function of this file runs; bits of pages
// that do not exist (below lo, beyond hi) or hold metadata are never set. Locks: none, the caller serialises.
#include "page.h"

#define CHUNK_WORDS (CHUNK_PAGES / 64)

// ---- bits

// Index of the first bit equal to `set` in [from, end); end: none.
static size_t bit_next(const uint64_t *w, size_t from, size_t end, bool set) {
    while (from < end) {
        uint64_t x = (set ? w[from / 64] : ~w[from / 64]) >> (from % 64);
        if (x) {
            from += (size_t)__builtin_ctzll(x);
            return from < end ? from : end;
        }
        from = (from | 63) + 1;
    }
    return end;
}

// Bits of word `i` that belong to [from, to).
static inline uint64_t word_mask(size_t i, size_t from, size_t to) {
    uint64_t m = ~0ull;
    if (i == from / 64) m &= ~0ull << (from % 64);
    if (i == (to - 1) / 64) m &= ~0ull >> (63 - (to - 1) % 64);
    return m;
}

static void bits_write(uint64_t *w, size_t from, size_t n, bool set) {
    for (size_t i = from / 64; i <= (from + n - 1) / 64; i++) {
        uint64_t m = word_mask(i, from, from + n);
        if (set)
            w[i] |= m;
        else
            w[i] &= ~m;
    }
}

static bool bits_all_clear(const uint64_t *w, size_t from, size_t n) {
    for (size_t i = from / 64; i <= (from + n - 1) / 64; i++)
        if (w[i] & word_mask(i, from, from + n)) return false;
    return true;
}

// ---- summaries

static inline uint32_t max_u32(uint32_t a, uint32_t b) {
    return a > b ? a : b;
}

// The longest run of ones in x, or max if that is no shorter.
static inline uint32_t longer_run(uint64_t x, uint32_t max) {
    // x's bits say where m + 1 ones begin: m grows to max by doubling, and then by one as long as there are such places.
    for (uint32_t m = 0, step; m < max && x; m += step) {
        step = m + 1 < max - m ? m + 1 : max - m;
        x &= x >> step;
    }
    for (; x; x &= x >> 1)
        max++;
    return max;
}

static PageSum chunk_sum(const uint64_t *w) {
    PageSum s = {0, 0, 0};
    uint32_t run = 0; // free pages that end where we stand
    bool first = true;
    for (unsigned i = 0; i < CHUNK_WORDS; i++) {
        uint64_t x = w[i];
        if (x == ~0ull) {
            run += 64;
            continue;
        }
        run += (uint32_t)__builtin_ctzll(~x);
        if (first) s.start = run;
        first = false;
        s.max = max_u32(s.max, run);
        s.max = longer_run(x, s.max);
        run = (uint32_t)__builtin_clzll(~x);
    }
    if (first) s.start = run;
    s.end = run;
    s.max = max_u32(s.max, run);
    return s;
}

// Joins the summaries of `n` neighbours that cover `span` pages each.
static PageSum sum_join(const PageSum *c, size_t n, uint32_t span) {
    PageSum s = c[0];
    uint32_t whole = span; // pages joined so far
    for (size_t i = 1; i < n; i++) {
        s.max = max_u32(s.max, max_u32(s.end + c[i].start, c[i].max));
        if (s.start == whole) s.start += c[i].start;
        s.end = c[i].end == span ? s.end + span : c[i].end;
        whole += span;
    }
    return s;
}

// Pages under one node of level l.
static inline size_t level_span(unsigned l) {
    return (size_t)CHUNK_PAGES << (3 * l);
}

// True: it was another.
static inline bool sum_set(PageSum *s, PageSum new) {
    bool differs = s->start != new.start || s->max != new.max || s->end != new.end;
    *s = new;
    return differs;
}

// Recomputes what depends on pages [first, first + n). What lies above summaries that stay the same stays the same: mostly small runs come and go
// between others, and all is done with the first level.
static void sums_update(PageZone *z, size_t first, size_t n) {
    size_t a = first / CHUNK_PAGES, b = (first + n - 1) / CHUNK_PAGES;
    bool differs = false;
    for (size_t i = a; i <= b; i++)
        differs |= sum_set(&z->level[0][i], chunk_sum(z->free + i * CHUNK_WORDS));
    for (unsigned l = 1; differs && l < z->levels; l++) {
        a /= TREE_FANOUT;
        b /= TREE_FANOUT;
        differs = false;
        for (size_t i = a; i <= b; i++) {
            size_t c = i * TREE_FANOUT, left = z->count[l - 1] - c;
            differs |= sum_set(&z->level[l][i], sum_join(z->level[l - 1] + c, left < TREE_FANOUT ? left : TREE_FANOUT,
                                                         (uint32_t)level_span(l - 1)));
        }
    }
}

// Length of the run of ones around bit `bit` of x, which is set; UINT32_MAX: it reaches one of the word's ends, and perhaps beyond.
static inline uint32_t run_around(uint64_t x, unsigned bit) {
    if (x == ~0ull) return UINT32_MAX;
    uint32_t up = (uint32_t)__builtin_ctzll(~(x >> bit)), down = (uint32_t)__builtin_clzll(~(x << (63 - bit))); // both count the bit itself
    return bit + up < 64 && down <= bit ? up + down - 1 : UINT32_MAX;
}

// A free run that ends on both sides in the word of page i says nothing about its chunk if another is as long: when it was made, by pages that
// were freed (most: its chunk's max), or when some of it is to be taken (most: less than that).
static inline bool run_is_inside(const PageZone *z, size_t i, uint32_t most) {
    return run_around(z->free[i / 64], i % 64) <= most;
}
static inline uint32_t chunk_max(const PageZone *z, size_t i) { return z->level[0][i / CHUNK_PAGES].max; }

// First page of the lowest run of n free pages. The root's max is at least n.
static size_t run_find(const PageZone *z, size_t n) {
    size_t i = 0; // node of level l that holds the whole run, or ends it
    for (unsigned l = z->levels - 1; l > 0; l--) {
        const PageSum *s = z->level[l - 1];
        size_t span = level_span(l - 1), run = 0;
        for (i *= TREE_FANOUT;; i++) {
            if (run + s[i].start >= n) return i * span - run;
            if (s[i].max >= n) break;
            run = s[i].end == span ? run + span : s[i].end;
        }
    }
    const size_t end = (i + 1) * CHUNK_PAGES;
    size_t from = bit_next(z->free, i * CHUNK_PAGES, end, true);
    for (;;) {
        size_t to = bit_next(z->free, from, end, false);
        if (to - from >= n) return from;
        from = bit_next(z->free, to, end, true);
    }
}

// ---- the zone

static inline uintptr_t page_address(const PageZone *z, size_t i) {
    return z->base + i * PAGE_SIZE;
}

// Cuts `bytes` off the front of *at, aligned for any record.
static void *carve(uintptr_t *at, size_t bytes) {
    void *p = (void *)*at;
    *at += (bytes + 63) & ~(size_t)63;
    return p;
}

PageZone *zone_init(uintptr_t lo, uintptr_t hi, int node) {
    lo = (lo + PAGE_SIZE - 1) & ~(uintptr_t)(PAGE_SIZE - 1);
    hi &= ~(uintptr_t)(PAGE_SIZE - 1);
    if (hi <= lo) return NULL;

    PageZone shape = {.lo = lo, .hi = hi, .node = node};
    shape.base = lo & ~((uintptr_t)CHUNK_PAGES * PAGE_SIZE - 1);
    shape.pages = (hi - shape.base) / PAGE_SIZE;
    if (shape.pages > UINT32_MAX) return NULL;
    size_t chunks = (shape.pages + CHUNK_PAGES - 1) / CHUNK_PAGES, sums = 0;
    for (size_t n = chunks;; n = (n + TREE_FANOUT - 1) / TREE_FANOUT) {
        shape.count[shape.levels++] = n;
        sums += n;
        if (n == 1) break;
    }

    // Metadata first, at the low end: [struct][bits][halves][summaries], each piece on its own cache
    // lines.
    const size_t per_chunk = CHUNK_PAGES / 8 + CHUNK_PAGES / 4;
    size_t bytes =
        sizeof(PageZone) + 64 + chunks * per_chunk + 2 * 64 + sums * sizeof(PageSum) + shape.levels * 64;
    size_t used = (bytes + PAGE_SIZE - 1) / PAGE_SIZE, have = (hi - lo) / PAGE_SIZE;
    if (have < used + 4) return NULL;

    __builtin_memset((void *)lo, 0, used * PAGE_SIZE);
    uintptr_t at = lo;
    PageZone *z = carve(&at, sizeof(PageZone));
    *z = shape;
    z->free = carve(&at, chunks * (CHUNK_PAGES / 8));
    z->half = carve(&at, chunks * (CHUNK_PAGES / 4));
    for (unsigned l = 0; l < z->levels; l++)
        z->level[l] = carve(&at, z->count[l] * sizeof(PageSum));
    z->usable = have - used;

    size_t first = (lo - z->base) / PAGE_SIZE + used;
    bits_write(z->free, first, z->usable, true);
    sums_update(z, 0, z->pages);
    return z;
}

uintptr_t zone_alloc(PageZone *z, size_t n) {
    if (zone_largest(z) < n) return 0;
    size_t i = run_find(z, n);
    bool inside = run_is_inside(z, i, chunk_max(z, i) - 1); // (max is not 0: page i is free)
    bits_write(z->free, i, n, false);
    if (!inside) sums_update(z, i, n);
    return page_address(z, i);
}

size_t zone_take(PageZone *z, void **out, size_t max) {
    if (zone_largest(z) == 0 || max == 0) return 0;
    size_t first = run_find(z, 1), end = (first / CHUNK_PAGES + 1) * CHUNK_PAGES, n = 0;
    for (size_t i = first; i < end && n < max; i = bit_next(z->free, i, end, true)) {
        bits_write(z->free, i, 1, false);
        out[n++] = (void *)page_address(z, i);
    }
    sums_update(z, first, 1);
    return n;
}

bool zone_free(PageZone *z, uintptr_t addr, size_t n) {
    // Metadata and what lies below it are never handed out: pages free or allocated begin behind it.
    if (addr % PAGE_SIZE || addr < z->hi - z->usable * PAGE_SIZE || addr >= z->hi ||
        n > (z->hi - addr) / PAGE_SIZE)
        return false;
    size_t i = (addr - z->base) / PAGE_SIZE;
    if (!bits_all_clear(z->free, i, n)) return false;
    bits_write(z->free, i, n, true);
    if (!run_is_inside(z, i, chunk_max(z, i))) sums_update(z, i, n);
    return true;
}
