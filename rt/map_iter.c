// map_iter.c -- iteration over maps. The story is told in map.h.
//
// An iterator (MapIter, gccgo's hiter) lies on its goroutine's stack and holds the array that it walks. What it remembers of growth: bits, the size of
// the array when it began. If the array has doubled meanwhile and not everything has moved, it walks the new array's buckets by looking into their old one
// and takes only what will go into its own.
//
// Context: goroutine's stack.
#include "map.h"
#include "sched.h"

#define NO_CHECK UINTPTR_MAX

void map_iterate(MapIter *it, const MapType *t, Map *h) {
    *it = (MapIter){.type = t};
    if (!h || h->count == 0) return;
    it->map = h;
    it->bits = h->bits;
    it->buckets = h->buckets;
    if (t->bucket->ptrdata == 0 && h->extra) { // keep the overflow buckets even if the map lets go of them
        it->overflow = h->extra->now;
        it->old_overflow = h->extra->old;
    }
    uint64_t r = rand_next(p_self());
    it->start_bucket = r & map_mask(h->bits);
    it->offset = (uint8_t)(r >> 60 & (BUCKET_SLOTS - 1));
    it->at_bucket = it->start_bucket;
    // Several may iterate at once: by atomic or. Read by writers of the same map, later in the program's order.
    uint8_t both = MAP_ITERATOR | MAP_OLD_ITERATOR;
    if ((hint_load(&h->flags) & both) != both) __atomic_fetch_or(&h->flags, both, __ATOMIC_RELAXED);
    map_iterate_next(it);
}

// The next bucket to walk; false: all have been.
static bool bucket_next(MapIter *it) {
    const MapType *t = it->type;
    Map *h = it->map;
    uintptr_t at = it->at_bucket;
    if (at == it->start_bucket && it->wrapped) return false;
    it->bucket = bucket_at(t, it->buckets, at);
    it->check_bucket = NO_CHECK;
    if (map_growing(h) && it->bits == h->bits) {
        Bucket *old = bucket_at(t, h->old_buckets, at & map_old_mask(h));
        if (!bucket_evacuated(old)) it->bucket = old, it->check_bucket = at;
    }
    if (++at == (uintptr_t)1 << it->bits) {
        at = 0;
        it->wrapped = true;
    }
    it->at_bucket = at;
    it->i = 0;
    return true;
}

// Will entry k of an old bucket go into another bucket than the one being walked?
static bool goes_elsewhere(const MapIter *it, const MapType *t, const Map *h, void *k, bool self_equal, uint8_t top) {
    if (it->check_bucket == NO_CHECK || (h->flags & MAP_SAME_SIZE)) return false;
    if (self_equal) return (key_hash(t, map_key_kind(t), k, h->seed) & map_mask(it->bits)) != it->check_bucket;
    return it->check_bucket >> (it->bits - 1) != (top & 1); // as goes_to_y decides
}

// Entry i of the present bucket: true, it is the next one.
static bool entry_take(MapIter *it, unsigned i) {
    const MapType *t = it->type;
    Map *h = it->map;
    Bucket *b = it->bucket;
    uint8_t top = b->top[i];
    if (top == TOP_EMPTY || top == TOP_EVACUATED_EMPTY) return false;
    void *k = slot_key(t, b, i);
    bool self_equal = (t->flags & MAP_REFLEXIVE) || key_equal(t, map_key_kind(t), k, k);
    if (goes_elsewhere(it, t, h, k, self_equal, top)) return false;
    if (top >= TOP_MIN || !self_equal) { // here; what is not equal to itself cannot have been deleted or changed
        it->key = k;
        it->elem = slot_elem(t, b, i);
        return true;
    }
    // It has moved: it may have been changed or deleted since.
    void *found;
    void *elem = map_find(t, h, k, &found);
    if (!elem) return false;
    it->key = found;
    it->elem = elem;
    return true;
}

static inline void map_check_iteration(const Map *h) {
    if (unlikely(hint_load(&h->flags) & MAP_WRITING)) map_fatal("concurrent map iteration and map write");
}

// Entries of a bucket in the order in which an iteration with this offset takes them, but for the first i: bit 8 * k + 7 for each, k places on.
static inline uint64_t entries_from(const Bucket *b, unsigned offset, unsigned i) {
    uint64_t full = tops_full(b), turn = 8 * offset;
    return (full >> turn | full << (-turn & 63)) >> 4 * i >> 4 * i; // i may be 8
}

bool map_iterate_quick(MapIter *it) {
    const MapType *t = it->type;
    const Map *h = it->map;
    if (unlikely(!h)) return true;
    Bucket *b = it->bucket;
    // The same array, nothing moves, and we do not stand in a bucket of the array before it, out of which all has moved since: every entry is where it was, so
    // no key needs to be hashed or compared.
    if (unlikely(map_growing(h) || h->buckets != it->buckets || (b && it->check_bucket != NO_CHECK))) return false;
    map_check_iteration(h);
    for (;; it->i = 0) {
        if (b) {
            uint64_t from = entries_from(b, it->offset, it->i);
            if (from) {
                unsigned i = it->i + (unsigned)__builtin_ctzll(from) / 8, slot = (i + it->offset) & (BUCKET_SLOTS - 1);
                it->i = (uint8_t)(i + 1);
                it->key = slot_key(t, b, slot);
                it->elem = slot_elem(t, b, slot);
                return true;
            }
            it->bucket = b = *bucket_overflow(t, b);
        } else if (bucket_next(it)) {
            b = it->bucket;
        } else {
            it->key = it->elem = NULL;
            return true;
        }
    }
}

void map_iterate_next(MapIter *it) {
    if (!it->map) return;
    map_check_iteration(it->map);
    it->key = it->elem = NULL;
    for (;;) {
        if (!it->bucket && !bucket_next(it)) return;
        while (it->i < BUCKET_SLOTS)
            if (entry_take(it, (it->i++ + it->offset) & (BUCKET_SLOTS - 1))) return;
        it->bucket = *bucket_overflow(it->type, it->bucket);
        it->i = 0;
    }
}
