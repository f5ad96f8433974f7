// scan.c -- looking for pointers: exactly in heap objects, conservatively in everything else.
//
// A heap object's pointers are where its span's bitmap or its type says (heap.h); what stands there may lead to the start or the inside of an object,
// or be no pointer at all. A word from a stack, a register or a variable of the program may be anything; if it could be C's pointer behind
// the last element of an array, the object before it is kept as well. Free slots are never marked, whatever points to them (span_is_object): a
// marked free slot would count as live for ever.
//
// Objects are read while the program writes to them: word by word, whole words (pointers are written as whole words, too, wherever they are copied). Which
// of two values is seen does not matter, because the snapshot's one is shaded by whoever replaces it (gc.h), or it was NULL, in an object that was given out
// before stop 1 and is filled now. So these reads are deliberate races, the only ones of the marker, and they are made in assembly (heap_word): the
// thread sanitizer would report each plain store of the program that they meet. Pointer bits, alloc and mark bits it sees. Nothing else about a white object changes while marking: it was made before
// stop 1, so its pointer bits and type are as they were, and its slot is not reused.
//
// Context: system stack; no locks are needed.
#include "mark.h"

#define INLINE inline __attribute__((always_inline))

// ---- marking one object

// Pointer bits of the slot of `bytes` bytes at offset off of the span: a word of bits stands for 512 bytes. Other bits there may be
// changing: whole words are read. (The rare case is a function of its own, so that the others keep nothing for it.)
static __attribute__((noinline)) uint64_t bits_across(const Span *s, size_t off) {
    const uint64_t *b = s->ptr_bits + off / 512;
    unsigned shift = off / 8 % 64;
    return (hint_load(b) >> shift | hint_load(b + 1) << (64 - shift)) & s->slot_ones;
}
static inline uint64_t bits_mixed(const Span *s, size_t off, size_t bytes) {
    size_t w = off / 512;
    if (unlikely((off + bytes - 1) / 512 != w)) return bits_across(s, off);
    return hint_load(s->ptr_bits + w) >> (off / 8 % 64) & s->slot_ones;
}
// Those of all objects of a span that is not mixed; 0: it is, or it is not one of bits at all.
static inline uint64_t bits_same(const Span *s) { return load_acquire(&s->same_bits); } // pairs with bits_mix: after 0 those of all objects are in ptr_bits

static __attribute__((noinline)) void grey_by_span(GcLocal *l, const Span *s, uintptr_t at) {
    if (s->kind != SPAN_NOSCAN) work_push(l, (Grey){at, 0}); // from its first oblet on
}

// Most pointers lead to what is marked already; free slots of spans that cores allocate from look like that, too (heap.h). So whether it is
// an object at all is only asked for the rest.
// That is also the answer for a slot behind the last one: its bits are never set. mark[] has a word for it (the smallest slots fill it).
// True: it is grey now, the caller queues it: *g, unless g->bits is 0, then grey_by_span.
static INLINE bool mark_try(GcLocal *l, Span *s, uint32_t slot, Grey *g) {
    _Atomic uint64_t *mark = &s->mark[slot / 64];
    uint64_t bit = 1ull << (slot % 64);
    if (load_relaxed(mark) >> (slot % 64) & 1) return false;
    // span_is_object with the likelier question first: nobody sweeps while marking, so the alloc bits do not change and the order is free
    if (unlikely(!span_bit(s->alloc, slot)) && s->base + slot * s->slot_bytes >= load_acquire(&s->at)) return false; // acquire: pairs with slot_publish
    if (atomic_fetch_or_explicit(mark, bit, memory_order_relaxed) & bit) return false;
    l->marked_objects++;
    size_t bytes = s->slot_bytes, off = slot * bytes;
    l->marked_bytes += bytes;
    g->at = s->base + off;
    g->bits = bits_same(s);
    if (unlikely(!g->bits)) {
        if (s->kind != SPAN_BITS) return s->kind != SPAN_NOSCAN;
        g->bits = bits_mixed(s, off, bytes);
    }
    __builtin_prefetch((const void *)g->at);
    return true;
}

static void mark_slot(GcLocal *l, Span *s, uint32_t slot) {
    Grey g;
    if (!mark_try(l, s, slot, &g)) return;
    if (g.bits) work_push(l, g);
    else grey_by_span(l, s, g.at);
}

void mark_exact(GcLocal *l, uintptr_t word) {
    Span *s = span_of(word);
    if (!s) return;
    uint32_t slot = span_slot(s, word);
    if (likely(slot < s->slots)) mark_slot(l, s, slot);
}

// ---- looking at one object

static void scan_bits(GcLocal *l, const uintptr_t *at, uint64_t bits) {
    for (; bits; bits &= bits - 1)
        mark_exact(l, heap_word(at + __builtin_ctzll(bits)));
}

// The part [lo, hi) of an object whose elements are of type t. Behind the last whole element all is zero, so that needs no care.
static void scan_typed(GcLocal *l, const Type *t, uintptr_t base, size_t lo, size_t hi) {
    if (unlikely(t->kind & KIND_GCPROG)) { // a program that makes the bitmap: gccgo's, for types over 16 KB. All words will do
        for (uintptr_t at = base + lo; at < base + hi; at += 8)
            mark_exact(l, heap_word((const uintptr_t *)at));
        return;
    }
    size_t size = t->size, prefix = t->ptrdata;
    if (size <= 256) { // several elements for each word of bits
        uint64_t bits = type_bits(t, 512);
        size_t step = 512 / size * size;
        for (size_t e = lo / step * step; e < hi; e += step) {
            uint64_t now = bits;
            if (unlikely(e < lo)) now &= ~0ull << (lo - e) / 8;
            if (unlikely(hi - e < 512)) now &= (1ull << (hi - e) / 8) - 1;
            scan_bits(l, (const uintptr_t *)(base + e), now);
        }
        return;
    }
    for (size_t e = lo ? lo / size * size : 0; e < hi; e += size) {
        size_t from = lo > e ? (lo - e) / 64 * 64 : 0; // eight words a byte
        for (size_t off = from; off < prefix && e + off < hi; off += 64) {
            uint64_t bits = t->gcdata[off / 64];
            if (unlikely(e + off < lo)) bits &= ~0ull << (lo - e - off) / 8;
            if (unlikely(hi - e - off < 64)) bits &= (1ull << (hi - e - off) / 8) - 1;
            scan_bits(l, (const uintptr_t *)(base + e + off), bits);
        }
    }
}

// Large objects are looked at in pieces. The rest is queued before a piece is looked at: so it lies below what the piece leads to, others may take it, and a piece
// is all that anybody has to wait for.
uint64_t scan_oblet(GcLocal *l, uintptr_t at) {
    const Span *s = span_of(at);
    uint32_t slot = span_slot(s, at);
    if (s->kind == SPAN_BITS || s->slot_bytes <= OBLET_BYTES) return scan_slot(l, s, slot);
    uintptr_t base = s->base + slot * s->slot_bytes, end = base + s->slot_bytes;
    for (uint64_t work = OBJECT_WORK;; at += OBLET_BYTES) {
        bool last = end - at <= OBLET_BYTES;
        size_t bytes = last ? end - at : OBLET_BYTES;
        bool queued = last || work_push(l, (Grey){at + OBLET_BYTES, 0});
        scan_typed(l, s->types[slot], base, at - base, at - base + bytes);
        work += bytes;
        if (queued) return work; // else there is no memory to queue it
    }
}

uint64_t scan_slot(GcLocal *l, const Span *s, uint32_t slot) {
    uintptr_t base = s->base + slot * s->slot_bytes;
    if (s->kind == SPAN_NOSCAN) return OBJECT_WORK;
    if (s->kind == SPAN_TYPED) {
        scan_typed(l, s->types[slot], base, 0, s->slot_bytes);
    } else {
        uint64_t same = bits_same(s);
        scan_bits(l, (const uintptr_t *)base, same ? same : bits_mixed(s, base - s->base, s->slot_bytes));
    }
    return s->slot_bytes + OBJECT_WORK;
}

// Number of the lowest bit set, and of the highest. The builtins are ints, and cost two instructions more.
static inline uint64_t low_bit(uint64_t bits) {
    uint64_t i;
    __asm__("rep bsfq %1, %0" : "=r"(i) : "r"(bits) : "cc");
    return i;
}
static inline uint64_t high_bit(uint64_t bits) {
    uint64_t i;
    __asm__("bsrq %1, %0" : "=r"(i) : "r"(bits) : "cc");
    return i;
}

// The collector's inner loop. It reads one of the P's two buffers from its top and pushes to the other, and after GROUP objects, or when the first is used up, it
// goes on with what it pushed. So an object's memory, asked for when it was marked (mark_try), has some GROUP objects' time to arrive, also where each object
// leads to one other: lists are followed side by side. (Popping what was pushed last would wait for each; a queue of its own costs each object six instructions.) What is
// grey at once stays a stack, of groups: at most GROUP times what depth first needs.
//
// The tops of both are kept in registers; for everything out of the ordinary they are put back (PUT), and looked up again (GET). One test before each object asks whether
// the group is over, the buffer is empty, or the limit is reached: then floor is above all.
#define GROUP     32
#define ABOVE_ALL ((Grey *)UINTPTR_MAX)
#define FULL(out) ((uintptr_t)(out) % sizeof(WorkBuf) == 0) // records of that size are aligned to it (fixed.c)
#define GET()                                                                                                  \
    (top = l->full->obj + l->full->n, out = l->spare->obj + l->spare->n, \
     floor = left < 0 ? ABOVE_ALL : l->full->n > GROUP ? top - GROUP : l->full->obj)
#define PUT() (l->full->n = (uint32_t)(top - l->full->obj), l->spare->n = (uint32_t)(out - l->spare->obj))

// What to read next is in l->full, and there is room in l->spare. False: nothing is grey here nor in the global list, or there is no buffer.
static inline bool next_group(GcLocal *l) {
    WorkBuf *from = l->full, *to = l->spare;
    if (unlikely(!from || !to)) return work_next(l);
    if (to->n < WORK_FEW) {
        if (from->n > 0) return true;
        if (to->n == 0 || load_relaxed(&work_count)) return work_next(l);
    }
    l->full = to;
    l->spare = from;
    return likely(from->n < WORKBUF_SLOTS) || work_pair(l);
}

// gcc gives each loop registers of its own and moves everything at the borders; these loops turn once or twice: 8 instructions for each object.
#ifdef __clang__
#define ONE_REGION
#else
#define ONE_REGION __attribute__((optimize("ira-region=one", "no-align-loops", "no-align-jumps", "no-align-labels")))
#endif

// No memory for a second buffer: one object after the other.
static __attribute__((noinline)) int64_t scan_alone(GcLocal *l, int64_t left) {
    Grey g;
    while (left >= 0 && work_pop(l, &g)) {
        if (g.bits) scan_bits(l, (const uintptr_t *)g.at, g.bits);
        left -= g.bits ? (int64_t)(OBJECT_WORK + 8 + 8 * high_bit(g.bits)) : (int64_t)scan_oblet(l, g.at);
    }
    return left;
}

ONE_REGION uint64_t scan_grey(GcLocal *l, uint64_t limit) {
    if (limit > INT64_MAX) limit = INT64_MAX;
    int64_t left = (int64_t)limit - 1; // less than 0: over
    Grey *top, *out, *floor;
    if (left < 0) return 0;
    if (unlikely(!next_group(l))) return limit - 1 - (uint64_t)scan_alone(l, left);
    GET();
    for (;;) {
        if (unlikely(top <= floor)) {
            PUT();
            if (left < 0) break;
            if (unlikely(!next_group(l))) {
                left = scan_alone(l, left);
                break;
            }
            GET();
        }
        const uintptr_t *at = (const uintptr_t *)(--top)->at;
        uint64_t bits = top->bits;
        if (unlikely(!bits)) {
            PUT();
            left -= (int64_t)scan_oblet(l, (uintptr_t)at);
            if (unlikely(!work_pair(l))) {
                left = scan_alone(l, left);
                break;
            }
            GET();
            continue;
        }
        left -= (int64_t)(OBJECT_WORK + 8 + 8 * high_bit(bits));
        if (unlikely(left < 0)) __asm__("" : "=r"(floor) : "0"(ABOVE_ALL)); // (a jump that is not taken, for a move)
        do {
            uintptr_t word = heap_word(at + low_bit(bits));
            bits &= bits - 1;
            if (!word) continue;
            Span *s = span_of(word);
            if (!s) continue;
            Grey g;
            if (!mark_try(l, s, span_slot(s, word), &g)) continue;
            if (likely(g.bits && !FULL(out))) {
                *out++ = g;
                continue;
            }
            PUT();
            if (g.bits) work_push(l, g);
            else grey_by_span(l, s, g.at);
            if (unlikely(!work_pair(l))) {
                scan_bits(l, at, bits);
                return limit - 1 - (uint64_t)scan_alone(l, left);
            }
            GET();
        } while (bits);
    }
    return limit - 1 - (uint64_t)left;
}

// ---- words that may be anything

void mark_conservative(GcLocal *l, uintptr_t word) {
    if (word < PAGE_SIZE) return;
    Span *s = span_of(word);
    if (s) {
        uint32_t slot = span_slot(s, word);
        size_t off = word - s->base;
        if (slot < s->slots) {
            mark_slot(l, s, slot);
            if (off != slot * s->slot_bytes) return;
            if (slot > 0) {
                mark_slot(l, s, slot - 1);
                return;
            } // else the span before this one
        } else {
            if (off == s->slots * s->slot_bytes) mark_slot(l, s, s->slots - 1);
            return;
        }
    } else if (word % PAGE_SIZE) {
        return;
    }
    mark_exact(l, word - 1);
}

static inline void scan_word(GcLocal *l, const uintptr_t *at, uintptr_t floor) {
    uintptr_t word = raw_word(at);
    if (word >= floor && span_may_reach(word)) mark_conservative(l, word);
}

// Eight words, or-ed.
static inline uintptr_t raw_any(const uintptr_t *at) {
    uintptr_t any;
    __asm__ volatile("movq %1, %0\n\torq %2, %0\n\torq %3, %0\n\torq %4, %0\n\torq %5, %0\n\torq %6, %0\n\torq %7, %0\n\torq %8, %0"
                     : "=&r"(any)
                     : "m"(at[0]), "m"(at[1]), "m"(at[2]), "m"(at[3]), "m"(at[4]), "m"(at[5]), "m"(at[6]), "m"(at[7])
                     : "cc");
    return any;
}

// A power of two that no address of a span lies below.
static uintptr_t spans_floor(void) {
    uintptr_t lo = span_map.base, mapped = load_relaxed(&span_map.mapped_lo);
    if (span_map.bytes == 0 || mapped < lo) lo = mapped;
    return lo > PAGE_SIZE ? 1ull << (63 - __builtin_clzll(lo)) : PAGE_SIZE;
}

// Most words of variables are small, eight of them at once: globals are looked at while the world is stopped.
void scan_words(GcLocal *l, const void *lo, const void *hi) {
    const uintptr_t *w = lo, *end = w + ((uintptr_t)hi - (uintptr_t)lo) / sizeof *w, *eights = w + (end - w) / 8 * 8;
    uintptr_t floor = spans_floor();
    for (;;) {
        while (w < eights && raw_any(w) < floor)
            w += 8;
        if (w == eights) break;
        for (unsigned i = 0; i < 8; i++)
            scan_word(l, w++, floor);
    }
    for (; w < end; w++)
        scan_word(l, w, floor);
}
