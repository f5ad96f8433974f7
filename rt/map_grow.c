// map_grow.c -- arrays and overflow buckets of maps, and moving entries into a larger array, a bucket or two at a time. The story is told in map.h.
//
// Context: goroutine's stack, inside of a write (MAP_WRITING is set by us). Allocations may park.
#include "map.h"
#include "cell.h"
#include "map_change.h"
#include "sched.h"

#define noinline __attribute__((noinline))
#pragma weak rt_go_map_kind

void words_copy(void *dst, const void *src, size_t bytes) {
    char *d = dst;
    const char *s = src;
    for (; bytes >= 8; bytes -= 8, d += 8, s += 8)
        __builtin_memcpy(d, s, 8); // one instruction
    for (; bytes > 0; bytes--)
        *d++ = *s++;
}

void words_clear(void *dst, size_t bytes, bool pointers) {
    if (pointers) gc_shade_words(dst, bytes);
    char *d = dst;
    for (; bytes >= 8; bytes -= 8, d += 8)
        __builtin_memset(d, 0, 8);
    for (; bytes > 0; bytes--)
        *d++ = 0;
}

// ---- memory

char *map_array_new(const MapType *t, unsigned bits) {
    return heap_alloc((size_t)t->bucket_bytes << bits, t->bucket, 0);
}

// Three words of pointers, and a list's.
static const uint8_t extra_bits[8] = {3}, list_bits[8] = {1};
static const String extra_name = {"runtime.mapextra", 16}, list_name = {"runtime.overflow", 16};
static const Type extra_type = {.size = sizeof(MapExtra), .ptrdata = 16, .align = 8, .field_align = 8, .kind = KIND_STRUCT, .gcdata = extra_bits, .string = &extra_name};
static const Type list_type = {.size = sizeof(OverflowList), .ptrdata = 8, .align = 8, .field_align = 8, .kind = KIND_STRUCT, .gcdata = list_bits, .string = &list_name};

// Buckets that are not scanned do not keep their overflow buckets: the map does.
static noinline void overflow_keep(Map *h, Bucket *b) {
    if (!h->extra) slot_store(&h->extra, (MapExtra *)heap_alloc(sizeof(MapExtra), &extra_type, 0));
    if (!h->extra->now) slot_store(&h->extra->now, (OverflowList *)heap_alloc(sizeof(OverflowList), &list_type, 0));
    OverflowList *l = h->extra->now;
    if (l->n == l->cap) {
        uintptr_t cap = l->cap ? 2 * l->cap : 8;
        Bucket **v = heap_alloc(cap * sizeof *v, &type_ptr, 0);
        mem_copy(v, l->v, l->n * sizeof *v);
        slot_store(&l->v, v); // the old list is shaded: nobody scans the copies if the new one is black
        l->cap = cap;
    }
    l->v[l->n++] = b;
}

Bucket *map_overflow_new(const MapType *t, Map *h, Bucket *behind) {
    Bucket *b = (Bucket *)map_array_new(t, 0);
    // The count is exact for small maps; for large ones it is raised with a chance that keeps it within 16 bits.
    if (h->bits < 16 || (rand_next(p_self()) >> 16 & map_mask(h->bits - 15)) == 0) h->n_overflow++;
    if (t->bucket->ptrdata == 0) overflow_keep(h, b);
    *bucket_overflow(t, behind) = b; // it was NULL
    return b;
}

// ---- growth

void map_grow_start(const MapType *t, Map *h) {
    bool bigger = map_over_load((uintptr_t)h->count + 1, h->bits);
    char *array = map_array_new(t, h->bits + bigger);
    uint8_t flags = h->flags & ~(MAP_ITERATOR | MAP_OLD_ITERATOR | MAP_SAME_SIZE | MAP_READY);
    if (h->flags & MAP_ITERATOR) flags |= MAP_OLD_ITERATOR;
    if (!bigger) flags |= MAP_SAME_SIZE;
    hint_store(&h->flags, flags);
    h->bits += bigger;
    slot_store(&h->old_buckets, h->buckets);
    slot_store(&h->buckets, array);
    h->evacuated = 0;
    h->n_overflow = 0;
    if (h->extra && h->extra->now) {
        slot_store(&h->extra->old, h->extra->now);
        slot_store(&h->extra->now, NULL);
    }
}

// ---- evacuation

// Where entries go: X or Y.
typedef struct Target {
    Bucket *b;
    unsigned i;
} Target;

// A key that is not itself (NaN) has no hash that could be repeated. An iterator must be able to foresee where it goes: its old top decides.
static always_inline bool goes_by_top(const MapType *t, const Map *h, KeyKind kind, const void *k) {
    return !kind_is_plain(kind) && h->flags & (MAP_ITERATOR | MAP_OLD_ITERATOR) && !(t->flags & MAP_REFLEXIVE) && !key_equal(t, kind, k, k);
}

// The new slots are empty: no barrier. Keys and elems that lie apart stay where they are.
static always_inline void bucket_move(const MapType *t, Map *h, KeyKind kind, Bucket *b, Target to[2]) {
    bool same = h->flags & MAP_SAME_SIZE;
    uint64_t y_bit = map_old_mask(h) + 1;
    uint32_t seed = h->seed;
    unsigned key_bytes = kind_key_bytes(t, kind), elem_bytes = t->elem_bytes, elems = BUCKET_DATA + BUCKET_SLOTS * key_bytes;
    for (; b; b = *bucket_overflow(t, b))
        for (unsigned i = 0; i < BUCKET_SLOTS; i++) {
            uint8_t top = b->top[i];
            if (top == TOP_EMPTY) {
                b->top[i] = TOP_EVACUATED_EMPTY;
                continue;
            }
            char *k = (char *)b + BUCKET_DATA + i * key_bytes;
            bool y = false;
            if (likely(!same)) {
                const void *key = kind == KEY_64 || kind == KEY_32 || kind == KEY_STRING ? k : slot_key(t, b, i);
                uint64_t hash = hash_kind(t, kind, key, seed);
                y = goes_by_top(t, h, kind, key) ? top & 1 : (hash & y_bit) != 0;
                top = (uint8_t)hash_top(hash);
            }
            Target *d = &to[y];
            if (unlikely(d->i == BUCKET_SLOTS)) *d = (Target){map_overflow_new(t, h, d->b), 0};
            unsigned at = d->i++;
            Bucket *new = d->b;
            copy_few((char *)new + BUCKET_DATA + at * key_bytes, k, key_bytes);
            char *e = (char *)new + elems + at * elem_bytes, *old = (char *)b + elems + i * elem_bytes;
            if (likely(elem_bytes == 8)) __builtin_memcpy(e, old, 8);
            else copy_few(e, old, elem_bytes);
            new->top[at] = top;
            b->top[i] = y ? TOP_EVACUATED_Y : TOP_EVACUATED_X;
        }
}

static noinline void move_64(const MapType *t, Map *h, Bucket *b, Target to[2]) { bucket_move(t, h, KEY_64, b, to); }
static noinline void move_string(const MapType *t, Map *h, Bucket *b, Target to[2]) { bucket_move(t, h, KEY_STRING, b, to); }
static noinline void move_any(const MapType *t, Map *h, Bucket *b, Target to[2]) { bucket_move(t, h, map_key_kind(t), b, to); }

static inline void move(const MapType *t, Map *h, Bucket *b, Target to[2]) {
    KeyKind kind = map_key_kind(t);
    if (kind == KEY_CALL && rt_go_map_kind) kind = rt_go_map_kind(t);
    if (kind == KEY_64) move_64(t, h, b, to);
    else if (kind == KEY_STRING) move_string(t, h, b, to);
    else move_any(t, h, b, to);
}

static noinline void evacuation_mark(const MapType *t, Map *h, uintptr_t old_n) {
    h->evacuated++;
    uintptr_t stop = h->evacuated + 1024 < old_n ? h->evacuated + 1024 : old_n;
    while (h->evacuated < stop && bucket_evacuated(bucket_at(t, h->old_buckets, h->evacuated)))
        h->evacuated++;
    if (h->evacuated < old_n) return;
    slot_store(&h->old_buckets, NULL);
    if (h->extra) slot_store(&h->extra->old, NULL);
    hint_store(&h->flags, (h->flags & ~MAP_SAME_SIZE) | MAP_READY);
}

static noinline void evacuate(const MapType *t, Map *h, uintptr_t i) {
    uintptr_t old_n = map_old_mask(h) + 1;
    Bucket *b = bucket_at(t, h->old_buckets, i);
    if (!bucket_evacuated(b)) {
        Target to[2] = {{bucket_at(t, h->buckets, i), 0}, {bucket_at(t, h->buckets, h->flags & MAP_SAME_SIZE ? i : i + old_n), 0}};
        move(t, h, b, to);
        // What is behind nobody needs, unless an iterator is there: it must not keep objects alive.
        if (t->bucket->ptrdata && !(h->flags & MAP_OLD_ITERATOR))
            words_clear((char *)b + BUCKET_DATA, t->bucket_bytes - BUCKET_DATA, true);
    }
    if (i == h->evacuated) evacuation_mark(t, h, old_n);
}

// In a large map each of these lines is far away: all are asked for at once, before the first is waited for. The keys of most buckets begin in the first line and end in the second.
static inline void bucket_prefetch(const Bucket *b) {
    __builtin_prefetch(b);
    __builtin_prefetch((const char *)b + 64);
}

void map_grow_work(const MapType *t, Map *h, uintptr_t bucket) {
    bucket_prefetch(bucket_at(t, h->old_buckets, bucket & map_old_mask(h)));
    bucket_prefetch(bucket_at(t, h->buckets, bucket));
    evacuate(t, h, bucket & map_old_mask(h));
    if (map_growing(h)) evacuate(t, h, h->evacuated);
}
