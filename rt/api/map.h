// api/map.h -- hash maps (Go: map[K]V).
//
// `map(K, V)` is the type of a map from K to V, a pointer: copies name the same map. NULL is Go's nil map: reading finds nothing, writing panics.
// K and V are names of types that have a descriptor (api/mem.h), value types included: a pointer type is given a name by TYPE_POINTER
// first. TYPE_MAP(K, V) once before the first use. The map owns copies of keys and values; the collector owns the map.
//
//     TYPE_MAP(String, int);
//     map(String, int) count = map_make(String, int);
//     map_set(count, word, map_get(count, word) + 1);          // count[word]++
//     int n; if (map_get_ok(count, word, &n)) ...              // n, ok := count[word]
//     map_for (k, v, count) println("%.*s %d", str_arg(k), v); // for k, v := range count
//     map_delete(count, word);
//
// Keys: integers, bool, pointers and channels, float and double (0 equals -0; a NaN equals nothing, not even itself), String, Any (panics "runtime error: hash of
// unhashable type T" when the value in it is not comparable), and structs declared by TYPE_KEY, TYPE_KEY_WITH or TYPE_KEY_BY.
//
// Iteration: in random order. Entries deleted before they are reached do not appear, entries added meanwhile may appear; every other entry appears once.
//
// No lock: maps that several goroutines use at once, one of them writing, need a mutex. What is caught of this, which is what happens to overlap on two cores, ends the program: "fatal error: concurrent map
// writes", "concurrent map read and map write", "concurrent map iteration and map write".
//
// Goroutine context; nothing blocks; out of memory as in mem.h.
#pragma once
#include "mem.h"
#include "str.h"

typedef struct Map Map; // rt/map.h. Its first word is the number of entries

#define map(K, V) struct map_##K##_##V *
#define TYPE_MAP(K, V)                                                                                       \
    struct map_##K##_##V {                                                                                   \
        MapHead_ head_;                                                                                      \
        K key_[0];                                                                                           \
        V value_[0];                                                                                         \
    };                                                                                                       \
    struct bucket_##K##_##V {                                                                                \
        uint8_t top[8];                                                                                      \
        MAP_SLOT_(K) key[8];                                                                                 \
        MAP_SLOT_(V) value[8];                                                                               \
        void *overflow;                                                                                      \
    };                                                                                                       \
    static const String map_name_##K##_##V = {"map[" #K "]" #V, sizeof("map[" #K "]" #V) - 1};               \
    static MapInfo __attribute__((unused)) map_info_##K##_##V =                                              \
        MAP_INFO_(K, V, &map_name_##K##_##V, struct bucket_##K##_##V)

// ---- operations
// map_make(K, V) or map_make(K, V, n): empty, with room for n entries (make(map[K]V, n)).
#define map_make(K, V, ...) ((struct map_##K##_##V *)map_make_of(&map_info_##K##_##V, MAP_HINT_(__VA_ARGS__)))
#define map_len(m)          (map_count_(map_of_(m)))
// The value at k; zero if there is none (m[k]).
#define map_get(m, k)                                                                                        \
    ({                                                                                                       \
        __typeof__(m) map_m_ = (m);                                                                          \
        const __typeof__(map_m_->value_[0]) *map_v_ = MAP_FIND_(map_m_, k);                                  \
        map_v_ ? *map_v_ : (__typeof__(map_m_->value_[0])){0};                                               \
    })
// The same into *to (which may be NULL); true: there is one (v, ok := m[k]).
#define map_get_ok(m, k, to)                                                                                 \
    ({                                                                                                       \
        __typeof__(m) map_m_ = (m);                                                                          \
        const __typeof__(map_m_->value_[0]) *map_v_ = MAP_FIND_(map_m_, k);                                  \
        __typeof__(map_m_->value_[0]) *map_to_ = (to);                                                       \
        if (map_to_) *map_to_ = map_v_ ? *map_v_ : (__typeof__(map_m_->value_[0])){0};                       \
        map_v_ != NULL;                                                                                      \
    })
#define map_has(m, k)                                                                                        \
    ({                                                                                                       \
        __typeof__(m) map_m_ = (m);                                                                          \
        MAP_FIND_(map_m_, k) != NULL;                                                                        \
    })
// m[k] = v. Panics "assignment to entry in nil map".
#define map_set(m, k, v)                                                                                     \
    ({                                                                                                       \
        __typeof__(m) map_m_ = (m);                                                                          \
        __typeof__(map_m_->key_[0]) map_key_[1] = {k};                                                       \
        __typeof__(map_m_->value_[0]) map_v_[1] = {v};                                                       \
        /* a number over a number needs no barrier */                                                        \
        void *map_p_ = MAP_IS_NUMBER_(map_v_[0]) ? MAP_ADD_(map_m_, map_key_[0]) : NULL;                     \
        if (map_p_) __builtin_memcpy(map_p_, map_v_, sizeof map_v_);                                         \
        else map_set_of(map_of_(map_m_), map_key_, map_v_);                                                  \
    })
// Pointer to the value at k, made zero if there was none: (*map_at(m, k))++. V must be a number. Valid until the next map_set or map_at.
#define map_at(m, k)                                                                                         \
    ({                                                                                                       \
        __typeof__(m) map_m_ = (m);                                                                          \
        __typeof__(map_m_->key_[0]) map_key_[1] = {k};                                                       \
        _Static_assert(MAP_IS_NUMBER_(map_m_->value_[0]), "map_at: the value is not a number; map_set");     \
        void *map_p_ = MAP_ADD_(map_m_, map_key_[0]);                                                        \
        (__typeof__(&map_m_->value_[0]))(map_p_ ? map_p_ : map_at_of(map_of_(map_m_), map_key_));            \
    })
#define map_delete(m, k)                                                                                     \
    ({                                                                                                       \
        __typeof__(m) map_m_ = (m);                                                                          \
        __typeof__(map_m_->key_[0]) map_key_[1] = {k};                                                       \
        if (!MAP_DROP_(map_m_, map_key_[0])) map_delete_of(map_of_(map_m_), map_key_);                       \
    })
#define map_clear(m) map_clear_of(map_of_(m))
// Loop over all entries; declares k of type K and v of type V. break and continue work.
#define map_for(k, v, m)                                                                                     \
    for (                                                                                                    \
        struct {                                                                                             \
            MapIter it;                                                                                      \
            __typeof__(m) m_;                                                                                \
            bool begun, more, once;                                                                          \
        } map_it_ = {.m_ = (m), .more = true};                                                               \
        map_it_.more && (map_it_.begun ? map_iter_next(&map_it_.it)                                          \
                                       : map_iter_start(&map_it_.it, map_of_(map_it_.m_)),                   \
                         map_it_.begun = true, map_it_.it.key != NULL);)                                     \
        for (__typeof__(map_it_.m_->key_[0]) k __attribute__((unused)) =                                     \
                 (map_it_.more = false, map_it_.once = true, *(__typeof__(&map_it_.m_->key_[0]))map_it_.it.key); \
             map_it_.once; map_it_.once = false)                                                             \
            for (__typeof__(map_it_.m_->value_[0]) v __attribute__((unused)) =                               \
                     *(__typeof__(&map_it_.m_->value_[0]))map_it_.it.elem;                                   \
                 !map_it_.more; map_it_.more = true)

// ---- struct keys
// A struct whose bytes decide equality: no pointers, no floating point, no padding (scripts/check_cells.py looks).
#define TYPE_KEY(Name)                                                                                       \
    enum { object_type_##Name };                                                                             \
    static bool type_equal_##Name(const void *a, const void *b) {                                            \
        return memcmp(a, b, sizeof(Name)) == 0;                                                              \
    }                                                                                                        \
    static const FuncVal type_equal_val_##Name = {(void (*)(void))type_equal_##Name};                        \
    TYPE_DESCRIPTOR_(static, Name, 0, NULL, TYPE_PLAIN_BYTES, &type_equal_val_##Name, NULL)
// Any other struct: bool equal(const Name *, const Name *), uint64_t hash(const Name *, uint64_t seed), equal keys having equal hashes; then its pointer
// fields as for TYPE_VALUE. Both are called with the map in the middle of an operation: they must not use that map.
#define TYPE_KEY_WITH(Name, equal, hash, ...)                                                                \
    TYPE_KEY_FUNCTIONS_(Name, equal, hash)                                                                   \
    TYPE_EACH(TYPE_CHECK_PLAIN, Name, __VA_ARGS__)                                                           \
    TYPE_BITS_(Name, TYPE_PLAIN_BIT, __VA_ARGS__)                                                            \
    TYPE_DESCRIPTOR_(static, Name, TYPE_PTRDATA_(Name, __VA_ARGS__), type_bits_##Name, TYPE_IS_VALUE | TYPE_HAS_HASH, \
                     &type_equal_val_##Name, &type_hash_val_##Name)
// The same for a struct without pointers (an object type, too).
#define TYPE_KEY_BY(Name, equal, hash)                                                                       \
    enum { object_type_##Name };                                                                             \
    TYPE_KEY_FUNCTIONS_(Name, equal, hash)                                                                   \
    TYPE_DESCRIPTOR_(static, Name, 0, NULL, TYPE_HAS_HASH, &type_equal_val_##Name, &type_hash_val_##Name)
#define TYPE_KEY_FUNCTIONS_(Name, equal, hash)                                                               \
    static bool type_equal_##Name(const void *a, const void *b) {                                            \
        return equal((const Name *)a, (const Name *)b);                                                      \
    }                                                                                                        \
    static uint64_t type_hash_##Name(const void *p, uint64_t seed) {                                         \
        return hash((const Name *)p, seed);                                                                  \
    }                                                                                                        \
    static const FuncVal type_equal_val_##Name = {(void (*)(void))type_equal_##Name};                        \
    static const FuncVal type_hash_val_##Name = {(void (*)(void))type_hash_##Name};
// Parts of such a hash: hash = hash_u64(k->number, hash_string(k->name, seed)).
uint64_t hash_u64(uint64_t v, uint64_t seed);
uint64_t hash_bytes(const void *p, size_t n, uint64_t seed);
uint64_t hash_string(String s, uint64_t seed);

// ---- what the macros use
// gccgo's map type; the C program's has more behind it.
typedef struct MapType {
    Type type;
    const Type *key, *elem, *bucket;
    const FuncVal *hasher; // uintptr hasher(const void *key, uintptr seed)
    uint8_t key_bytes, elem_bytes; // in the bucket; 8 when kept apart
    uint16_t bucket_bytes;
    uint32_t flags; // MAP_...
} MapType;
enum { MAP_KEY_APART = 1, MAP_ELEM_APART = 2, MAP_REFLEXIVE = 4, MAP_KEY_UPDATE = 8, MAP_HASH_PANICS = 16 };
typedef struct MapInfo {
    MapType map;
    Type bucket;
    uint32_t ready;    // bits and flags are made by the first map_make
    uint8_t bits[36]; // which words of a bucket hold pointers
} MapInfo;
typedef struct MapHead_ {
    intptr_t count;
} MapHead_;
// gccgo's hiter.
typedef struct MapIter {
    void *key, *elem; // of the present entry; key NULL: the end
    const MapType *type;
    struct Map *map;
    void *buckets, *bucket, *overflow, *old_overflow;
    uintptr_t start_bucket;
    uint8_t offset;
    bool wrapped;
    uint8_t bits, i;
    uintptr_t at_bucket, check_bucket;
} MapIter;
_Static_assert(sizeof(MapIter) == 96, "gccgo's layout");

Map *map_make_of(MapInfo *info, intptr_t n);
const void *map_find_of(const Map *m, const void *key);
const void *map_find_32(const Map *m, uint32_t key);
const void *map_find_64(const Map *m, uint64_t key);
const void *map_find_string(const Map *m, String key);
void *map_add_32(Map *m, uint32_t key);
void *map_add_64(Map *m, uint64_t key);
void *map_add_string(Map *m, String key);
bool map_drop_32(Map *m, uint32_t key);
bool map_drop_64(Map *m, uint64_t key);
bool map_drop_string(Map *m, String key);
void map_set_of(Map *m, const void *key, const void *value);
void *map_at_of(Map *m, const void *key);
void map_delete_of(Map *m, const void *key);
void map_clear_of(Map *m);
void map_iter_start(MapIter *it, Map *m);
void map_iter_next(MapIter *it);

#define map_of_(m) ((void)sizeof((m)->head_), (Map *)(m))
// Keys of one and two words go by register.
#define MAP_FIND_(m, k)                                                                                      \
    ({                                                                                                       \
        __typeof__((m)->key_[0]) map_k_[1] = {k};                                                            \
        sizeof map_k_ == 8 && MAP_IS_WORD_(map_k_[0])   ? map_find_64((Map *)(m), *(uint64_t *)map_k_)       \
        : sizeof map_k_ == 4 && MAP_IS_WORD_(map_k_[0]) ? map_find_32((Map *)(m), *(uint32_t *)map_k_)       \
        : _Generic(map_k_[0], String : 1, default : 0)  ? map_find_string((Map *)(m), *(String *)map_k_)     \
                                                        : map_find_of((Map *)(m), map_k_);                   \
    })
// The value of a key of one word or a String, made zero if there was none, if that is simple: to be written to. NULL: it is not.
#define MAP_ADD_(m, k)                                                                                       \
    ({                                                                                                       \
        __typeof__((m)->key_[0]) map_k_[1] = {k};                                                            \
        sizeof map_k_ == 8 && MAP_IS_WORD_(map_k_[0])   ? map_add_64((Map *)(m), *(uint64_t *)map_k_)        \
        : sizeof map_k_ == 4 && MAP_IS_WORD_(map_k_[0]) ? map_add_32((Map *)(m), *(uint32_t *)map_k_)        \
        : _Generic(map_k_[0], String : 1, default : 0)  ? map_add_string((Map *)(m), *(String *)map_k_)      \
                                                        : NULL;                                              \
    })
// Removes an entry with such a key. False: nothing was done.
#define MAP_DROP_(m, k)                                                                                      \
    ({                                                                                                       \
        __typeof__((m)->key_[0]) map_k_[1] = {k};                                                            \
        sizeof map_k_ == 8 && MAP_IS_WORD_(map_k_[0])   ? map_drop_64((Map *)(m), *(uint64_t *)map_k_)       \
        : sizeof map_k_ == 4 && MAP_IS_WORD_(map_k_[0]) ? map_drop_32((Map *)(m), *(uint32_t *)map_k_)       \
        : _Generic(map_k_[0], String : 1, default : 0)  ? map_drop_string((Map *)(m), *(String *)map_k_)     \
                                                        : false;                                             \
    })
#define MAP_IS_NUMBER_(v) (__builtin_classify_type(v) == 1 || __builtin_classify_type(v) == 8)
#define MAP_IS_WORD_(k) (__builtin_classify_type(k) == 1 || __builtin_classify_type(k) == 5)
static inline intptr_t map_count_(const Map *m) {
    return m ? *(const intptr_t *)m : 0;
}
#define MAP_HINT_(...)        MAP_HINT_2_(0, ##__VA_ARGS__, 0)
#define MAP_HINT_2_(a, b, ...) b
// Keys and values over 128 bytes are kept apart from the bucket.
#define MAP_SLOT_(T)          __typeof__(__builtin_choose_expr(sizeof(T) > 128, (void *)0, *(T *)0))
#define MAP_BYTES_(T)         (sizeof(T) > 128 ? 8 : sizeof(T))
#define MAP_INFO_(K, V, name, Bucket)                                                                        \
    {                                                                                                        \
        .map = {.type = {.size = 8,                                                                          \
                         .ptrdata = 8,                                                                       \
                         .align = 8,                                                                         \
                         .field_align = 8,                                                                   \
                         .kind = KIND_MAP | KIND_DIRECT,                                                     \
                         .gcdata = type_ptr_bits,                                                            \
                         .string = name},                                                                    \
                .key = &type_##K,                                                                            \
                .elem = &type_##V,                                                                           \
                .key_bytes = MAP_BYTES_(K),                                                                  \
                .elem_bytes = MAP_BYTES_(V),                                                                 \
                .bucket_bytes = sizeof(Bucket),                                                              \
                .flags = (sizeof(K) > 128 ? MAP_KEY_APART : 0) | (sizeof(V) > 128 ? MAP_ELEM_APART : 0)},    \
        .bucket = {                                                                                          \
            .size = sizeof(Bucket),                                                                          \
            .align = 8,                                                                                      \
            .field_align = 8,                                                                                \
            .kind = KIND_STRUCT,                                                                             \
        },                                                                                                   \
    }
