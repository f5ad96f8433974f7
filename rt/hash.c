// hash.c -- hashes of keys, for maps: 64 bits, by multiplication, general registers only.
//
// The product of two 64-bit words, its halves folded by xor, mixes all bits of both (as wyhash and Go's memhashFallback do). Each map has a seed of
// its own, so that collisions found with one map mean nothing for another. A key that cannot be equal to itself (NaN) hashes at random.
//
// Equal keys have equal hashes, over all the ways by which a key gets here: a string by itself or inside of an Any.
//
// Locks: none. KEY_CALL and KEY_ANY may call the program.
#include "api/str.h"
#include "bounds.h"
#include "map.h"
#include "sched.h"

#define mix hash_mix
#define K0  HASH_K0
#define K1  HASH_K1
#define K2  HASH_K2

#define word load_64
static inline uint32_t load_32(const void *p) {
    uint32_t v;
    __builtin_memcpy(&v, p, sizeof v);
    return v;
}

uint64_t hash_u64(uint64_t v, uint64_t seed) {
    return hash_word(v, seed);
}

// Up to 16 bytes: two words that overlap.
static inline uint64_t hash_short(const char *p, size_t n, uint64_t seed) {
    uint64_t a, b;
    if (n >= 8) a = word(p), b = word(p + n - 8);
    else if (n >= 4) a = load_32(p), b = load_32(p + n - 4);
    else if (n > 0) a = (uint64_t)(uint8_t)p[0] << 16 | (uint64_t)(uint8_t)p[n / 2] << 8 | (uint8_t)p[n - 1], b = 0;
    else a = b = 0;
    return hash_two(a, b, n, seed);
}

uint64_t hash_bytes(const void *bytes, size_t n, uint64_t seed) {
    const char *p = bytes;
    if (n <= 16) return hash_short(p, n, seed);
    if (n <= 32) return hash_four(p, n, seed);
    uint64_t s = seed * K0, h = s ^ K2;
    size_t left = n;
    for (; left > 16; left -= 16, p += 16) {
        h = mix(word(p) ^ s, word(p + 8) ^ h);
        if (unlikely((left & 0xffff) == 17)) RT_DOOR(); // long ones let others run
    }
    h = mix(word(p + left - 16) ^ s, word(p + left - 8) ^ h);
    return mix(h ^ s, n ^ K1);
}

uint64_t hash_string(String s, uint64_t seed) {
    return hash_bytes(s.p, (size_t)s.n, seed);
}

static uint64_t hash_f64(uint64_t bits, uint64_t seed) {
    uint64_t magnitude = bits << 1;
    if (magnitude == 0) bits = 0;                                   // -0
    if (magnitude > 0x7ffull << 53) bits = rand_next(p_self());     // NaN
    return hash_u64(bits, seed);
}
static uint64_t hash_f32(uint32_t bits, uint64_t seed) {
    uint32_t magnitude = bits << 1;
    if (magnitude == 0) bits = 0;
    if (magnitude > 0xffu << 24) return hash_u64(rand_next(p_self()), seed);
    return hash_u64(bits, seed);
}

static uint64_t call_hash(const FuncVal *f, const void *key, uint64_t seed) {
    // a closure when Go's reflection made the type
    return __builtin_call_with_static_chain(((uint64_t (*)(const void *, uint64_t))(uintptr_t)f->code)(key, seed), (void *)f);
}

KeyKind key_kind(const Type *t) {
    if (t->tflag & TYPE_HAS_HASH) return KEY_CALL;
    switch (t->kind & KIND_MASK) {
    case KIND_FLOAT32: return KEY_F32;
    case KIND_FLOAT64: return KEY_F64;
    case KIND_STRING: return KEY_STRING;
    case KIND_INTERFACE: return KEY_ANY;
    default: return t->size == 8 ? KEY_64 : t->size == 4 ? KEY_32 : KEY_BYTES;
    }
}

// What is in an Any. The types of an Any in an Any are the program's: no deeper than two here (a descriptor with kind interface is no dynamic type).
static __attribute__((noinline)) uint64_t hash_any(const Any *a, uint64_t seed) {
    const Type *t = a->type;
    if (!t) return hash_u64(0, seed);
    const void *p = t->kind & KIND_DIRECT ? (const void *)&a->data : a->data;
    if (t->tflag & TYPE_HAS_HASH) return call_hash(t->uncommon, p, seed);
    if (unlikely(!t->equal || (t->kind & KIND_MASK) == KIND_INTERFACE)) panic_texts("runtime error: hash of unhashable type %s", t->string->p, "");
    switch (key_kind(t)) {
    case KEY_F32: return hash_f32(*(const uint32_t *)p, seed);
    case KEY_F64: return hash_f64(*(const uint64_t *)p, seed);
    case KEY_STRING: return hash_string(*(const String *)p, seed);
    case KEY_64: return hash_u64(*(const uint64_t *)p, seed);
    case KEY_32: return hash_u64(*(const uint32_t *)p, seed);
    default: return hash_bytes(p, t->size, seed);
    }
}

uint64_t key_hash(const MapType *t, KeyKind kind, const void *key, uint32_t seed) {
    switch (kind) {
    case KEY_32: return hash_u64(*(const uint32_t *)key, seed);
    case KEY_64: return hash_u64(*(const uint64_t *)key, seed);
    case KEY_STRING: return hash_string(*(const String *)key, seed);
    case KEY_F32: return hash_f32(*(const uint32_t *)key, seed);
    case KEY_F64: return hash_f64(*(const uint64_t *)key, seed);
    case KEY_ANY: return hash_any(key, seed);
    case KEY_BYTES: return hash_bytes(key, t->key->size, seed);
    case KEY_CALL: break;
    }
    return call_hash(t->hasher, key, seed);
}

bool bytes_equal_long(const void *a, const void *b, size_t n) {
    return mem_compare(a, b, n) == 0;
}

bool key_equal(const MapType *t, KeyKind kind, const void *a, const void *b) {
    switch (kind) {
    case KEY_32: return *(const uint32_t *)a == *(const uint32_t *)b;
    case KEY_64: return *(const uint64_t *)a == *(const uint64_t *)b;
    case KEY_STRING: {
        const String *x = a, *y = b;
        return x->n == y->n && (x->p == y->p || bytes_equal(x->p, y->p, (size_t)x->n));
    }
    case KEY_BYTES: return bytes_equal(a, b, t->key->size);
    default: break;
    }
    const FuncVal *f = t->key->equal;
    return __builtin_call_with_static_chain(((bool (*)(const void *, const void *))(uintptr_t)f->code)(a, b), (void *)f);
}
