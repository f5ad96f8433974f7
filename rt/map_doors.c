// map_doors.c -- the doors of api/map.h: maps of C programs, whose type is kept behind the map itself.
//
// A map type's descriptor (MapInfo) is static data of the program; what cannot be computed by the compiler is filled in by the first map_make. Several cores may do that
// at the same time: they write the same values, byte by byte, and `ready` last.
//
// Context: goroutine's stack. What may allocate or call the program runs with MAP_ROOM bytes of it (call_with_stack); what is likely needs neither.
#include "map.h"
#include "map_find.h"

#define noinline __attribute__((noinline))
#define MAP_ROOM 1024 // scripts/stack_indirect.txt: limit map

static const uint8_t cmap_bits[8] = {(1 << (offsetof(Map, buckets) / 8)) | (1 << (offsetof(Map, old_buckets) / 8)) | (1 << (offsetof(Map, extra) / 8))};
static const String cmap_name = {"runtime.hmap", 12};
const Type cmap_type = {.size = sizeof(CMap), .ptrdata = sizeof(Map), .align = 8, .field_align = 8, .kind = KIND_STRUCT, .gcdata = cmap_bits, .string = &cmap_name};

static inline const MapType *type_of_map(const Map *m) {
    return ((const CMap *)m)->type;
}

// ---- descriptors

static void bit_set(MapInfo *info, size_t offset) {
    uint8_t *byte = &info->bits[offset / 64];
    hint_store(byte, (uint8_t)(hint_load(byte) | 1u << (offset / 8 % 8)));
}

// The pointers of 8 keys or elems from offset on. Returns whether there are any.
static bool bits_add(MapInfo *info, size_t offset, const Type *t, unsigned slot_bytes, bool apart) {
    if (!apart && t->ptrdata == 0) return false;
    for (unsigned i = 0; i < BUCKET_SLOTS; i++)
        for (uintptr_t w = 0; w < (apart ? 1 : t->ptrdata / 8); w++)
            if (apart || (t->gcdata[w / 8] >> (w % 8) & 1)) bit_set(info, offset + i * slot_bytes + 8 * w);
    return true;
}

static uint32_t flags_of(const Type *key, KeyKind kind) {
    uint32_t flags = (uint32_t)kind << KEY_SHIFT;
    if (kind == KEY_32 || kind == KEY_64 || kind == KEY_BYTES || kind == KEY_STRING) flags |= MAP_REFLEXIVE;
    if (kind == KEY_F32 || kind == KEY_F64 || kind == KEY_STRING || kind == KEY_ANY || kind == KEY_CALL) flags |= MAP_KEY_UPDATE;
    if (kind == KEY_ANY || kind == KEY_CALL) flags |= MAP_HASH_PANICS;
    return flags;
}

static void info_fill(void *arg) {
    MapInfo *info = arg;
    MapType *t = &info->map;
    uint32_t given = hint_load(&t->flags) & (MAP_KEY_APART | MAP_ELEM_APART);
    if (!t->key->equal) rt_throw("a map's key type is not comparable: TYPE_KEY or TYPE_KEY_WITH (api/map.h)");
    bool any = bits_add(info, BUCKET_DATA, t->key, t->key_bytes, given & MAP_KEY_APART);
    any |= bits_add(info, BUCKET_DATA + BUCKET_SLOTS * t->key_bytes, t->elem, t->elem_bytes, given & MAP_ELEM_APART);
    if (any) bit_set(info, t->bucket_bytes - 8u);
    hint_store(&info->bucket.ptrdata, any ? t->bucket_bytes : 0);
    hint_store(&info->bucket.gcdata, info->bits);
    hint_store(&info->bucket.string, t->type.string);
    hint_store(&t->bucket, &info->bucket);
    if (t->key->tflag & TYPE_HAS_HASH) hint_store(&t->hasher, (const FuncVal *)t->key->uncommon);
    hint_store(&t->flags, given | flags_of(t->key, key_kind(t->key)));
    __atomic_store_n(&info->ready, 1, __ATOMIC_RELEASE); // pairs with map_make_of
}

Map *map_make_of(MapInfo *info, intptr_t n) {
    if (unlikely(!__atomic_load_n(&info->ready, __ATOMIC_ACQUIRE))) sys_call(info_fill, info);
    CMap *m = heap_alloc(sizeof(CMap), &cmap_type, 0);
    m->type = &info->map;
    map_init(&m->m, m->type, n);
    RT_DOOR();
    return &m->m;
}

// ---- look up (the quick ones are in map_fast.c)

// Arguments and result of an operation.
typedef struct MapCall {
    const MapType *t;
    Map *m;
    const void *key, *value;
    void *result;
} MapCall;

static void map_find_call(void *arg) {
    MapCall *c = arg;
    c->result = map_find(c->t, c->m, c->key, NULL);
}

const void *map_find_of(const Map *m, const void *key) {
    if (unlikely(!m)) return NULL; // (its type is unknown: an unhashable key goes unnoticed)
    MapCall c = {type_of_map(m), (Map *)m, key, NULL, NULL};
    if (map_key_kind(c.t) == KEY_BYTES) c.result = map_find_kind(c.t, m, key, KEY_BYTES, NULL);
    else call_with_stack(MAP_ROOM, map_find_call, &c);
    RT_DOOR();
    return c.result;
}

// ---- change

static void map_set_call(void *arg) {
    MapCall *c = arg;
    const Type *e = c->t ? c->t->elem : NULL;
    void *elem = map_assign(c->t, c->m, c->key);
    if (e->size > 1024) return value_copy_of(e, elem, c->value, 1); // in pieces
    if (e->ptrdata) gc_shade_words(elem, e->size);
    words_copy(elem, c->value, e->size);
}

static noinline void set_slow(Map *m, const void *key, const void *value) {
    MapCall c = {m ? type_of_map(m) : NULL, m, key, value, NULL};
    call_with_stack(MAP_ROOM, map_set_call, &c);
    RT_DOOR();
}

void map_set_of(Map *m, const void *key, const void *value) {
    if (unlikely(!m || !map_set_quick(type_of_map(m), m, key, value))) return set_slow(m, key, value);
    RT_DOOR();
}

static void map_at_call(void *arg) {
    MapCall *c = arg;
    c->result = map_assign(c->t, c->m, c->key);
}

static noinline void *at_slow(Map *m, const void *key) {
    MapCall c = {m ? type_of_map(m) : NULL, m, key, NULL, NULL};
    call_with_stack(MAP_ROOM, map_at_call, &c);
    RT_DOOR();
    return c.result;
}

void *map_at_of(Map *m, const void *key) {
    void *elem = m ? map_update_quick(type_of_map(m), m, key) : NULL;
    if (!elem) return at_slow(m, key);
    RT_DOOR();
    return elem;
}

static void map_delete_call(void *arg) {
    MapCall *c = arg;
    map_remove(c->t, c->m, c->key);
}

void map_delete_of(Map *m, const void *key) {
    MapCall c = {m ? type_of_map(m) : NULL, m, key, NULL, NULL};
    if (m && !map_remove_quick(c.t, m, key)) call_with_stack(MAP_ROOM, map_delete_call, &c);
    RT_DOOR();
}

static void map_clear_call(void *arg) {
    MapCall *c = arg;
    map_empty(c->t, c->m);
}

void map_clear_of(Map *m) {
    MapCall c = {m ? type_of_map(m) : NULL, m, NULL, NULL, NULL};
    if (m) call_with_stack(MAP_ROOM, map_clear_call, &c);
    RT_DOOR();
}

// ---- iterate

static void map_start_call(void *arg) {
    MapIter *it = arg;
    map_iterate(it, it->type, it->map);
}
static void map_next_call(void *arg) {
    map_iterate_next(arg);
}

void map_iter_start(MapIter *it, Map *m) {
    it->type = m ? type_of_map(m) : NULL;
    it->map = m;
    call_with_stack(MAP_ROOM, map_start_call, it);
    RT_DOOR();
}

void map_iter_next(MapIter *it) {
    if (!map_iterate_quick(it)) call_with_stack(MAP_ROOM, map_next_call, it);
    RT_DOOR();
}
