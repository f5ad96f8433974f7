// map_fast.c -- looking up keys of one word and Strings, for reading and writing: the doors that a program's inner loops call.
//
// They are map_find_kind (map_find.h) for the map that is neither growing nor empty nor being written to, written so that no register is saved: what is rare
// goes on in another function by a jump.
//
// Context: goroutine's stack.
#include "map.h"
#include "map_find.h"

#define noinline __attribute__((noinline))
#define fast     __attribute__((optimize("omit-frame-pointer"))) // nothing is pushed, so no frame either

static always_inline const MapType *type_of_map(const Map *m) {
    return ((const CMap *)m)->type;
}

static noinline void *with_door(void *v) {
    rt_door_slow();
    return v;
}
// RT_DOOR and return.
static always_inline void *leave(void *v) {
    if (unlikely(load_relaxed(&p_self()->request) != 0)) return with_door(v);
    return v;
}

static noinline const void *find_slow_32(const Map *m, uint32_t key) {
    return leave(m ? map_find_kind(type_of_map(m), m, &key, KEY_32, NULL) : NULL);
}
static noinline const void *find_slow_64(const Map *m, uint64_t key) {
    return leave(m ? map_find_kind(type_of_map(m), m, &key, KEY_64, NULL) : NULL);
}
static noinline const void *find_slow_string(const Map *m, String key) {
    return leave(m ? map_find_kind(type_of_map(m), m, &key, KEY_STRING, NULL) : NULL);
}

static always_inline bool is_rare(const Map *m) {
    return unlikely(!m || (hint_load(&m->flags) & (MAP_READY | MAP_WRITING)) != MAP_READY);
}

static always_inline void *elem_at(const MapType *t, Bucket *b, uintptr_t key_bytes, uintptr_t i) {
    char *e = (char *)b + BUCKET_DATA + BUCKET_SLOTS * key_bytes + i * t->elem_bytes;
    return unlikely(t->flags & MAP_ELEM_APART) ? *(void **)e : e;
}

// The rest of a look up: the bucket of `hash`, and the entry in it (and behind it) whose key, key_bytes at k, is SAME. LEAVE returns what was found.
#define FIND(key_bytes, SAME, LEAVE)                                                                                \
    do {                                                                                                     \
        uint64_t top = hash_top(hash);                                                                       \
        Bucket *b = bucket_at(t, m->buckets, hash & map_mask(m->bits));                                      \
        do {                                                                                                 \
            for (uint64_t hit = tops_equal(b, top); hit; hit &= hit - 1) {                                   \
                uintptr_t bit = (uintptr_t)__builtin_ctzll(hit), i = bit / 8; /* bit: 8 * i + 7 */             \
                const char *k = (char *)b + BUCKET_DATA + (key_bytes == 8 ? bit - 7 : i * (key_bytes));      \
                if (likely(SAME)) return LEAVE(elem_at(t, b, (key_bytes), i));                               \
            }                                                                                                \
            b = *bucket_overflow(t, b);                                                                      \
        } while (unlikely(b != NULL));                                                                       \
        return LEAVE(NULL);                                                                                  \
    } while (0)

fast const void *map_find_32(const Map *m, uint32_t key) {
    if (is_rare(m)) return find_slow_32(m, key);
    const MapType *t = type_of_map(m);
    uint64_t hash = hash_word(key, m->seed);
    FIND(4, *(const uint32_t *)k == key, leave);
}

fast const void *map_find_64(const Map *m, uint64_t key) {
    if (is_rare(m)) return find_slow_64(m, key);
    const MapType *t = type_of_map(m);
    uint64_t hash = hash_word(key, m->seed);
    FIND(8, *(const uint64_t *)k == key, leave);
}

// For writing: what is rare is left to map_set_of and map_at_of (a write that others' writing forbids among it).
#define LEAVE_WRITTEN(elem) (map_writing_end(m), leave(elem))

fast void *map_update_32(Map *m, uint32_t key) {
    if (is_rare(m)) return NULL;
    const MapType *t = type_of_map(m);
    uint64_t hash = hash_word(key, m->seed);
    map_writing_set(m);
    FIND(4, *(const uint32_t *)k == key, LEAVE_WRITTEN);
}

fast void *map_update_64(Map *m, uint64_t key) {
    if (is_rare(m)) return NULL;
    const MapType *t = type_of_map(m);
    uint64_t hash = hash_word(key, m->seed);
    map_writing_set(m);
    FIND(8, *(const uint64_t *)k == key, LEAVE_WRITTEN);
}

// 8 to 16 bytes: two words that overlap.
static always_inline bool short_equal(const char *a, const char *b, size_t n) {
    return load_64(a) == load_64(b) && load_64(a + n - 8) == load_64(b + n - 8);
}

fast const void *map_find_string(const Map *m, String key) {
    if (is_rare(m) || (size_t)key.n - 8 > 8) return find_slow_string(m, key);
    const MapType *t = type_of_map(m);
    uint64_t hash = hash_two(load_64(key.p), load_64(key.p + key.n - 8), (size_t)key.n, m->seed); // as hash_bytes
    FIND(16, ((const String *)k)->n == key.n && short_equal(((const String *)k)->p, key.p, (size_t)key.n), leave);
}
