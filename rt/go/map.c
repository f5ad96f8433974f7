// map.c -- maps by gccgo's names: doors over rt/map*.c, which share gccgo's map type, map record and iterator.
//
// gccgo has special names for keys of 4 and 8 bytes and strings. They must agree with the general ones, which hash by the type's hash
// function: alg.c's are those of rt/hash.c. What may allocate or call the program's hash and equality runs with ROOM bytes of stack.
//
// A look-up that finds nothing returns a place full of zeros.
#include "go.h"
#include "../map.h"
#include "../map_change.h"
#include "../sched.h"

#define ROOM 1024 // as rt/map_doors.c's MAP_ROOM

static const char zeros[1024] __attribute__((aligned(16)));
extern const FuncVal go_hash_memhash32_f GO("runtime.memhash32..f"), go_hash_memhash64_f GO("runtime.memhash64..f"),
    go_hash_strhash_f GO("runtime.strhash..f");

// ---- make

static Map *map_new(const MapType *t) {
    CMap *m = heap_alloc(sizeof(CMap), &cmap_type, 0);
    m->type = t;
    return &m->m;
}

// C's operations take a map's type from the map. Of a small one the compiler does not say it here; the first assignment does. Until then
// C finds nothing in it, and must not write to it: this type's hash function says so.
static uintptr_t hash_untyped(const void *key, uintptr_t seed) {
    go_panic_plain("C writes to an empty map of Go's that burrow.ShareMap was not called for");
}
static const FuncVal hash_untyped_f = {(void (*)(void))hash_untyped};
static const MapType untyped = {.hasher = &hash_untyped_f, .flags = MAP_HASH_PANICS};

static inline void map_tell_type(const MapType *t, Map *m) {
    if (unlikely(m && (hint_load(&m->flags) & MAP_UNTYPED))) {
        ((CMap *)m)->type = t;
        hint_store(&m->flags, m->flags & ~MAP_UNTYPED);
    }
}

// burrow.ShareMap
void go_share_map(Any v) GO("rt_go_share_map");
void go_share_map(Any v) {
    if (!v.type || (v.type->kind & KIND_MASK) != KIND_MAP) go_panic_plain("burrow.ShareMap: not a map");
    map_tell_type((const MapType *)v.type, v.data);
}

// h: where it is to be made, zeroed; NULL: on the heap.
Map *go_makemap(const MapType *t, intptr_t room, Map *h) GO("runtime.makemap");
Map *go_makemap(const MapType *t, intptr_t room, Map *h) {
    if (!h) h = map_new(t);
    map_init(h, t, room);
    RT_DOOR();
    return h;
}
Map *go_makemap64(const MapType *t, int64_t room, Map *h) GO("runtime.makemap64");
Map *go_makemap64(const MapType *t, int64_t room, Map *h) { return go_makemap(t, room, h); }
Map *go_makemap_reflect(const MapType *t, intptr_t room) GO("reflect.makemap");
Map *go_makemap_reflect(const MapType *t, intptr_t room) { return go_makemap(t, room, NULL); }
Map *go_makemap_small(void) GO("runtime.makemap__small");
Map *go_makemap_small(void) {
    Map *h = map_new(&untyped); // no buckets yet
    h->flags = MAP_UNTYPED;
    h->seed = (uint32_t)(rand_next(p_self()) >> 32);
    return h;
}

// ---- operations that may need more stack

typedef struct Call {
    const MapType *t;
    Map *m;
    const void *key;
    void *result;
} Call;

static void find_call(void *arg) {
    Call *c = arg;
    c->result = map_find(c->t, c->m, c->key, NULL);
}
static void assign_call(void *arg) {
    Call *c = arg;
    c->result = map_assign(c->t, c->m, c->key);
}
static void remove_call(void *arg) {
    Call *c = arg;
    map_remove(c->t, c->m, c->key);
}
static void clear_call(void *arg) {
    Call *c = arg;
    map_empty(c->t, c->m);
}

// Keys whose functions are ours.
KeyKind rt_go_map_kind(const MapType *t) {
    if (t->hasher == &go_hash_strhash_f) return KEY_STRING;
    if (t->hasher == &go_hash_memhash64_f) return KEY_64;
    if (t->hasher == &go_hash_memhash32_f) return KEY_32;
    return KEY_CALL;
}

static void *find(const MapType *t, const Map *m, const void *key) {
    if (m && m->count) { // these need no more stack
        switch (rt_go_map_kind(t)) {
        case KEY_STRING: return map_find_kind(t, m, key, KEY_STRING, NULL);
        case KEY_64: return map_find_kind(t, m, key, KEY_64, NULL);
        case KEY_32: return map_find_kind(t, m, key, KEY_32, NULL);
        default: break;
        }
    }
    Call c = {t, (Map *)m, key, NULL};
    call_with_stack(ROOM, find_call, &c);
    return c.result;
}
static void *assign(const MapType *t, Map *m, const void *key) {
    Call c = {t, m, key, NULL};
    map_tell_type(t, m);
    call_with_stack(ROOM, assign_call, &c);
    RT_DOOR();
    return c.result;
}
static void delete(const MapType *t, Map *m, const void *key) {
    Call c = {t, m, key, NULL};
    if (!m) c.result = find(t, m, key); // an unhashable key panics all the same
    else call_with_stack(ROOM, remove_call, &c);
    RT_DOOR();
}

// ---- look up

typedef struct { const void *p; bool ok; } Found;

static inline const void *or_zeros(const void *p) { return p ? p : zeros; }
static inline Found found(const void *p) { return (Found){or_zeros(p), p != NULL}; }

const void *go_mapaccess1(const MapType *t, const Map *m, const void *key) GO("runtime.mapaccess1");
const void *go_mapaccess1(const MapType *t, const Map *m, const void *key) {
    const void *p = find(t, m, key);
    RT_DOOR();
    return or_zeros(p);
}
Found go_mapaccess2(const MapType *t, const Map *m, const void *key) GO("runtime.mapaccess2");
Found go_mapaccess2(const MapType *t, const Map *m, const void *key) {
    const void *p = find(t, m, key);
    RT_DOOR();
    return found(p);
}
// Elements of more than 1024 bytes bring their own zeros.
const void *go_mapaccess1_fat(const MapType *t, const Map *m, const void *key, const void *zero) GO("runtime.mapaccess1__fat");
const void *go_mapaccess1_fat(const MapType *t, const Map *m, const void *key, const void *zero) {
    const void *p = find(t, m, key);
    RT_DOOR();
    return p ? p : zero;
}
Found go_mapaccess2_fat(const MapType *t, const Map *m, const void *key, const void *zero) GO("runtime.mapaccess2__fat");
Found go_mapaccess2_fat(const MapType *t, const Map *m, const void *key, const void *zero) {
    const void *p = find(t, m, key);
    RT_DOOR();
    return (Found){p ? p : zero, p != NULL};
}

// For keys of known kinds: the map that is neither nil, growing nor being written to, and the first bucket. Nothing is called, so no register is saved and there is no frame;
// what is rare goes on in another function by a jump.
#define noinline __attribute__((noinline))
#define fast     __attribute__((optimize("omit-frame-pointer")))

static noinline const void *leave_by_door(const void *p) {
    rt_door_slow();
    return p;
}
static noinline Found leave_found_by_door(const void *p) {
    rt_door_slow();
    return found(p);
}

// True: *p is the elem, or NULL: there is none. False: it is one of the rare cases.
static always_inline bool find_quick(const MapType *t, const Map *m, const void *key, KeyKind kind, const void **p) {
    if (unlikely(!m || (hint_load(&m->flags) & (MAP_READY | MAP_WRITING)) != MAP_READY)) return false;
    uint64_t hash = hash_kind(t, kind, key, m->seed);
    Bucket *b = bucket_at(t, m->buckets, hash & map_mask(m->bits));
    for (uint64_t hit = tops_equal(b, hash_top(hash)); hit; hit &= hit - 1) {
        unsigned i = (unsigned)__builtin_ctzll(hit) / 8;
        if (unlikely(!equal_kind(t, kind, key, kind_slot_key(t, kind, b, i)))) continue;
        char *e = kind_elem(t, kind, b, i);
        *p = unlikely(t->flags & MAP_ELEM_APART) ? *(void **)e : e;
        return true;
    }
    *p = NULL;
    return likely(!*bucket_overflow(t, b));
}

#define FAST(suffix, K, kind)                                                                                          \
    static noinline const void *find_rest1_##suffix(const MapType *t, const Map *m, K key) {                           \
        const void *p = map_find_kind(t, m, &key, kind, NULL);                                                         \
        RT_DOOR();                                                                                                     \
        return or_zeros(p);                                                                                            \
    }                                                                                                                  \
    static noinline Found find_rest2_##suffix(const MapType *t, const Map *m, K key) {                                 \
        const void *p = map_find_kind(t, m, &key, kind, NULL);                                                         \
        RT_DOOR();                                                                                                     \
        return found(p);                                                                                               \
    }                                                                                                                  \
    const void *go_mapaccess1_##suffix(const MapType *t, const Map *m, K key) GO("runtime.mapaccess1__" #suffix);      \
    fast const void *go_mapaccess1_##suffix(const MapType *t, const Map *m, K key) {                                   \
        const void *p;                                                                                                 \
        if (unlikely(!find_quick(t, m, &key, kind, &p))) return find_rest1_##suffix(t, m, key);                        \
        p = or_zeros(p);                                                                                               \
        if (unlikely(load_relaxed(&p_self()->request) != 0)) return leave_by_door(p);                                  \
        return p;                                                                                                      \
    }                                                                                                                  \
    Found go_mapaccess2_##suffix(const MapType *t, const Map *m, K key) GO("runtime.mapaccess2__" #suffix);            \
    fast Found go_mapaccess2_##suffix(const MapType *t, const Map *m, K key) {                                         \
        const void *p;                                                                                                 \
        if (unlikely(!find_quick(t, m, &key, kind, &p))) return find_rest2_##suffix(t, m, key);                        \
        if (unlikely(load_relaxed(&p_self()->request) != 0)) return leave_found_by_door(p);                            \
        return found(p);                                                                                               \
    }                                                                                                                  \
    void *go_mapassign_##suffix(const MapType *t, Map *m, K key) GO("runtime.mapassign__" #suffix);                    \
    void *go_mapassign_##suffix(const MapType *t, Map *m, K key) {                                                     \
        void *p = likely(m != NULL) ? map_add_kind(t, m, kind, &key) : NULL;                                           \
        if (unlikely(!p)) return assign(t, m, &key);                                                                   \
        RT_DOOR();                                                                                                     \
        return p;                                                                                                      \
    }                                                                                                                  \
    void go_mapdelete_##suffix(const MapType *t, Map *m, K key) GO("runtime.mapdelete__" #suffix);                     \
    void go_mapdelete_##suffix(const MapType *t, Map *m, K key) {                                                      \
        if (unlikely(!m || !map_drop_kind(t, m, kind, &key))) return delete(t, m, &key);                               \
        RT_DOOR();                                                                                                     \
    }
FAST(fast32, uint32_t, KEY_32)
FAST(fast64, uint64_t, KEY_64)
FAST(faststr, String, KEY_STRING)

void *go_mapassign_fast32ptr(const MapType *t, Map *m, void *key) GO("runtime.mapassign__fast32ptr");
void *go_mapassign_fast32ptr(const MapType *t, Map *m, void *key) { return assign(t, m, &key); }
void *go_mapassign_fast64ptr(const MapType *t, Map *m, void *key) GO("runtime.mapassign__fast64ptr");
void *go_mapassign_fast64ptr(const MapType *t, Map *m, void *key) { return assign(t, m, &key); }

// ---- change

void *go_mapassign(const MapType *t, Map *m, const void *key) GO("runtime.mapassign");
void *go_mapassign(const MapType *t, Map *m, const void *key) { return assign(t, m, key); }
void go_mapdelete(const MapType *t, Map *m, const void *key) GO("runtime.mapdelete");
void go_mapdelete(const MapType *t, Map *m, const void *key) { delete(t, m, key); }
void go_mapclear(const MapType *t, Map *m) GO("runtime.mapclear");
void go_mapclear(const MapType *t, Map *m) {
    if (!m) return;
    Call c = {t, m, NULL, NULL};
    call_with_stack(ROOM, clear_call, &c);
    RT_DOOR();
}

// A map literal: count entries of entry_bytes, each a key and, at value_offset, its value.
Map *go_construct_map(const MapType *t, uintptr_t count, uintptr_t entry_bytes, uintptr_t value_offset, const char *entries) GO("__go_construct_map");
Map *go_construct_map(const MapType *t, uintptr_t count, uintptr_t entry_bytes, uintptr_t value_offset, const char *entries) {
    Map *m = go_makemap(t, (intptr_t)count, NULL);
    for (; count > 0; count--, entries += entry_bytes)
        go_move(t->elem, assign(t, m, entries), entries + value_offset, t->elem->size);
    return m;
}

// ---- iterate

static void start_call(void *arg) {
    MapIter *it = arg;
    map_iterate(it, it->type, it->map);
}
static void next_call(void *arg) { map_iterate_next(arg); }

void go_mapiterinit(const MapType *t, Map *m, MapIter *it) GO("runtime.mapiterinit");
void go_mapiterinit(const MapType *t, Map *m, MapIter *it) {
    it->type = t;
    it->map = m;
    call_with_stack(ROOM, start_call, it);
    RT_DOOR();
}
void go_mapiternext(MapIter *it) GO("runtime.mapiternext");
void go_mapiternext(MapIter *it) {
    if (unlikely(!map_iterate_quick(it))) call_with_stack(ROOM, next_call, it);
    RT_DOOR();
}

// ---- reflect

const void *go_mapaccess_reflect(const MapType *t, const Map *m, const void *key) GO("reflect.mapaccess");
const void *go_mapaccess_reflect(const MapType *t, const Map *m, const void *key) { return find(t, m, key); }
const void *go_mapaccess_str_reflect(const MapType *t, const Map *m, String key) GO("reflect.mapaccess__faststr");
const void *go_mapaccess_str_reflect(const MapType *t, const Map *m, String key) { return find(t, m, &key); }
void go_mapassign_reflect(const MapType *t, Map *m, const void *key, const void *elem) GO("reflect.mapassign");
void go_mapassign_reflect(const MapType *t, Map *m, const void *key, const void *elem) {
    go_move(t->elem, assign(t, m, key), elem, t->elem->size);
}
void go_mapassign_str_reflect(const MapType *t, Map *m, String key, const void *elem) GO("reflect.mapassign__faststr");
void go_mapassign_str_reflect(const MapType *t, Map *m, String key, const void *elem) { go_mapassign_reflect(t, m, &key, elem); }
void go_mapdelete_reflect(const MapType *t, Map *m, const void *key) GO("reflect.mapdelete");
void go_mapdelete_reflect(const MapType *t, Map *m, const void *key) { delete(t, m, key); }
void go_mapdelete_str_reflect(const MapType *t, Map *m, String key) GO("reflect.mapdelete__faststr");
void go_mapdelete_str_reflect(const MapType *t, Map *m, String key) { delete(t, m, &key); }
void go_mapiterinit_reflect(const MapType *t, Map *m, MapIter *it) GO("reflect.mapiterinit");
void go_mapiterinit_reflect(const MapType *t, Map *m, MapIter *it) { go_mapiterinit(t, m, it); }
void go_mapiternext_reflect(MapIter *it) GO("reflect.mapiternext");
void go_mapiternext_reflect(MapIter *it) { go_mapiternext(it); }
void *go_mapiterkey(MapIter *it) GO("reflect.mapiterkey");
void *go_mapiterkey(MapIter *it) { return it->key; }
void *go_mapiterelem(MapIter *it) GO("reflect.mapiterelem");
void *go_mapiterelem(MapIter *it) { return it->elem; }
intptr_t go_maplen(const Map *m) GO("reflect.maplen");
intptr_t go_maplen(const Map *m) { return map_count_(m); }
intptr_t go_maplen_lite(const Map *m) GO("internal_1reflectlite.maplen");
intptr_t go_maplen_lite(const Map *m) { return map_count_(m); }
