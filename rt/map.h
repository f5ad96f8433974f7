// map.h -- hash maps: the structure that C and gccgo share, and what the files map*.c offer to each other.
//
// THE TABLE is an array of 2^B buckets of 8 entries. The low bits of a key's hash choose the bucket; its highest bits are kept in the bucket for each
// entry (top), so that a look at one word says which entries can be meant. A bucket that is full has overflow buckets behind it. (Go 1.18's runtime/map.go is
// the model.)
//
//     bucket:  top[8] | key[8] | elem[8] | overflow          (keys and elems over 128 bytes: a pointer to them)
//     top:     0 empty; 1..3 evacuated (only in the old array); TOP_MIN.. an entry: the highest bits of its hash, and TOP_MIN
//
// GROWTH. At more than 6.5 entries a bucket on average the array doubles; with too many overflow buckets it is made anew in the same size. Either
// happens gradually: each write moves (evacuates) one or two buckets of the old array, so no operation waits for all. Bucket i goes to i (X) and, when the array doubled, i +
// old size (Y). An old bucket that has been evacuated says so in top[0] and where each entry went in its top.
//
// ITERATORS walk the array that was current when they started, from a random bucket and with a random offset inside of the buckets, and look up again, in
// the present array, what has been moved meanwhile: so each entry comes once, and none that has been deleted.
//
// COLLECTOR. Buckets are heap objects with exact descriptors. The deletion barrier (gc.h) covers: an elem or key that is overwritten, what delete and clear take
// out, the old array when it is let go, and entries that evacuation clears behind itself: they are copies, but the new bucket may have been allocated black, so nobody scans the copy.
// Buckets without pointers are not scanned, so their overflow buckets are kept alive by lists (MapExtra).
//
// OTHERS. A map has no lock. A flag, MAP_WRITING, is set during each write, also of an entry that is there already; who meets it set, or finds its own gone, ends the
// program as Go does. It is no lock, and is read and written without order: it notices others' writes when they happen to be seen in their middle, and never
// cries wolf, since whoever uses a map by Go's rules is ordered after the end of every write (channels, locks). Between the flag's being set and its being
// taken back nothing panics: the hash, which reads all of the key and may panic, comes before.
// Writes may be preempted in the middle: in allocations, and in the program's own equal and hash functions, which run on the goroutine's stack.
#pragma once
#include "api/map.h"
#include "core.h"

#define BUCKET_SLOTS 8u
#define BUCKET_DATA  8u // offset of the keys

enum { TOP_EMPTY = 0, TOP_EVACUATED_EMPTY = 1, TOP_EVACUATED_X = 2, TOP_EVACUATED_Y = 3, TOP_MIN = 128 };
// Map.flags. ITERATOR, OLD_ITERATOR: somebody may be iterating over buckets, old_buckets. READY: there are buckets, and no old ones.
// UNTYPED: of Go, in the heap, made without saying its type (go/map.c).
enum { MAP_ITERATOR = 1, MAP_OLD_ITERATOR = 2, MAP_WRITING = 4, MAP_SAME_SIZE = 8, MAP_READY = 16, MAP_UNTYPED = 32 };

typedef struct Bucket {
    union {
        uint8_t top[BUCKET_SLOTS];
        uint64_t tops;
    };
} Bucket;

typedef struct OverflowList { // a heap object: iterators keep it
    Bucket **v;
    uintptr_t n, cap;
} OverflowList;
typedef struct MapExtra {
    OverflowList *now, *old; // overflow buckets of buckets, of old_buckets; NULL: none
} MapExtra;

// gccgo's hmap: 48 bytes, may lie on its caller's stack.
struct Map {
    intptr_t count;
    uint8_t flags, bits; // bits: B above
    uint16_t n_overflow; // about
    uint32_t seed;
    char *buckets, *old_buckets;
    uintptr_t evacuated; // old buckets below are done
    MapExtra *extra;
};
_Static_assert(sizeof(Map) == 48, "gccgo's layout");
typedef struct CMap { // in the heap: made by map_make, or by Go
    Map m;
    const MapType *type;
} CMap;
extern const Type cmap_type;

// How keys are hashed and compared: MapType.flags >> KEY_SHIFT. gccgo's map types have zeros there: by their functions.
enum { KEY_SHIFT = 8 };
typedef enum { KEY_CALL, KEY_32, KEY_64, KEY_STRING, KEY_F32, KEY_F64, KEY_ANY, KEY_BYTES } KeyKind;
// hash.c
KeyKind key_kind(const Type *key);
uint64_t key_hash(const MapType *t, KeyKind kind, const void *key, uint32_t seed); // panics for what cannot be hashed
bool key_equal(const MapType *t, KeyKind kind, const void *a, const void *b);

// Parts of hash.c that are worth having in place.
#define HASH_K0 0xa0761d6478bd642full
#define HASH_K1 0xe7037ed1a0b428dbull
#define HASH_K2 0x8ebc6af09c88c6e3ull
static inline uint64_t hash_mix(uint64_t a, uint64_t b) {
    unsigned __int128 p = (unsigned __int128)a * b;
    return (uint64_t)p ^ (uint64_t)(p >> 64);
}
static inline uint64_t hash_word(uint64_t v, uint64_t seed) {
    return hash_mix(hash_mix(v ^ seed, HASH_K1), HASH_K0); // one round shows the pattern of keys in steps
}
// At any address.
static inline uint64_t load_64(const void *p) {
    uint64_t v;
    __builtin_memcpy(&v, p, sizeof v);
    return v;
}
// Of at most 16 bytes that are in these two words.
static inline uint64_t hash_two(uint64_t a, uint64_t b, size_t n, uint64_t seed) {
    uint64_t s = seed * HASH_K0; // in both factors: nobody can make one zero without knowing the seed
    return hash_mix(hash_mix(a ^ s, b ^ s ^ HASH_K1), n ^ HASH_K1);
}
// 17 to 32 bytes, the last 16 of them perhaps overlapping the first.
static inline uint64_t hash_four(const char *p, size_t n, uint64_t seed) {
    uint64_t s = seed * HASH_K0, h = hash_mix(load_64(p) ^ s, load_64(p + 8) ^ s ^ HASH_K2);
    h = hash_mix(load_64(p + n - 16) ^ s, load_64(p + n - 8) ^ h);
    return hash_mix(h ^ s, n ^ HASH_K1);
}
bool bytes_equal_long(const void *a, const void *b, size_t n);
static inline bool bytes_equal(const void *a, const void *b, size_t n) {
    const char *x = a, *y = b;
    if (n > 64) return bytes_equal_long(a, b, n);
    if (n >= 8) {
        for (; n > 8; n -= 8, x += 8, y += 8)
            if (load_64(x) != load_64(y)) return false;
        return load_64(x + n - 8) == load_64(y + n - 8); // the last 8, some of them once more
    }
    for (; n > 0; n--)
        if (*x++ != *y++) return false;
    return true;
}

static inline KeyKind map_key_kind(const MapType *t) {
    return (KeyKind)(t->flags >> KEY_SHIFT);
}
static inline bool map_growing(const Map *h) {
    return h->old_buckets != NULL;
}
static inline uintptr_t map_mask(unsigned bits) {
    return ((uintptr_t)1 << bits) - 1;
}
static inline uintptr_t map_old_mask(const Map *h) {
    return map_mask(h->bits - !(h->flags & MAP_SAME_SIZE));
}
static inline Bucket *bucket_at(const MapType *t, char *array, uintptr_t i) {
    return (Bucket *)(array + i * t->bucket_bytes);
}
static inline Bucket **bucket_overflow(const MapType *t, Bucket *b) {
    return (Bucket **)((char *)b + t->bucket_bytes - sizeof(Bucket *));
}
static inline char *bucket_key(const MapType *t, Bucket *b, unsigned i) {
    return (char *)b + BUCKET_DATA + i * t->key_bytes;
}
static inline char *bucket_elem(const MapType *t, Bucket *b, unsigned i) {
    return (char *)b + BUCKET_DATA + BUCKET_SLOTS * t->key_bytes + i * t->elem_bytes;
}
static inline void *slot_key(const MapType *t, Bucket *b, unsigned i) {
    char *k = bucket_key(t, b, i);
    return unlikely(t->flags & MAP_KEY_APART) ? *(void **)k : k;
}
static inline void *slot_elem(const MapType *t, Bucket *b, unsigned i) {
    char *e = bucket_elem(t, b, i);
    return unlikely(t->flags & MAP_ELEM_APART) ? *(void **)e : e;
}
static inline bool bucket_evacuated(const Bucket *b) {
    return b->top[0] > TOP_EMPTY && b->top[0] < TOP_MIN;
}
static inline uint64_t hash_top(uint64_t hash) {
    return hash >> 56 | TOP_MIN;
}
// Bit 8 * i + 7 is set for each entry i with this top (>= TOP_MIN); perhaps also for an entry behind such a one whose top differs in the lowest
// bit: the keys are compared anyway.
static inline uint64_t tops_equal(const Bucket *b, uint64_t top) {
    uint64_t ones = 0x0101010101010101ull, x = b->tops ^ top * ones;
    return (x - ones) & ~x & TOP_MIN * ones;
}
// Bits 8 * i + 7 of the entries, and of the places that are free (bucket not in the old array).
static inline uint64_t tops_full(const Bucket *b) {
    return b->tops & TOP_MIN * 0x0101010101010101ull;
}
static inline uint64_t tops_free(const Bucket *b) {
    return ~b->tops & TOP_MIN * 0x0101010101010101ull;
}

// Kinds whose hash and equality are the runtime's own, small, and never panic: such a map's operations need no callbacks.
static inline bool kind_is_plain(KeyKind k) {
    return k == KEY_64 || k == KEY_32 || k == KEY_STRING || k == KEY_BYTES;
}

// ---- map.c: for any map type. Goroutine's stack, may allocate, may call the program
void map_init(Map *h, const MapType *t, intptr_t room); // h is zeroed
void *map_find(const MapType *t, const Map *h, const void *key, void **found_key); // elem; NULL: none
void *map_assign(const MapType *t, Map *h, const void *key);      // elem, made if there was none
void map_remove(const MapType *t, Map *h, const void *key);
void map_empty(const MapType *t, Map *h);
// The same for what is likely: key of a plain kind, no growth, nothing to allocate, small elems. False: nothing was done. Needs little stack.
bool map_set_quick(const MapType *t, Map *h, const void *key, const void *value);
void *map_update_quick(const MapType *t, Map *h, const void *key); // elem, to be written to; NULL: none, or another kind
bool map_remove_quick(const MapType *t, Map *h, const void *key);
// map_grow.c
char *map_array_new(const MapType *t, unsigned bits);
Bucket *map_overflow_new(const MapType *t, Map *h, Bucket *behind);
// Before an entry is added: more than 6.5 a bucket; too many overflow buckets.
static inline bool map_over_load(uintptr_t count, unsigned bits) {
    return count > BUCKET_SLOTS && count > (uintptr_t)13 << bits >> 1;
}
static inline bool map_should_grow(const Map *h) {
    return map_over_load((uintptr_t)h->count + 1, h->bits) || h->n_overflow >> (h->bits > 15 ? 15 : h->bits);
}
void map_grow_start(const MapType *t, Map *h);
// go/map.c, where there is Go code: the kind of a map type of gccgo's, which does not say it.
KeyKind rt_go_map_kind(const MapType *t);
void map_grow_work(const MapType *t, Map *h, uintptr_t bucket); // before `bucket` of the new array is written to
void words_copy(void *dst, const void *src, size_t bytes); // whole words, then what is left
void words_clear(void *dst, size_t bytes, bool pointers);  // the same; shades first
// map_iter.c
void map_iterate(MapIter *it, const MapType *t, Map *h);
void map_iterate_next(MapIter *it);
bool map_iterate_quick(MapIter *it); // while the map's array is the one with which the iteration began; false: nothing was done. Needs little stack
_Noreturn void map_fatal(const char *text);

// Around every write, from after the hash to after the last store (see OTHERS).
static inline void map_check_writers(const Map *h) {
    if (unlikely(hint_load(&h->flags) & MAP_WRITING)) map_fatal("concurrent map writes");
}
static inline void map_writing_set(Map *h) {
    h->flags |= MAP_WRITING;
    __asm__ volatile("" : "+m"(h->flags)); // here, not later: one instruction each, which atomic loads and stores would not be
}
static inline void map_writing_begin(Map *h) {
    map_check_writers(h);
    map_writing_set(h);
}
static inline void map_writing_end(Map *h) {
    __asm__ volatile("" : "+m"(h->flags));
    if (unlikely(!(h->flags & MAP_WRITING))) map_fatal("concurrent map writes");
    h->flags &= (uint8_t)~MAP_WRITING;
}
