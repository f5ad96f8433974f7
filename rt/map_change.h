// map_change.h -- adding and removing entries, to be compiled once for each kind of key that is worth it.
//
// The quick ways are for plain kinds (map.h): they call nothing of the program's, allocate nothing, grow nothing, and need little stack. What
// they cannot do they leave undone, and say so: map_assign and map_remove can do all.
#pragma once
#include "cell.h"
#include "map_find.h"
#include "sched.h"

// What is known of a kind's keys needs no look at the type.
static always_inline unsigned kind_key_bytes(const MapType *t, KeyKind kind) {
    return kind == KEY_64 ? 8 : kind == KEY_32 ? 4 : kind == KEY_STRING ? sizeof(String) : t->key_bytes;
}
static always_inline void *kind_slot_key(const MapType *t, KeyKind kind, Bucket *b, unsigned i) {
    if (kind != KEY_64 && kind != KEY_32 && kind != KEY_STRING) return slot_key(t, b, i); // a large one may lie apart
    return (char *)b + BUCKET_DATA + i * kind_key_bytes(t, kind);
}
static always_inline char *kind_elem(const MapType *t, KeyKind kind, Bucket *b, unsigned i) {
    return (char *)b + BUCKET_DATA + BUCKET_SLOTS * kind_key_bytes(t, kind) + i * t->elem_bytes;
}

// Whole words, then what is left, as words_copy: in place.
static always_inline void copy_few(void *dst, const void *src, size_t bytes) {
    size_t i = 0;
    for (; i + 8 <= bytes; i += 8)
        __builtin_memcpy((char *)dst + i, (const char *)src + i, 8); // one instruction
    for (; i < bytes; i++)
        ((char *)dst)[i] = ((const char *)src)[i];
}
// To a slot that is empty, and so holds no pointer: nothing to shade.
static always_inline void key_put(const MapType *t, KeyKind kind, void *slot, const void *key) {
    switch (kind) {
    case KEY_64: *(uint64_t *)slot = *(const uint64_t *)key; return;
    case KEY_32: *(uint32_t *)slot = *(const uint32_t *)key; return;
    case KEY_STRING: *(String *)slot = *(const String *)key; return;
    default: words_copy(slot, key, t->key_bytes);
    }
}

typedef struct Place {
    Bucket *bucket; // where the key is, or may go; NULL: all buckets are full
    unsigned i;
    bool found;
    Bucket *last; // of the chain
} Place;

// From at->last on, which no bucket before has the key of.
static always_inline void map_look_on(const MapType *t, KeyKind kind, const void *key, uint64_t top, Place *at) {
    for (Bucket *b = at->last; b; b = *bucket_overflow(t, b)) {
        for (uint64_t hit = tops_equal(b, top); hit; hit &= hit - 1) {
            unsigned i = (unsigned)__builtin_ctzll(hit) / 8;
            if (!equal_kind(t, kind, key, kind_slot_key(t, kind, b, i))) continue;
            *at = (Place){b, i, true, b};
            return;
        }
        uint64_t empty = at->bucket ? 0 : tops_free(b);
        if (empty) at->bucket = b, at->i = (unsigned)__builtin_ctzll(empty) / 8;
        at->last = b;
    }
}

// In the present array.
static always_inline void map_look(const MapType *t, Map *h, KeyKind kind, const void *key, uint64_t hash, Place *at) {
    *at = (Place){.last = bucket_at(t, h->buckets, hash & map_mask(h->bits))};
    map_look_on(t, kind, key, hash_top(hash), at);
}

// The same for a plain kind. With keys of a word what is rare, overflow buckets, is out of the way: few registers are needed then. (Those that call something need them anyway,
// and little stack more than this.)
Place map_look_behind(const MapType *t, KeyKind kind, const void *key, uint64_t top, Bucket *first); // map.c; KEY_64, KEY_32
static always_inline Place map_look_quick(const MapType *t, Map *h, KeyKind kind, const void *key, uint64_t hash) {
    uint64_t top = hash_top(hash);
    Bucket *b = bucket_at(t, h->buckets, hash & map_mask(h->bits));
    for (uint64_t hit = tops_equal(b, top); hit; hit &= hit - 1) {
        unsigned i = (unsigned)__builtin_ctzll(hit) / 8;
        if (likely(equal_kind(t, kind, key, kind_slot_key(t, kind, b, i)))) return (Place){b, i, true, b};
    }
    if (unlikely(*bucket_overflow(t, b) != NULL)) {
        if (kind == KEY_64 || kind == KEY_32) return map_look_behind(t, kind, key, top, b);
        Place at = {.last = b};
        map_look_on(t, kind, key, top, &at);
        return at;
    }
    uint64_t empty = tops_free(b);
    if (unlikely(!empty)) return (Place){.last = b};
    return (Place){b, (unsigned)__builtin_ctzll(empty) / 8, false, b};
}

// The elem of the entry with this key, made if there was none. The map is being written to until the caller ends that. NULL: nothing was done, nobody writes.
static always_inline void *map_add_begin(const MapType *t, Map *h, KeyKind kind, const void *key, bool *found) {
    if (unlikely(t->flags & (MAP_KEY_APART | MAP_ELEM_APART))) return NULL;
    uint64_t hash = hash_kind(t, kind, key, h->seed); // of a long string: may let others run
    if (unlikely(!(hint_load(&h->flags) & MAP_READY))) return NULL;
    map_writing_begin(h);
    Place at = map_look_quick(t, h, kind, key, hash);
    *found = at.found;
    if (!at.found) {
        if (unlikely(!at.bucket || map_should_grow(h))) {
            map_writing_end(h);
            return NULL;
        }
        key_put(t, kind, kind_slot_key(t, kind, at.bucket, at.i), key);
        at.bucket->top[at.i] = (uint8_t)hash_top(hash);
        h->count++;
    } else if (kind == KEY_STRING) { // the old bytes need not be kept
        String *k = kind_slot_key(t, kind, at.bucket, at.i);
        if (k->p != ((const String *)key)->p) slot_store(&k->p, ((const String *)key)->p);
    }
    return kind_elem(t, kind, at.bucket, at.i);
}

// The elem of the entry with this key, made if there was none, for the caller to store to, as Go's compiler does. NULL: nothing was done.
static always_inline void *map_add_kind(const MapType *t, Map *h, KeyKind kind, const void *key) {
    bool found;
    void *elem = map_add_begin(t, h, kind, key, &found);
    if (likely(elem != NULL)) map_writing_end(h);
    return elem;
}

static always_inline void clear_few(void *p, size_t bytes, bool pointers) {
    if (pointers) gc_shade_words(p, bytes);
    size_t i = 0;
    for (; i + 8 <= bytes; i += 8)
        __builtin_memset((char *)p + i, 0, 8);
    for (; i < bytes; i++)
        ((char *)p)[i] = 0;
}

static always_inline void entry_clear(const MapType *t, Map *h, KeyKind kind, const Place *at) {
    clear_few(bucket_key(t, at->bucket, at->i), kind_key_bytes(t, kind), t->key->ptrdata || (t->flags & MAP_KEY_APART));
    clear_few(bucket_elem(t, at->bucket, at->i), t->elem_bytes, t->elem->ptrdata || (t->flags & MAP_ELEM_APART));
    at->bucket->top[at->i] = TOP_EMPTY;
    if (--h->count == 0) h->seed = (uint32_t)(rand_next(p_self()) >> 32); // whoever has found collisions begins anew
}

// The entry with this key is gone. False: nothing was done.
static always_inline bool map_drop_kind(const MapType *t, Map *h, KeyKind kind, const void *key) {
    uint64_t hash = hash_kind(t, kind, key, h->seed);
    if (map_growing(h)) return false;
    if (h->count == 0) return true;
    map_writing_begin(h);
    Place at = map_look_quick(t, h, kind, key, hash);
    if (at.found) entry_clear(t, h, kind, &at);
    map_writing_end(h);
    return true;
}
