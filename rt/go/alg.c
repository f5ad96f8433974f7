// alg.c -- equality and hashing of Go's types, by the names that gccgo's descriptors point to.
//
// A descriptor's `equal` is a func value {code}: bool code(const void *, const void *). For plain types gccgo names these here; for structs and
// arrays it generates functions that call them. Floats are compared as Go does (NaN differs from itself, 0 equals -0) without
// floating-point registers: their bit patterns say it all.
//
// Comparing or hashing an interface value reaches the dynamic type's function, which may be application code: called on the goroutine's
// stack, from frames that may be unwound.
#include "go.h"
#include "../api/map.h"
#include "../sched.h"

// ---- bits of floats

static bool f32_equal(uint32_t a, uint32_t b) {
    if ((a & 0x7fffffffu) > 0x7f800000u || (b & 0x7fffffffu) > 0x7f800000u) return false;
    return a == b || ((a | b) & 0x7fffffffu) == 0;
}
static bool f64_equal(uint64_t a, uint64_t b) {
    const uint64_t magnitude = ~0ull >> 1, inf = 0x7ffull << 52;
    if ((a & magnitude) > inf || (b & magnitude) > inf) return false;
    return a == b || ((a | b) & magnitude) == 0;
}

// ---- types

// Descriptors of unnamed types may exist several times: compared by their text, which names packages by path.
bool go_type_equal(const Type *a, const Type *b) {
    if (a == b) return true;
    if (!a || !b || a->hash != b->hash || (a->kind ^ b->kind) & KIND_MASK) return false;
    return go_string_equal(*a->string, *b->string);
}
bool go_eqtype(const Type *a, const Type *b) GO("runtime.eqtype");
bool go_eqtype(const Type *a, const Type *b) { return go_type_equal(a, b); }

// gccgo brackets package paths with tabs in type texts; Go prints the package's name, the last part, alone.
String go_type_name(const Type *t) {
    if (!t) return (String){"nil", 3};
    String s = *t->string;
    char *out = go_alloc_noscan((size_t)s.n + 1);
    intptr_t n = 0;
    bool path = false;
    for (intptr_t i = 0; i < s.n; i++) {
        if (s.p[i] == '\t') path = !path;
        else if (!path) out[n++] = s.p[i];
    }
    return (String){out, n};
}

typedef bool Equal(const void *, const void *);

// For what needs more of the stack than a door may: scripts/stack_indirect.txt, limit map.
#define ALG_ROOM 1024

typedef struct Wrong { const char *what; const Type *t; } Wrong;
static void raise_wrong(void *arg) {
    const Wrong *w = arg;
    String name = go_type_name(w->t);
    size_t k = (size_t)go_str(w->what).n;
    char *text = go_alloc_noscan(k + (size_t)name.n + 1);
    memcpy(text, w->what, k);
    memcpy(text + k, name.p, (size_t)name.n);
    go_panic_error(text);
}
static _Noreturn __attribute__((noinline)) void uncomparable(const char *what, const Type *t) {
    Wrong w = {what, t};
    call_with_stack(ALG_ROOM, raise_wrong, &w);
    __builtin_unreachable();
}

bool go_values_equal(const Type *t, const void *a, const void *b) {
    if (unlikely(!t->equal)) uncomparable("comparing uncomparable type ", t);
    return GO_CALL(Equal *, t->equal, a, b);
}

// ---- interfaces

static const Type *type_of_iface(Iface i) { return i.tab ? i.tab[0] : NULL; }

static bool data_equal(const Type *t, const void *a, const void *b) {
    if (unlikely(!t->equal)) uncomparable("comparing uncomparable type ", t);
    if (go_direct(t)) return a == b;
    return GO_CALL(Equal *, t->equal, a, b);
}

bool go_efaceeq(Any a, Any b) GO("runtime.efaceeq");
bool go_efaceeq(Any a, Any b) {
    if (!a.type || !b.type) return a.type == b.type;
    return go_type_equal(a.type, b.type) && data_equal(a.type, a.data, b.data);
}
bool go_ifaceeq(Iface a, Iface b) GO("runtime.ifaceeq");
bool go_ifaceeq(Iface a, Iface b) { return go_efaceeq((Any){type_of_iface(a), a.data}, (Any){type_of_iface(b), b.data}); }
bool go_ifaceefaceeq(Iface a, Any b) GO("runtime.ifaceefaceeq");
bool go_ifaceefaceeq(Iface a, Any b) { return go_efaceeq((Any){type_of_iface(a), a.data}, b); }
bool go_efacevaleq(Any a, const Type *t, const void *p) GO("runtime.efacevaleq");
bool go_efacevaleq(Any a, const Type *t, const void *p) { return a.type && go_type_equal(a.type, t) && data_equal(t, a.data, p); }
bool go_ifacevaleq(Iface a, const Type *t, const void *p) GO("runtime.ifacevaleq");
bool go_ifacevaleq(Iface a, const Type *t, const void *p) { return go_efacevaleq((Any){type_of_iface(a), a.data}, t, p); }

// ---- the named equality functions and their func values

#define EQUAL(name, expr)                                                                                              \
    static bool equal_##name(const void *a, const void *b) { return expr; }                                            \
    const FuncVal go_equal_##name GO("runtime." #name "..f") = {(void (*)(void))equal_##name};
#define U(n, p) (*(const uint##n##_t *)(p))

EQUAL(memequal0, true)
EQUAL(memequal8, U(8, a) == U(8, b))
EQUAL(memequal16, U(16, a) == U(16, b))
EQUAL(memequal32, U(32, a) == U(32, b))
EQUAL(memequal64, U(64, a) == U(64, b))
EQUAL(memequal128, ((U(64, a) ^ U(64, b)) | (((const uint64_t *)a)[1] ^ ((const uint64_t *)b)[1])) == 0)
EQUAL(f32equal, f32_equal(U(32, a), U(32, b)))
EQUAL(f64equal, f64_equal(U(64, a), U(64, b)))
EQUAL(c64equal, f32_equal(U(32, a), U(32, b)) && f32_equal(((const uint32_t *)a)[1], ((const uint32_t *)b)[1]))
EQUAL(c128equal, f64_equal(U(64, a), U(64, b)) && f64_equal(((const uint64_t *)a)[1], ((const uint64_t *)b)[1]))
EQUAL(strequal, go_string_equal(*(const String *)a, *(const String *)b))
EQUAL(pointerequal, U(64, a) == U(64, b))
EQUAL(interequal, go_ifaceeq(*(const Iface *)a, *(const Iface *)b))
EQUAL(nilinterequal, go_efaceeq(*(const Any *)a, *(const Any *)b))

bool go_memequal(const void *a, const void *b, uintptr_t n) GO("runtime.memequal");
bool go_memequal(const void *a, const void *b, uintptr_t n) { return a == b || memcmp(a, b, n) == 0; }

// ---- hashing: by rt/hash.c, with which the doors for special keys must agree (map.c)

uintptr_t go_hash_bytes(const void *p, size_t n, uintptr_t seed) { return hash_bytes(p, n, seed); }
#define K1 0xe7037ed1a0b428dbull

static uintptr_t hash_random(uintptr_t seed) { return hash_u64(rand_next(p_self()), seed); }
// NaNs differ from each other, so that they spread; 0 and -0 are equal.
static uintptr_t f64_hash(const void *p, uintptr_t seed) {
    uint64_t v = *(const uint64_t *)p;
    if (v << 1 == 0) return seed ^ K1;
    return f64_equal(v, v) ? go_hash_bytes(p, 8, seed) : hash_random(seed);
}
static uintptr_t f32_hash(const void *p, uintptr_t seed) {
    uint32_t v = *(const uint32_t *)p;
    if (v << 1 == 0) return seed ^ K1;
    return f32_equal(v, v) ? go_hash_bytes(p, 4, seed) : hash_random(seed);
}

// The hash of a value whose type only its descriptor knows. Structs and arrays may hold others, to any depth: each level takes its own room.
static uintptr_t type_hash(const Type *t, const void *p, uintptr_t h);

typedef struct ArrayType { Type type; const Type *elem, *slice; uintptr_t len; } ArrayType;
typedef struct StructField { const String *name, *pkg_path; const Type *type; const String *tag; uintptr_t offset_embed; } StructField;
typedef struct StructType { Type type; const StructField *fields; intptr_t n, cap; } StructType;

static uintptr_t any_hash(Any v, uintptr_t h) {
    if (!v.type) return h;
    if (unlikely(!v.type->equal)) uncomparable("hash of unhashable type ", v.type);
    return go_direct(v.type) ? type_hash(v.type, &v.data, h) : type_hash(v.type, v.data, h);
}

typedef struct PartsHash { const Type *t; const char *at; uintptr_t h; } PartsHash;
static void parts_hash(void *arg) {
    PartsHash *job = arg;
    uintptr_t h = job->h;
    if ((job->t->kind & KIND_MASK) == KIND_ARRAY) {
        const ArrayType *a = (const ArrayType *)job->t;
        for (uintptr_t i = 0; i < a->len; i++)
            h = type_hash(a->elem, job->at + i * a->elem->size, h);
    } else {
        const StructType *s = (const StructType *)job->t;
        for (intptr_t i = 0; i < s->n; i++) {
            const StructField *f = &s->fields[i];
            if (f->name->n == 1 && f->name->p[0] == '_') continue;
            h = type_hash(f->type, job->at + (f->offset_embed >> 1), h);
        }
    }
    job->h = h;
}

static uintptr_t type_hash(const Type *t, const void *p, uintptr_t h) {
    const char *at = p;
    switch (t->kind & KIND_MASK) {
    case KIND_FLOAT32: return f32_hash(p, h);
    case KIND_FLOAT64: return f64_hash(p, h);
    case KIND_COMPLEX64: return f32_hash(at + 4, f32_hash(at, h));
    case KIND_COMPLEX128: return f64_hash(at + 8, f64_hash(at, h));
    case KIND_STRING: return go_hash_bytes(((const String *)p)->p, (size_t)((const String *)p)->n, h);
    case KIND_INTERFACE: {
        if (((const InterfaceType *)t)->n == 0) return any_hash(*(const Any *)p, h);
        Iface i = *(const Iface *)p;
        return any_hash((Any){type_of_iface(i), i.data}, h);
    }
    case KIND_ARRAY:
    case KIND_STRUCT: {
        PartsHash job = {t, p, h};
        call_with_stack(ALG_ROOM, parts_hash, &job);
        return job.h;
    }
    default:
        if (unlikely(!t->equal)) uncomparable("hash of unhashable type ", t);
        if (t->size == 8) return hash_u64(*(const uint64_t *)p, h);
        if (t->size == 4) return hash_u64(*(const uint32_t *)p, h);
        return go_hash_bytes(p, t->size, h);
    }
}

uintptr_t go_typehash(const Type *t, const void *p, uintptr_t h) GO("runtime.typehash");
uintptr_t go_typehash(const Type *t, const void *p, uintptr_t h) { return type_hash(t, p, h); }
uintptr_t go_typehash_reflect(const Type *t, const void *p, uintptr_t h) GO("reflect.typehash");
uintptr_t go_typehash_reflect(const Type *t, const void *p, uintptr_t h) { return type_hash(t, p, h); }

#define HASH(name, expr)                                                                                               \
    uintptr_t go_hash_##name(const void *p, uintptr_t h) GO("runtime." #name);                                         \
    uintptr_t go_hash_##name(const void *p, uintptr_t h) { return expr; }                                              \
    const FuncVal go_hash_##name##_f GO("runtime." #name "..f") = {(void (*)(void))go_hash_##name};

HASH(memhash0, h)
HASH(memhash8, go_hash_bytes(p, 1, h))
HASH(memhash16, go_hash_bytes(p, 2, h))
HASH(memhash32, hash_u64(*(const uint32_t *)p, h))
HASH(memhash64, hash_u64(*(const uint64_t *)p, h))
HASH(memhash128, go_hash_bytes(p, 16, h))
HASH(f32hash, f32_hash(p, h))
HASH(f64hash, f64_hash(p, h))
HASH(c64hash, f32_hash((const char *)p + 4, f32_hash(p, h)))
HASH(c128hash, f64_hash((const char *)p + 8, f64_hash(p, h)))
HASH(strhash, go_hash_bytes(((const String *)p)->p, (size_t)((const String *)p)->n, h))
HASH(nilinterhash, any_hash(*(const Any *)p, h))
HASH(interhash, any_hash((Any){type_of_iface(*(const Iface *)p), ((const Iface *)p)->data}, h))

uintptr_t go_memhash(const void *p, uintptr_t seed, uintptr_t n) GO("runtime.memhash");
uintptr_t go_memhash(const void *p, uintptr_t seed, uintptr_t n) { return go_hash_bytes(p, n, seed); }
uintptr_t go_maphash(const void *p, uintptr_t seed, uintptr_t n) GO("hash_1maphash.runtime__memhash");
uintptr_t go_maphash(const void *p, uintptr_t seed, uintptr_t n) { return go_hash_bytes(p, n, seed); }
