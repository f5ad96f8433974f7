// alloc.c -- heap_alloc: zeroed, typed objects. The story of the structures is told in heap.h.
//
// The fast path runs on the goroutine's stack, of which little may be left, and needs no lock: the P's span has a run of free slots at hand.
// The next run is found there, too. Everything else happens on the system stack. All of it is rt
// text, so the core stays the same and is not preempted, and a HeapCache has one user at a time.
//
// Large objects are zeroed in pieces, on the goroutine's stack, and answer requests in between: a gigabyte takes long enough for others
// to notice. The object is not published before that, and not swept.
//
// What an allocation owes the collector it pays on the goroutine's stack, after it has its object (gc_allocated), or when there is no memory
// (gc_force). On the system stack nothing is owed and nothing forced: runtime code may be in the middle of anything there.
//
// With gc.stress or gc.poison every allocation goes through the slow path: a run is never longer than the one slot that is taken at once.
//
// Locks: none here.
#include "alloc.h"
#include "alloc_fast.h"
#include "profile.h"

#define FORCE_MAX  20u
#define ZERO_PIECE (256u << 10)

static uint64_t zero_size[2]; // every object of size 0, as in Go

_Noreturn void rt_oom(size_t size) {
    PageStats s = page_stats();
    rt_printf("runtime: out of memory: cannot allocate %lu-byte block (%lu bytes in use, %lu free, largest "
              "run %lu)\n",
              (unsigned long)size, (unsigned long)(s.total - s.free), (unsigned long)s.free,
              (unsigned long)s.largest);
    rt_fatal("out of memory");
}

// ---- pointer bits

// Writes those of the slot at s->base + off to ptr_bits. Only the owner of the span writes; others read those of other slots.
static __attribute__((noinline)) void bits_write(Span *s, size_t off, uint64_t bits) {
    size_t shift = off / 8 % 64, n = s->slot_bytes / 8;
    uint64_t *w = s->ptr_bits + off / 512;
    hint_store(w, (*w & ~(s->slot_ones << shift)) | bits << shift);
    if (shift + n > 64) {
        w++;
        hint_store(w, (*w & ~(s->slot_ones >> (64 - shift))) | bits >> (64 - shift));
    }
}
// An object that is to be made has other bits than the rest of its span. Those that there are keep theirs: a marker finds them in same_bits or, when that
// is 0, in ptr_bits.
static __attribute__((noinline)) void bits_mix(Span *s) {
    uint64_t same = load_relaxed(&s->same_bits);
    for (uint32_t i = 0; i < s->slots; i++)
        bits_write(s, i * s->slot_bytes, same);
    s->mixed = true;
    s->last_type = NULL;
    store_release(&s->same_bits, 0); // pairs with bits_same (scan.c)
}
// Objects of t have the bits of all objects of s, from now on if there are none. False: they have others, or s is mixed.
static __attribute__((noinline)) bool bits_are_same(Span *s, const Type *t) {
    if (s->mixed) return false;
    uint64_t bits = type_bits(t, s->slot_bytes), same = load_relaxed(&s->same_bits);
    if (same == 0) store_relaxed(&s->same_bits, bits); // nobody marks the first object before it is published
    if (same != 0 && same != bits) return false;
    s->last_type = t;
    return true;
}

// ---- a slot of the current span

// Any kind. (In this order little has to be kept over calls.)
static __attribute__((noinline)) void *slot_make(Span *s, const Type *t) {
    uintptr_t slot = load_relaxed(&s->at);
    if (s->kind == SPAN_BITS) {
        if (s->last_type != t && !bits_are_same(s, t)) {
            if (!s->mixed) bits_mix(s);
            bits_write(s, slot - s->base, type_bits(t, s->slot_bytes));
        }
    } else if (s->kind == SPAN_TYPED) {
        hint_store(&s->types[span_slot(s, slot)], t);
    }
    if (s->slot_bytes <= FAST_MAX)
        slot_zero(slot, s->slot_bytes);
    else
        __builtin_memset((void *)slot, 0, s->slot_bytes);
    slot_publish(s, slot);
    return (void *)slot;
}

// The same for a single small object in a mixed span, where types take turns.
static __attribute__((noinline)) void *slot_make_mixed(Span *s, size_t size, const Type *t) {
    uintptr_t slot = load_relaxed(&s->at);
    size_t bit = (slot - s->base) / 8, shift = bit % 64;
    if (t->ptrdata > 64 || t->size != size || shift + s->slot_bytes / 8 > 64) return slot_make(s, t);
    uint64_t *w = s->ptr_bits + bit / 64; // as bits_write
    hint_store(w, (*w & ~(s->slot_ones << shift)) | (uint64_t)t->gcdata[0] << shift);
    slot_zero(slot, s->slot_bytes);
    slot_publish(s, slot);
    return (void *)slot;
}

static void poison_damaged(void *word) {
    uint64_t *w = word;
    Span *s = span_of((uintptr_t)w);
    uint32_t slot = span_slot(s, (uintptr_t)w);
    uintptr_t base = s->base + slot * s->slot_bytes;
    rt_printf("runtime: free slot %u of %lu bytes at %p: word %lu (%p) is %p\n", slot, (unsigned long)s->slot_bytes, (void *)base,
              (unsigned long)((uintptr_t)w - base) / 8, (void *)w, (void *)*w);
    rt_throw("freed memory was written to");
}

static void poison_check(const Span *s, uint32_t slot) {
    uint64_t *w = (uint64_t *)(s->base + slot * s->slot_bytes);
    for (size_t i = 0; i < s->slot_bytes / 8; i++)
        if (w[i] != POISON) sys_call(poison_damaged, &w[i]);
}

// Goes on to the next run of free slots, as far as one word of alloc[] says. False: the span is full.
static inline bool run_next(Span *s) {
    uint32_t slots = s->slots;
    for (uint32_t i = span_slot(s, load_relaxed(&s->at)); i < slots; i = (i | 63) + 1) {
        uint64_t free = ~load_relaxed(&s->alloc[i / 64]) >> (i % 64); // bit b: slot i + b is free (0 is shifted in)
        if (!free) continue;
        uint32_t first = i + (uint32_t)__builtin_ctzll(free);
        free = ~(free >> (first - i)); // bit b: slot first + b is none
        uint32_t end = first + (free ? (uint32_t)__builtin_ctzll(free) : 64);
        if (end > slots) end = slots;
        if (first >= end) break;
        s->run_end = s->base + end * s->slot_bytes;
        store_relaxed(&s->at, s->base + first * s->slot_bytes); // what it passes are objects by their alloc bits
        return true;
    }
    return false;
}

// There is a slot at hand. False: the span is full.
static __attribute__((noinline)) bool slot_find(Span *s) {
    if (load_relaxed(&s->at) < s->run_end) return true;
    if (!run_next(s)) return false;
    uintptr_t slot = load_relaxed(&s->at);
    if (unlikely(gc.stress || gc.poison || gc.profiled)) s->run_end = slot + s->slot_bytes;
    if (unlikely(s->poisoned)) poison_check(s, span_slot(s, slot));
    return true;
}

// ---- what the fast path leaves

// (All that an allocation knows is in here, so that the functions on the goroutine's stack keep little themselves.)
typedef struct AllocCall {
    size_t size;
    const Type *type;
    void *object;
    union {
        struct { // when there is an object
            size_t taken;  // bytes taken from central or as a large object
            size_t zeroed; // of a large object
        };
        MemoryForce force; // while there is no memory
    };
    // As a whole word: the rest of one that is half written still holds what an earlier frame left there, and what is then read as a pointer
    // keeps a dead object, or makes gcverify complain of one that was not marked.
    union {
        struct {
            bool null_ok, system, again; // system: called on the system stack
        };
        uint64_t flags;
    };
} AllocCall;

static void small_refill(void *arg) {
    AllocCall *a = arg;
    unsigned class = size_class(a->size);
    size_t taken = cache_refill(a->type == NULL, class);
    if (!taken) return;
    a->taken = taken;
    Span *s = p_self()->heap.span[a->type == NULL][class];
    if (slot_find(s)) a->object = slot_make(s, a->type);
}

static __attribute__((noinline)) void small_alloc(AllocCall *a) {
    Span *s = p_self()->heap.span[a->type == NULL][size_class(a->size)];
    if (s && slot_find(s)) {
        a->taken = 0;
        a->object = slot_make(s, a->type);
    } else {
        sys_call(small_refill, a);
    }
}

static void large_take(void *arg) {
    AllocCall *a = arg;
    a->again = !sweep_pay(a->size, 256);
    if (a->again) return;
    const Span *s = span_new_large(a->size, a->type);
    if (!s) return;
    a->object = (void *)s->base;
    a->taken = s->slot_bytes;
    a->zeroed = 0;
    fetch_add(&heap.live_bytes, a->taken);
}

static void large_publish(void *arg) {
    central_publish_large(span_of((uintptr_t)((AllocCall *)arg)->object));
}

// Zeroes the next piece. False: there is none.
static __attribute__((noinline)) bool large_zero(AllocCall *a) {
    size_t n = a->taken - a->zeroed;
    if (n == 0) return false;
    if (n > ZERO_PIECE) n = ZERO_PIECE;
    __builtin_memset((char *)a->object + a->zeroed, 0, n);
    a->zeroed += n;
    return true;
}

static __attribute__((noinline)) void large_alloc(AllocCall *a) {
    if (a->size / PAGE_SIZE >= page_heap.total) return;
    do {
        sys_call(large_take, a);
        if (!a->system) RT_DOOR();
    } while (a->again);
    if (!a->object) return;
    while (large_zero(a))
        if (!a->system) RT_DOOR();
    sys_call(large_publish, a);
}

static __attribute__((noinline)) void alloc_try(AllocCall *a) {
    if (a->size > SMALL_MAX)
        large_alloc(a);
    else
        small_alloc(a);
}

// Keeps what is left of a tiny block that was just made on this P.
static void tiny_keep(uintptr_t block, size_t size) {
    HeapCache *c = &p_self()->heap;
    if (gc.stress || TINY - size <= c->tiny_end - c->tiny) return; // keep the one that has more left
    c->tiny = block + size;
    c->tiny_end = block + TINY;
}

// Is it worth while to force another collection? Not when the last one freed little, nor for ever.
static bool force_more(MemoryForce *f) {
    uint64_t objects, freed;
    heap_freed(&objects, &freed);
    if (f->tries == FORCE_MAX || (f->tries > 0 && freed - f->freed < page_heap.total * (PAGE_SIZE / 64))) return false;
    f->tries++;
    f->freed = freed;
    return true;
}
static void force_more_call(void *arg) {
    AllocCall *a = arg;
    a->again = !a->system && force_more(&a->force);
    if (!a->again && !a->null_ok) rt_oom(a->size);
}

bool memory_force(MemoryForce *f) { return force_more(f) && gc_force(); }

static __attribute__((noinline)) void alloc_where(AllocCall *a) { a->system = on_system_stack(); }

// Frames of the slow path have places that nothing is written to in this call, and what an earlier call left there may be an address. When memory
// is short the goroutine waits for a collection with these frames on its stack, and the words would keep alive just what was dropped a moment ago:
// the head of a list that fills the heap. So what lies below alloc_slow's own frame is cleared before they are made: as much as they take.
#define DEAD_WORDS 12
static __attribute__((noinline)) void clear_below(void) {
    uint64_t dead[DEAD_WORDS];
    for (int i = 0; i < DEAD_WORDS; i++)
        dead[i] = 0;
    __asm__ volatile("" : : "m"(dead)); // they are wanted
}

static __attribute__((noinline)) void alloc_profile(const AllocCall *a) {
    if (a->object) profile_alloc(a->object, a->size);
}

// What the allocation owes.
static __attribute__((noinline)) void alloc_pay(AllocCall *a) {
    if (!a->object) return;
    if (a->size < TINY && !a->type) tiny_keep((uintptr_t)a->object, a->size);
    if (!a->system && (a->taken || gc.stress)) gc_allocated(a->taken);
}

static __attribute__((noinline)) void *alloc_slow(size_t size, const Type *t, unsigned flags) {
    AllocCall a;
    clear_below();
    mem_check_open();
    a.size = size;
    a.type = t && t->ptrdata ? t : NULL;
    a.object = NULL;
    a.force = (MemoryForce){0, 0};
    a.flags = 0;
    a.null_ok = flags & ALLOC_NULL_OK;
    alloc_where(&a);
    for (;;) {
        alloc_try(&a);
        if (likely(a.object != NULL)) break;
        sys_call(force_more_call, &a);
        if (!a.again) break;
        if (!gc_force()) a.force.tries = FORCE_MAX; // nobody can wait here: once more, then it is over
    }
    if (unlikely(gc.profiled)) alloc_profile(&a);
    alloc_pay(&a);
    return a.object;
}

const uint8_t alloc_class_of[FAST_MAX / 16] = {0,  1,  2,  3,  4,  5,  6,  7,  8,  8,  9,  9,  10, 10, 11, 11,
                                               12, 12, 12, 12, 13, 13, 13, 13, 14, 14, 14, 14, 15, 15, 15, 15,
                                               16, 16, 16, 16, 16, 16, 16, 16, 17, 17, 17, 17, 17, 17, 17, 17,
                                               18, 18, 18, 18, 18, 18, 18, 18, 19, 19, 19, 19, 19, 19, 19, 19};

// A slot is at hand. (Functions that are called last need no registers saved here.)
static __attribute__((noinline)) void *alloc_at_hand(Span *s, size_t size, const Type *t) {
    if (s->mixed) return slot_make_mixed(s, size, t);
    if (s->kind != SPAN_NOSCAN || size >= TINY) return slot_make(s, t);
    uintptr_t slot = load_relaxed(&s->at);
    slot_zero(slot, s->slot_bytes);
    slot_publish(s, slot);
    tiny_keep(slot, size);
    return (void *)slot;
}

void *alloc_rest(size_t size, const Type *t, unsigned flags) {
    if (unlikely(size - 1 >= SMALL_MAX)) return size ? alloc_slow(size, t, flags) : zero_size;
    Span *s = p_self()->heap.span[!t || t->ptrdata == 0][size_class(size)];
    if (unlikely(!s)) return alloc_slow(size, t, flags);
    if (load_relaxed(&s->at) >= s->run_end && (unlikely(gc.stress || gc.poison || gc.profiled) || !run_next(s))) return alloc_slow(size, t, flags);
    return alloc_at_hand(s, size, t);
}

void *heap_alloc(size_t size, const Type *t, unsigned flags) {
    void *p = alloc_fast(p_self(), size, t);
    return likely(p != NULL) ? p : alloc_rest(size, t, flags);
}

// ---- looking at the heap

bool heap_find(uintptr_t addr, HeapObject *out) {
    const Span *s = span_of(addr);
    if (!s || s->kind == SPAN_FREE) return false;
    uint32_t i = span_slot(s, addr);
    if (i >= s->slots || !span_is_object(s, i)) return false;
    *out = (HeapObject){s->base + i * s->slot_bytes, s->slot_bytes, s->types ? hint_load(&s->types[i]) : NULL, s->kind != SPAN_NOSCAN};
    return true;
}

static void stats_call(void *out) {
    *(HeapStats *)out = caches_sum();
}

HeapStats heap_stats(void) {
    HeapStats h;
    sys_call(stats_call, &h);
    return h;
}
