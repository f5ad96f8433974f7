// map_fast.c -- keys of one word and Strings, looked up for reading and writing, and removed: the doors that a program's inner loops call.
//
// They are map_find_kind (map_find.h) for the map that is neither growing nor empty nor being written to, written so that no register is saved: what is rare
// goes on in another function by a jump.
//
// Context: goroutine's stack.
#include "map.h"
#include "map_change.h"
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

// The builtin is an int, and costs an instruction more.
static always_inline uintptr_t low_bit(uint64_t bits) {
    uintptr_t i;
    __asm__("rep bsfq %1, %0" : "=r"(i) : "r"(bits) : "cc");
    return i;
}

// Where the key of slot i is, whose bit in `hit` is 8 * i + 7.
static always_inline uintptr_t key_at(uintptr_t key_bytes, uintptr_t bit) {
    return key_bytes >= 8 ? key_bytes / 8 * (bit - 7) : bit / 8 * key_bytes;
}

// The rest of a look up: the bucket of `hash`, and the entry in it (and behind it) whose key, key_bytes at k, is SAME. LEAVE returns what was found.
#define FIND(key_bytes, SAME, LEAVE)                                                                                \
    do {                                                                                                     \
        uint64_t top = hash_top(hash);                                                                       \
        Bucket *b = bucket_at(t, m->buckets, hash & map_mask(m->bits));                                      \
        do {                                                                                                 \
            for (uint64_t hit = tops_equal(b, top); hit; hit &= hit - 1) {                                   \
                uintptr_t bit = low_bit(hit), i = bit / 8;                                                   \
                const char *k = (char *)b + BUCKET_DATA + key_at(key_bytes, bit);                            \
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

// For writing: the elem of the entry with this key, made if there was none and its bucket has room. What is rare is left to map_set_of and map_at_of: a bucket that is full or
// has others behind it, growth, a write that others' writing forbids. (Free slots are zeroed, the elem as well as the key; so there is no pointer to shade.)
#define LEAVE_WRITTEN(elem) (map_writing_end(m), leave(elem))

static always_inline void *add_word(Map *m, uint64_t key, uintptr_t key_bytes) {
    if (is_rare(m)) return NULL;
    const MapType *t = type_of_map(m);
    uint64_t hash = hash_word(key, m->seed), top = hash_top(hash);
    Bucket *b = bucket_at(t, m->buckets, hash & map_mask(m->bits));
    map_writing_set(m);
    for (uint64_t hit = tops_equal(b, top); hit; hit &= hit - 1) {
        uintptr_t bit = (unsigned)__builtin_ctzll(hit);
        const char *k = (const char *)b + BUCKET_DATA + key_at(key_bytes, bit);
        if (likely(key_bytes == 8 ? *(const uint64_t *)k == key : *(const uint32_t *)k == (uint32_t)key)) return LEAVE_WRITTEN(elem_at(t, b, key_bytes, bit / 8));
    }
    uint64_t empty = tops_free(b);
    if (unlikely(!empty || *bucket_overflow(t, b) || map_should_grow(m))) {
        map_writing_end(m);
        return NULL;
    }
    uintptr_t bit = (unsigned)__builtin_ctzll(empty);
    char *k = (char *)b + BUCKET_DATA + key_at(key_bytes, bit);
    if (key_bytes == 8) *(uint64_t *)k = key;
    else *(uint32_t *)k = (uint32_t)key;
    b->top[bit / 8] = (uint8_t)top;
    m->count++;
    return LEAVE_WRITTEN(elem_at(t, b, key_bytes, bit / 8));
}

fast void *map_add_32(Map *m, uint32_t key) { return add_word(m, key, 4); }
fast void *map_add_64(Map *m, uint64_t key) { return add_word(m, key, 8); }

void *map_add_string(Map *m, String key) {
    void *elem = is_rare(m) ? NULL : map_add_kind(type_of_map(m), m, KEY_STRING, &key);
    return elem ? leave(elem) : NULL;
}

bool map_drop_32(Map *m, uint32_t key) { return !is_rare(m) && map_drop_kind(type_of_map(m), m, KEY_32, &key) && leave(m); }
bool map_drop_64(Map *m, uint64_t key) { return !is_rare(m) && map_drop_kind(type_of_map(m), m, KEY_64, &key) && leave(m); }
bool map_drop_string(Map *m, String key) { return !is_rare(m) && map_drop_kind(type_of_map(m), m, KEY_STRING, &key) && leave(m); }

// 8 to 16 bytes: two words that overlap.
static always_inline bool short_equal(const char *a, const char *b, size_t n) {
    return load_64(a) == load_64(b) && load_64(a + n - 8) == load_64(b + n - 8);
}

// 17 to 32: four.
static always_inline bool longer_equal(const char *a, const char *b, size_t n) {
    return load_64(a) == load_64(b) && load_64(a + 8) == load_64(b + 8) && load_64(a + n - 16) == load_64(b + n - 16) &&
           load_64(a + n - 8) == load_64(b + n - 8);
}

// Comparing them takes more registers than a function has for nothing: so it has one of its own, which begins with the bucket again. The key that is
// looked up with the very String that it was put in with does not come here.
static noinline const void *find_longer_hashed(const Map *m, String key, uint64_t hash) {
    const MapType *t = type_of_map(m);
    FIND(16, ((const String *)k)->n == key.n && longer_equal(((const String *)k)->p, key.p, (size_t)key.n), leave);
}

// Hashes as hash_bytes.
static noinline fast const void *find_longer(const Map *m, String key) {
    if ((size_t)key.n - 17 > 32 - 17) return find_slow_string(m, key);
    const MapType *t = type_of_map(m);
    uint64_t hash = hash_four(key.p, (size_t)key.n, m->seed), top = hash_top(hash);
    Bucket *b = bucket_at(t, m->buckets, hash & map_mask(m->bits));
    __builtin_prefetch((const char *)b + 64); // keys and elems, while the first line is waited for
    __builtin_prefetch((const char *)b + 128);
    uint64_t hit = tops_equal(b, top); // only the first: another is rare
    if (unlikely(hit == 0)) return find_longer_hashed(m, key, hash);
    uintptr_t bit = low_bit(hit);
    const String *k = (const String *)((const char *)b + BUCKET_DATA + key_at(16, bit));
    if (unlikely(k->p != key.p || k->n != key.n)) return find_longer_hashed(m, key, hash);
    return leave(elem_at(t, b, 16, bit / 8));
}

fast const void *map_find_string(const Map *m, String key) {
    if (is_rare(m)) return find_slow_string(m, key);
    if ((size_t)key.n - 8 > 8) return find_longer(m, key);
    const MapType *t = type_of_map(m);
    uint64_t hash = hash_two(load_64(key.p), load_64(key.p + key.n - 8), (size_t)key.n, m->seed);
    FIND(16, ((const String *)k)->n == key.n && short_equal(((const String *)k)->p, key.p, (size_t)key.n), leave);
}
