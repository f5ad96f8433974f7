// map_find.h -- looking up a key, to be compiled once for each kind of key that is worth it.
#pragma once
#include "map.h"

#define always_inline inline __attribute__((always_inline))

// With a kind that the compiler knows these call nothing but what that kind needs.
static always_inline uint64_t hash_kind(const MapType *t, KeyKind kind, const void *key, uint32_t seed) {
    switch (kind) {
    case KEY_64: return hash_word(*(const uint64_t *)key, seed);
    case KEY_32: return hash_word(*(const uint32_t *)key, seed);
    case KEY_STRING: return hash_bytes(((const String *)key)->p, (size_t)((const String *)key)->n, seed);
    case KEY_BYTES: return hash_bytes(key, t->key->size, seed);
    default: return key_hash(t, kind, key, seed);
    }
}
static always_inline bool equal_kind(const MapType *t, KeyKind kind, const void *a, const void *b) {
    switch (kind) {
    case KEY_64: return *(const uint64_t *)a == *(const uint64_t *)b;
    case KEY_32: return *(const uint32_t *)a == *(const uint32_t *)b;
    case KEY_STRING: {
        const String *x = a, *y = b;
        return x->n == y->n && (x->p == y->p || bytes_equal(x->p, y->p, (size_t)x->n));
    }
    case KEY_BYTES: return bytes_equal(a, b, t->key->size);
    default: return key_equal(t, kind, a, b);
    }
}

// The elem of the entry with this key, and its own key in *found_key (which may be NULL); NULL: none. The map is not empty.
static always_inline void *map_find_hashed(const MapType *t, const Map *h, const void *key, KeyKind kind, uint64_t hash, void **found_key) {
    Bucket *b = bucket_at(t, h->buckets, hash & map_mask(h->bits));
    if (unlikely(map_growing(h))) {
        Bucket *old = bucket_at(t, h->old_buckets, hash & map_old_mask(h));
        if (!bucket_evacuated(old)) b = old;
    }
    uint64_t top = hash_top(hash);
    do {
        for (uint64_t hit = tops_equal(b, top); hit; hit &= hit - 1) {
            unsigned i = (unsigned)__builtin_ctzll(hit) / 8;
            void *k = slot_key(t, b, i);
            if (unlikely(!equal_kind(t, kind, key, k))) continue;
            if (found_key) *found_key = k;
            return slot_elem(t, b, i);
        }
        b = *bucket_overflow(t, b);
    } while (unlikely(b != NULL));
    return NULL;
}

// The same for any map, for reading.
static always_inline void *map_find_kind(const MapType *t, const Map *h, const void *key, KeyKind kind, void **found_key) {
    if (unlikely(!h || h->count == 0)) {
        if ((kind == KEY_ANY || kind == KEY_CALL) && t) key_hash(t, kind, key, 0); // an unhashable key panics in an empty map, too
        return NULL;
    }
    uint8_t flags = hint_load(&h->flags);
    if (unlikely(flags & MAP_WRITING)) map_fatal("concurrent map read and map write");
    return map_find_hashed(t, h, key, kind, hash_kind(t, kind, key, h->seed), found_key);
}

// For writing to the elem that is found: a write like any other to those who use the map meanwhile (map.h, OTHERS). The elem itself is stored to afterwards, as by Go's
// compiler. The map is not empty; of a plain kind.
static always_inline void *map_update_kind(const MapType *t, Map *h, const void *key, KeyKind kind) {
    uint64_t hash = hash_kind(t, kind, key, h->seed);
    map_writing_begin(h);
    void *elem = map_find_hashed(t, h, key, kind, hash, NULL);
    map_writing_end(h);
    return elem;
}
