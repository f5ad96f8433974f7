// proftab.h -- a table of stacks and what was counted with each.
#pragma once
#include "core.h"

#define PROFILE_DEPTH 64u // frames of a stack, the innermost ones

typedef struct ProfileBucket {
    uint64_t value[4]; // hint_store by the table's writer
    uint32_t next;     // in the chain of its hash; offset in bytes, 0: none
    uint32_t hash;
    uint32_t depth, unused;
    const void *label; // part of what is counted. CPU: on the heap, a root (root.c), or NULL; heap: the objects' size, a number; else NULL
    uintptr_t pc[]; // innermost first; of callers, an address inside the call instruction
} ProfileBucket;

typedef struct ProfileTable {
    uint64_t lost;          // for want of room. hint_store by the writer
    bool labelled;          // a bucket has a label. hint_store by the writer
    uint32_t room;          // bytes, of everything
    _Atomic uint32_t used;  // release by the writer: buckets below are whole
    _Atomic uint32_t count; // buckets
    uint32_t head[509];
} ProfileTable;

// NULL: no memory. System stack.
ProfileTable *proftab_new(size_t pages);
// The bucket of a stack (and label), made if there is none; NULL: no room, counted as lost. One writer at a time: the caller sees to that.
ProfileBucket *proftab_bucket(ProfileTable *t, const uintptr_t *pc, unsigned depth, const void *label);
static inline void proftab_add(ProfileBucket *b, unsigned i, uint64_t n) { hint_store(&b->value[i], b->value[i] + n); }
// The bucket behind b, NULL: the first one; NULL: no more. Others may still write: what is found is whole, its values may change.
static inline const ProfileBucket *proftab_next(const ProfileTable *t, const ProfileBucket *b) {
    uint32_t used = load_acquire(&t->used); // pairs with proftab_bucket
    uint32_t o = b ? (uint32_t)((const char *)b - (const char *)t) + (uint32_t)(sizeof *b + b->depth * sizeof(uintptr_t)) : (uint32_t)sizeof *t;
    return o < used ? (const ProfileBucket *)((const char *)t + o) : NULL;
}
// Forgets all. No writer, no reader.
void proftab_reset(ProfileTable *t);
// A record of the side channel. Others may still write.
void proftab_write_out(const ProfileTable *t, const char *kind, uint64_t rate, int64_t duration);
