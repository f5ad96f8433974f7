// cell.c -- stores into typed cells (api/mem.h): the door through which a program writes pointers into the heap.
//
// While the collector marks, the value that is overwritten is shaded first: the deletion barrier of gc.h. Flag, shading and store are one
// step for the collector, because a core cannot pass a stop inside of runtime text. So their order does not matter, and between them nothing may yield.
//
// Words are stored whole and once: another goroutine that reads a cell at the same time sees an old or a new pointer, never parts of both; with
// several words it may see some of each, as in Go.
//
// A store through nil faults in the caller's name: the three stores lie in a section of their own (rt_leaf_cells), in which nothing is pushed
// before the slot has been touched, so rt_fault finds the return address on top of the stack (rt/panic.c). What needs a frame is behind tail calls.
//
// Locks: none.
#include "api/mem.h"
#include "api/str.h"
#include "cell.h"
#include "escape.h"
#include "sched.h"

#define noinline   __attribute__((noinline))
#define PIECE      ((intptr_t)64 << 10)

// RT_DOOR as one comparison and a tail call.
static inline bool door_wanted(void) {
    return unlikely(load_relaxed(&p_self()->request) != 0);
}

// ---- one to three words

#ifdef RT_DEBUG
// Refuses the address of a local variable, unless the cell is itself one.
static void check(const void *slot, uintptr_t v, uintptr_t pc) {
    G *g = g_self();
    if (g && !stack_find(g, (uintptr_t)slot)) escape_check("cell", &v, NULL, pc);
}
#define CHECK(slot, v) check((slot), (v), (uintptr_t)__builtin_return_address(0))
#else
#define CHECK(slot, v) ((void)0)
#endif

// (the old values are arguments, so that the slot is read before anything is pushed)
static noinline void shade_and_store(void *slot, void *v, void *old) {
    gc_shade_slow((uintptr_t)old);
    *(void **)slot = v;
    RT_DOOR();
}

CELL_LEAF void cell_store(void *slot, void *v) {
    CHECK(slot, (uintptr_t)v);
    if (unlikely(load_relaxed(&gc.barrier) != 0)) return shade_and_store(slot, v, *(void *volatile *)slot);
    *(void *volatile *)slot = v;
    if (door_wanted()) rt_door_slow();
}

static noinline void shade_and_store_2(uintptr_t *slot, uintptr_t a, uintptr_t b, uintptr_t old) {
    gc_shade_slow(old);
    gc_shade_slow(slot[1]);
    slot[0] = a;
    slot[1] = b;
    RT_DOOR();
}

CELL_LEAF void cell_store_2(void *slot, uintptr_t a, uintptr_t b) {
    CHECK(slot, a);
    CHECK(slot, b);
    volatile uintptr_t *w = slot;
    if (unlikely(load_relaxed(&gc.barrier) != 0)) return shade_and_store_2(slot, a, b, w[0]);
    w[0] = a;
    w[1] = b;
    if (door_wanted()) rt_door_slow();
}

static noinline void shade_and_store_3(uintptr_t *slot, uintptr_t a, uintptr_t b, uintptr_t c, uintptr_t old) {
    gc_shade_slow(old); // of a slice; the others are numbers
    slot[0] = a;
    slot[1] = b;
    slot[2] = c;
    RT_DOOR();
}

CELL_LEAF void cell_store_3(void *slot, uintptr_t a, uintptr_t b, uintptr_t c) {
    CHECK(slot, a);
    volatile uintptr_t *w = slot;
    if (unlikely(load_relaxed(&gc.barrier) != 0)) return shade_and_store_3(slot, a, b, c, w[0]);
    w[0] = a;
    w[1] = b;
    w[2] = c;
    if (door_wanted()) rt_door_slow();
}

// ---- whole objects

static size_t bytes_of(const Type *t, intptr_t n) {
    size_t bytes;
    if (n < 0 || __builtin_mul_overflow((size_t)n, t->size, &bytes)) panic_runtime("runtime error: makeslice: len out of range");
    return bytes;
}

static void clear_words(uintptr_t *d, size_t words) {
    __asm__ volatile("rep stosq" : "+D"(d), "+c"(words) : "a"(0) : "memory");
}
static void copy_words_up(uintptr_t *d, const uintptr_t *s, size_t words) {
    __asm__ volatile("rep movsq" : "+D"(d), "+S"(s), "+c"(words) : : "memory");
}
static void copy_words_down(uintptr_t *d, const uintptr_t *s, size_t words) {
    while (words-- > 0)
        ((volatile uintptr_t *)d)[words] = s[words];
}

// Pieces count from the beginning or the end, and at the doors d and s are still what they were: an address behind the object is another's, whose end gcverify would
// notice. (OPAQUE: or the compiler would advance them all the same.)
#define OPAQUE(n) __asm__("" : "+r"(n))

void cells_copy(void *dst, const void *src, size_t bytes) {
    char *d = dst;
    const char *s = src;
    if (d == s) return;
    bool down = (uintptr_t)d - (uintptr_t)s < bytes; // forward would overwrite what is still to be read
    for (size_t left = bytes, k; left > 0; left -= k) {
        k = left < (size_t)PIECE ? left : (size_t)PIECE;
        size_t at = down ? left - k : bytes - left;
        OPAQUE(at);
        gc_shade_words(d + at, k);
        if (down) copy_words_down((uintptr_t *)(d + at), (const uintptr_t *)(s + at), k / 8);
        else copy_words_up((uintptr_t *)(d + at), (const uintptr_t *)(s + at), k / 8);
        RT_DOOR();
    }
}

void cells_clear(void *dst, size_t bytes) {
    char *d = dst;
    for (size_t left = bytes, k; left > 0; left -= k) {
        k = left < (size_t)PIECE ? left : (size_t)PIECE;
        size_t at = left - k;
        OPAQUE(at);
        gc_shade_words(d + at, k);
        clear_words((uintptr_t *)(d + at), k / 8);
        RT_DOOR();
    }
}

void value_copy_of(const Type *t, void *dst, const void *src, intptr_t n) {
    size_t bytes = bytes_of(t, n);
    if (bytes == 0) return;
    nil_check(dst);
    nil_check(src);
    if (t->ptrdata == 0) return mem_move(dst, src, bytes);
    cells_copy(dst, src, bytes);
}

void value_clear_of(const Type *t, void *dst, intptr_t n) {
    size_t bytes = bytes_of(t, n);
    if (bytes == 0) return;
    nil_check(dst);
    if (t->ptrdata == 0) return mem_set(dst, 0, bytes);
    cells_clear(dst, bytes);
}
