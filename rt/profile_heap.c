// profile_heap.c -- the heap profile: of every so many bytes allocated (heapprof=n; Go's MemProfileRate), one object with the stack that made it.
//
// How far it is to the next sample is random, exponentially distributed with a mean of n, so that no pattern of sizes hides; a reader of the profile multiplies each
// object by what it stands for (scripts/profile2pb.py, as Go's pprof does). That depends on the object's size: so what is counted are stacks and sizes, as in Go; the mean of
// small and large objects of one stack would stand for neither.
//
// Which sampled objects are in use is settled at the end of each marking, before anything is swept: what was not marked is free, unless a finalizer keeps it. There is one
// sampled object for each 512 KB of heap, so this costs a stop nothing to speak of, and allocation and sweep know nothing of it. Allocation goes the slow way while somebody wants this profile: the fast path has no hook.
//
// Small objects without pointers share blocks of 16 bytes: a block counts as one object, when it is made.
#include "profile.h"
#include "lib.h"
#include "proftab.h"
#include "report.h"
#include "sched.h"

#define TABLE_PAGES  256u // 1 MB
#define SAMPLE_PAGES 256u // at first: 64 Ki objects in use at once

enum { ALLOC_OBJECTS, ALLOC_BYTES, FREE_OBJECTS, FREE_BYTES };
typedef struct Sampled {
    uintptr_t object;
    ProfileBucket *bucket;
} Sampled;

static Lock lock = LOCK_INIT(RANK_PROFILE); // guards all below; the stopper needs it not
ProfileTable *profile_heap_table;
const uint64_t *profile_heap_rate;
static Sampled *sampled;
static uint32_t count, room;
static size_t pages;

// log2(x) in 1/65536, x >= 1: bit by bit, by squaring.
static uint64_t log2_16(uint64_t x) {
    unsigned bit = 63u - (unsigned)__builtin_clzll(x);
    uint64_t result = bit, m = x << (63 - bit);
    for (int i = 0; i < 16; i++) {
        unsigned __int128 square = (unsigned __int128)m * m;
        bool carry = square >> 127;
        m = (uint64_t)(square >> (carry ? 64 : 63));
        result = result << 1 | carry;
    }
    return result;
}

// -ln(u) * rate for u evenly distributed in (0, 1].
static int64_t next_distance(P *p) {
    uint64_t rate = hint_load(profile_heap_rate);
    p->alloc_rate = rate;
    if (rate == 1) return 0;
    if (rate == 0) return INT64_MAX;
    uint64_t u = (rand_next(p) >> 38) + 1; // 1 .. 2^26
    uint64_t bits = (26ull << 16) - log2_16(u); // -log2(u / 2^26)
    return (int64_t)((unsigned __int128)bits * rate * 45426 >> 32); // ln(2) = 45426 / 65536
}

// Twice the room for what is in use. False: no memory.
static bool grow(size_t n) {
    Sampled *more = page_alloc_large(n);
    if (!more) return false;
    if (count) memcpy(more, sampled, count * sizeof *more);
    if (sampled) page_free_large(sampled, pages);
    sampled = more;
    pages = n;
    room = (uint32_t)(n * PAGE_SIZE / sizeof *more);
    return true;
}

void profile_heap_start(const uint64_t *rate) {
    profile_heap_rate = rate;
    profile_heap_table = proftab_new(TABLE_PAGES);
    if (!profile_heap_table || !grow(SAMPLE_PAGES)) rt_throw("out of memory: no room for a profile");
    for (int i = 0; i < sched.ncpu; i++)
        rt_ps[i]->alloc_left = next_distance(rt_ps[i]);
    gc.profiled = true;
}

static void sample_call(void *object) {
    uintptr_t pc[PROFILE_DEPTH];
    P *p = p_self();
    const Span *s = span_of((uintptr_t)object);
    bool due = p->alloc_left < 0 && p->alloc_rate == hint_load(profile_heap_rate);
    p->alloc_left = next_distance(p);
    if (!due && p->alloc_rate != 1) return; // the program has changed the rate
    unsigned n = traceback_here(pc, PROFILE_DEPTH);
    lock_acquire(&lock);
    bool fits = count < room || (room < UINT32_MAX / 2 && grow(2 * pages));
    ProfileBucket *b = fits ? proftab_bucket(profile_heap_table, pc, n, (const void *)s->slot_bytes) : NULL;
    if (b) {
        proftab_add(b, ALLOC_OBJECTS, 1);
        proftab_add(b, ALLOC_BYTES, s->slot_bytes);
        sampled[count++] = (Sampled){(uintptr_t)object, b};
    } else if (!fits) {
        hint_store(&profile_heap_table->lost, profile_heap_table->lost + 1);
    }
    lock_release(&lock);
}

void profile_alloc_slow(void *object) { sys_call(sample_call, object); }

void profile_heap_marked(void) {
    for (uint32_t i = 0; i < count;) {
        const Span *s = span_of(sampled[i].object);
        if (span_bit(s->mark, span_slot(s, sampled[i].object)) || (s->specials && special_keeps(s, sampled[i].object))) {
            i++;
            continue;
        }
        proftab_add(sampled[i].bucket, FREE_OBJECTS, 1);
        proftab_add(sampled[i].bucket, FREE_BYTES, s->slot_bytes);
        sampled[i] = sampled[--count];
    }
}

void profile_heap_write_out(int64_t duration) { proftab_write_out(profile_heap_table, "heap", *profile_heap_rate, duration); }
