// map.c -- hash maps: find, assign, delete, clear, and the doors of api/map.h. The story is told in map.h.
//
// Context: goroutine's stack. A write may allocate (and so wait for the collector) in the middle, with MAP_WRITING set; nothing else is held.
#include "map.h"
#include "cell.h"
#include "map_change.h"
#include "sched.h"

#define noinline __attribute__((noinline))

noinline void map_fatal(const char *text) {
    rt_fatal("%s", text);
}

// ---- make

// Room for n entries at 6.5 a bucket.
static unsigned bits_for(intptr_t n) {
    unsigned bits = 0;
    while (n > (intptr_t)BUCKET_SLOTS && (uintptr_t)n > 13 * ((uintptr_t)1 << bits) / 2)
        bits++;
    return bits;
}

void map_init(Map *h, const MapType *t, intptr_t room) {
    size_t bytes;
    if (room < 0 || __builtin_mul_overflow((size_t)room, t->bucket_bytes, &bytes) || bytes > (size_t)1 << 47) room = 0;
    h->seed = (uint32_t)(rand_next(p_self()) >> 32);
    h->bits = (uint8_t)bits_for(room);
    if (h->bits == 0) return; // the first write allocates
    h->buckets = map_array_new(t, h->bits);
    h->flags = MAP_READY;
}

// ---- find

void *map_find(const MapType *t, const Map *h, const void *key, void **found_key) {
    return map_find_kind(t, h, key, map_key_kind(t), found_key);
}

// ---- assign

static noinline void assign_to_nil(void) {
    panic_runtime("assignment to entry in nil map");
}

noinline Place map_look_behind(const MapType *t, KeyKind kind, const void *key, uint64_t top, Bucket *first) {
    Place at = {.last = first};
    if (kind == KEY_64) map_look_on(t, KEY_64, key, top, &at);
    else map_look_on(t, KEY_32, key, top, &at);
    return at;
}

// A key or elem of its own object, for a slot that holds a pointer to it.
static void *apart_new(char *slot, const Type *t) {
    return *(void **)slot = heap_alloc(t->size, t, 0); // the slot was empty: nothing to shade
}

static noinline void *entry_add(const MapType *t, Map *h, const void *key, uint64_t hash, const Place *at) {
    Bucket *b = at->bucket;
    unsigned i = at->i;
    if (!b) b = map_overflow_new(t, h, at->last), i = 0;
    char *k = bucket_key(t, b, i), *e = bucket_elem(t, b, i);
    if (t->flags & MAP_KEY_APART) k = apart_new(k, t->key);
    if (t->flags & MAP_ELEM_APART) e = apart_new(e, t->elem);
    words_copy(k, key, t->key->size); // empty slots hold no pointers
    b->top[i] = (uint8_t)hash_top(hash);
    h->count++;
    return e;
}

static inline void key_update(const MapType *t, void *slot, const void *key) {
    if (t->key->ptrdata) gc_shade_words(slot, t->key->size);
    words_copy(slot, key, t->key->size);
}

void *map_assign(const MapType *t, Map *h, const void *key) {
    if (unlikely(!h)) assign_to_nil();
    KeyKind kind = map_key_kind(t);
    Place at;
    map_check_writers(h);
    uint64_t hash = key_hash(t, kind, key, h->seed); // may panic: before the flag is set
    map_writing_begin(h);
    if (unlikely(!h->buckets)) {
        slot_store(&h->buckets, map_array_new(t, 0));
        hint_store(&h->flags, h->flags | MAP_READY);
    }
    for (;;) {
        if (unlikely(map_growing(h))) map_grow_work(t, h, hash & map_mask(h->bits));
        map_look(t, h, kind, key, hash, &at);
        if (at.found || map_growing(h) || !map_should_grow(h)) break;
        map_grow_start(t, h);
    }
    void *elem;
    if (at.found) {
        if (t->flags & MAP_KEY_UPDATE) key_update(t, slot_key(t, at.bucket, at.i), key);
        elem = slot_elem(t, at.bucket, at.i);
    } else elem = entry_add(t, h, key, hash, &at);
    map_writing_end(h);
    return elem;
}

// ---- the likely cases, for kinds that call nothing: no callback, no allocation, no growth

static always_inline bool set_quick(const MapType *t, Map *h, KeyKind kind, const void *key, const void *value) {
    bool found;
    void *elem = map_add_begin(t, h, kind, key, &found);
    if (unlikely(!elem)) return false;
    if (t->elem->ptrdata) gc_shade_words(elem, t->elem_bytes);
    words_copy(elem, value, t->elem_bytes);
    map_writing_end(h);
    return true;
}

static noinline bool set_quick_string(const MapType *t, Map *h, const void *key, const void *value) {
    return set_quick(t, h, KEY_STRING, key, value);
}
static noinline bool set_quick_bytes(const MapType *t, Map *h, const void *key, const void *value) {
    return set_quick(t, h, KEY_BYTES, key, value);
}
static noinline bool set_quick_32(const MapType *t, Map *h, const void *key, const void *value) {
    return set_quick(t, h, KEY_32, key, value);
}

bool map_set_quick(const MapType *t, Map *h, const void *key, const void *value) {
    switch (map_key_kind(t)) {
    case KEY_64: return set_quick(t, h, KEY_64, key, value);
    case KEY_32: return set_quick_32(t, h, key, value);
    case KEY_STRING: return set_quick_string(t, h, key, value);
    case KEY_BYTES: return set_quick_bytes(t, h, key, value);
    default: return false;
    }
}

// ---- delete, clear

static noinline bool remove_quick_string(const MapType *t, Map *h, const void *key) {
    return map_drop_kind(t, h, KEY_STRING, key);
}
static noinline bool remove_quick_bytes(const MapType *t, Map *h, const void *key) {
    return map_drop_kind(t, h, KEY_BYTES, key);
}
static noinline bool remove_quick_32(const MapType *t, Map *h, const void *key) {
    return map_drop_kind(t, h, KEY_32, key);
}

bool map_remove_quick(const MapType *t, Map *h, const void *key) {
    switch (map_key_kind(t)) {
    case KEY_64: return map_drop_kind(t, h, KEY_64, key);
    case KEY_32: return remove_quick_32(t, h, key);
    case KEY_STRING: return remove_quick_string(t, h, key);
    case KEY_BYTES: return remove_quick_bytes(t, h, key);
    default: return false;
    }
}

void *map_update_quick(const MapType *t, Map *h, const void *key) {
    if (h->count == 0) return NULL;
    switch (map_key_kind(t)) {
    case KEY_64: return map_update_kind(t, h, key, KEY_64);
    case KEY_32: return map_update_kind(t, h, key, KEY_32);
    case KEY_STRING: return map_update_kind(t, h, key, KEY_STRING);
    case KEY_BYTES: return map_update_kind(t, h, key, KEY_BYTES);
    default: return NULL;
    }
}

void map_remove(const MapType *t, Map *h, const void *key) {
    KeyKind kind = map_key_kind(t);
    if (!h || h->count == 0) {
        if (t->flags & MAP_HASH_PANICS) key_hash(t, kind, key, 0);
        return;
    }
    Place at;
    map_check_writers(h);
    uint64_t hash = key_hash(t, kind, key, h->seed);
    map_writing_begin(h);
    if (unlikely(map_growing(h))) map_grow_work(t, h, hash & map_mask(h->bits));
    map_look(t, h, kind, key, hash, &at);
    if (at.found) entry_clear(t, h, kind, &at);
    map_writing_end(h);
}

// Iterators under way must not find what is gone, nor think that they must look elsewhere: all tops become empty, in overflow buckets too.
static noinline void tops_clear(const MapType *t, char *array, uintptr_t n, uint64_t tops) {
    for (uintptr_t i = 0; i < n; i++) {
        for (Bucket *b = bucket_at(t, array, i); b; b = *bucket_overflow(t, b))
            b->tops = tops;
        if (i % 1024 == 1023) RT_DOOR();
    }
}

void map_empty(const MapType *t, Map *h) {
    if (!h || h->count == 0) return;
    map_writing_begin(h);
    uintptr_t n = map_mask(h->bits) + 1;
    tops_clear(t, h->buckets, n, 0);
    if (map_growing(h)) {
        tops_clear(t, h->old_buckets, map_old_mask(h) + 1, TOP_EVACUATED_EMPTY * 0x0101010101010101ull);
        slot_store(&h->old_buckets, NULL);
    }
    if (t->bucket->ptrdata) cells_clear(h->buckets, n * t->bucket_bytes);
    else mem_set(h->buckets, 0, n * t->bucket_bytes);
    hint_store(&h->flags, (h->flags & ~MAP_SAME_SIZE) | MAP_READY);
    if (h->extra) slot_store(&h->extra, NULL);
    h->count = 0;
    h->n_overflow = 0;
    h->evacuated = 0;
    h->seed = (uint32_t)(rand_next(p_self()) >> 32);
    map_writing_end(h);
}
