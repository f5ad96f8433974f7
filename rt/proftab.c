// proftab.c -- see proftab.h.
//
// A table has one writer at a time: a core's interrupts, or who holds a lock. Buckets lie one behind the other and are never taken out; one is
// filled first, then `used` grows over it (store_release). Whoever reads `used` (load_acquire) may go through what lies below while the writer goes on: only
// values still change, each a whole word.
#include "proftab.h"
#include "side.h"

ProfileTable *proftab_new(size_t pages) {
    ProfileTable *t = page_alloc_large(pages);
    if (!t) return NULL;
    t->room = (uint32_t)(pages * PAGE_SIZE);
    proftab_reset(t);
    return t;
}

void proftab_reset(ProfileTable *t) {
    hint_store(&t->lost, 0);
    hint_store(&t->labelled, false);
    memset(t->head, 0, sizeof t->head);
    store_relaxed(&t->count, 0);
    store_relaxed(&t->used, sizeof *t);
}

static inline ProfileBucket *at(const ProfileTable *t, uint32_t offset) { return (ProfileBucket *)((char *)t + offset); }

static bool same(const ProfileBucket *b, uint32_t hash, const uintptr_t *pc, unsigned depth, const void *label) {
    if (b->hash != hash || b->depth != depth || b->label != label) return false;
    for (unsigned i = 0; i < depth; i++)
        if (b->pc[i] != pc[i]) return false;
    return true;
}

ProfileBucket *proftab_bucket(ProfileTable *t, const uintptr_t *pc, unsigned depth, const void *label) {
    uint64_t h = depth ^ (uintptr_t)label;
    for (unsigned i = 0; i < depth; i++)
        h = (h ^ pc[i]) * 0x9e3779b97f4a7c15ull >> 1;
    uint32_t hash = (uint32_t)(h >> 20), *head = &t->head[hash % (sizeof t->head / sizeof *t->head)];
    for (uint32_t o = *head; o; o = at(t, o)->next)
        if (same(at(t, o), hash, pc, depth, label)) return at(t, o);
    uint32_t used = load_relaxed(&t->used), bytes = (uint32_t)(sizeof(ProfileBucket) + depth * sizeof *pc);
    if (t->room - used < bytes) {
        hint_store(&t->lost, t->lost + 1);
        return NULL;
    }
    ProfileBucket *b = at(t, used);
    *b = (ProfileBucket){.next = *head, .hash = hash, .depth = depth, .label = label};
    for (unsigned i = 0; i < depth; i++)
        b->pc[i] = pc[i];
    if (label) hint_store(&t->labelled, true);
    *head = used;
    store_relaxed(&t->count, load_relaxed(&t->count) + 1);
    store_release(&t->used, used + bytes); // pairs with proftab_write_out, proftab_next
    return b;
}

void proftab_write_out(const ProfileTable *t, const char *kind, uint64_t rate, int64_t duration) {
    uint32_t used = load_acquire(&t->used), n = 0; // pairs with proftab_bucket
    for (uint32_t o = sizeof *t; o < used; o += (uint32_t)(sizeof(ProfileBucket) + at(t, o)->depth * sizeof(uintptr_t)))
        n++;
    side_begin(SIDE_PROFILE);
    side_text(kind);
    side_number(rate);
    side_number((uint64_t)duration);
    side_number(hint_load(&t->lost));
    side_number(n);
    for (uint32_t o = sizeof *t; n > 0; n--) {
        const ProfileBucket *b = at(t, o);
        for (int i = 0; i < 4; i++)
            side_number(hint_load(&b->value[i]));
        side_number(b->depth);
        for (uint32_t i = 0; i < b->depth; i++)
            side_number(b->pc[i]);
        o += (uint32_t)(sizeof *b + b->depth * sizeof(uintptr_t));
    }
}
