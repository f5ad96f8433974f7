// alloc.c -- what gccgo's code allocates, copies and clears.
//
// The write barrier. gccgo emits "test runtime.writeBarrier; if set, call gcWriteBarrier(dst, src), else store". A goroutine may be
// preempted between test and store, and would store without a barrier if marking began there. So the flag is always set, and the
// routines here do barrier and store themselves, in runtime text, where nobody is preempted (design section 6). What they owe the collector is
// gc.h's deletion barrier: the old value is shaded before it goes.
//
// Slot addresses come from the program: p.next = q with p nil arrives here as an address below one page, and is the program's nil access; copies and clears look for
// that, the store of one word faults.
#include "go.h"
#include "../api/str.h"
#include "../cell.h"

// The layout of libgo's: enabled, padding, needed, cgo, and a word to make the size 8.
struct { uint32_t enabled; uint8_t needed, cgo; uint64_t all; } go_write_barrier GO("runtime.writeBarrier") = {.enabled = 1, .needed = 1};

// Every zero-sized object is here.
static char zero_base[16] __attribute__((aligned(16)));

void *go_new(const Type *t) {
    if (unlikely(t->size == 0)) return zero_base;
    return heap_alloc(t->size, t->ptrdata ? t : NULL, 0);
}
void *go_new_reflect(const Type *t) GO("reflect.unsafe__New");
void *go_new_reflect(const Type *t) { return go_new(t); }
void *go_new_reflectlite(const Type *t) GO("internal_1reflectlite.unsafe__New");
void *go_new_reflectlite(const Type *t) { return go_new(t); }

void *go_alloc_noscan(size_t n) { return n ? heap_alloc(n, NULL, 0) : zero_base; }

void *go_mallocgc(uintptr_t n, const Type *t, bool zero) GO("runtime.mallocgc");
void *go_mallocgc(uintptr_t n, const Type *t, bool zero) {
    if (n == 0) return zero_base;
    return heap_alloc(n, t && t->ptrdata ? t : NULL, 0);
}

// ---- slices

#define ADDRESSABLE ((uintptr_t)1 << 47)

// len * size, or false when that is more than could be.
static bool array_bytes(const Type *t, intptr_t n, uintptr_t *bytes) {
    return n >= 0 && !__builtin_mul_overflow((uintptr_t)n, t->size, bytes) && *bytes <= ADDRESSABLE;
}

static void *array_alloc(const Type *t, uintptr_t bytes) {
    if (unlikely(bytes == 0)) return zero_base;
    return heap_alloc(bytes, t->ptrdata ? t : NULL, 0);
}

void go_panic_slice_len(void) GO("runtime.panicmakeslicelen");
void go_panic_slice_len(void) { go_panic_error("makeslice: len out of range"); }
void go_panic_slice_cap(void) GO("runtime.panicmakeslicecap");
void go_panic_slice_cap(void) { go_panic_error("makeslice: cap out of range"); }

uintptr_t go_check_slice(const Type *t, intptr_t len, intptr_t cap) GO("runtime.checkMakeSlice");
uintptr_t go_check_slice(const Type *t, intptr_t len, intptr_t cap) {
    uintptr_t bytes;
    if (unlikely(!array_bytes(t, cap, &bytes) || len < 0 || len > cap)) {
        if (!array_bytes(t, len, &bytes)) go_panic_slice_len();
        go_panic_slice_cap();
    }
    return bytes;
}

void *go_makeslice(const Type *t, intptr_t len, intptr_t cap) GO("runtime.makeslice");
void *go_makeslice(const Type *t, intptr_t len, intptr_t cap) { return array_alloc(t, go_check_slice(t, len, cap)); }
void *go_makeslice64(const Type *t, int64_t len, int64_t cap) GO("runtime.makeslice64");
void *go_makeslice64(const Type *t, int64_t len, int64_t cap) { return go_makeslice(t, len, cap); }

void *go_newarray(const Type *t, intptr_t n) GO("reflect.unsafe__NewArray");
void *go_newarray(const Type *t, intptr_t n) {
    uintptr_t bytes;
    if (!array_bytes(t, n, &bytes)) go_panic_plain("runtime: allocation size out of range");
    return array_alloc(t, bytes);
}

// What an allocation of `bytes` really gets: capacities use it up.
static uintptr_t rounded(uintptr_t bytes) {
    if (bytes == 0) return 0;
    if (bytes <= SMALL_MAX) return size_class_bytes(size_class(bytes));
    return (bytes + PAGE_SIZE - 1) & ~(uintptr_t)(PAGE_SIZE - 1);
}

GoSlice go_growslice(const Type *t, void *old, intptr_t len, intptr_t cap, intptr_t need) GO("runtime.growslice");
GoSlice go_growslice(const Type *t, void *old, intptr_t len, intptr_t cap, intptr_t need) {
    if (need < cap) go_panic_error("growslice: cap out of range");
    if (t->size == 0) return (GoSlice){zero_base, need, need};
    intptr_t want = need;
    if (need <= cap + cap) {
        if (cap < 256) {
            want = cap + cap;
        } else {
            want = cap;
            while (0 < want && want < need)
                want += (want + 3 * 256) / 4;
            if (want <= 0) want = need;
        }
    }
    uintptr_t bytes;
    if (!array_bytes(t, want, &bytes)) go_panic_error("growslice: cap out of range");
    bytes = rounded(bytes);
    want = (intptr_t)(bytes / t->size);
    void *p = heap_alloc(bytes, t->ptrdata ? t : NULL, 0);
    mem_move(p, old, (size_t)len * t->size);
    return (GoSlice){p, need, want};
}

static void unsafe_slice(const Type *t, const void *p, intptr_t n) {
    uintptr_t bytes;
    if (n < 0) go_panic_error("unsafe.Slice: len out of range");
    if (!array_bytes(t, n, &bytes) || bytes > -(uintptr_t)p) {
        if (!p) go_panic_error("unsafe.Slice: ptr is nil and len is not zero");
        go_panic_error("unsafe.Slice: len out of range");
    }
    if (!p && n > 0) go_panic_error("unsafe.Slice: ptr is nil and len is not zero");
}
void go_unsafeslice(const Type *t, const void *p, intptr_t n) GO("runtime.unsafeslice");
void go_unsafeslice(const Type *t, const void *p, intptr_t n) { unsafe_slice(t, p, n); }
void go_unsafeslice64(const Type *t, const void *p, int64_t n) GO("runtime.unsafeslice64");
void go_unsafeslice64(const Type *t, const void *p, int64_t n) { unsafe_slice(t, p, n); }

// ---- stores

// The store itself is as rt/cell.c's: a leaf that pushes nothing before it has touched the slot, so a fault is its caller's.
static __attribute__((noinline)) void shade_and_store(void **dst, void *src, void *old) {
    gc_shade_slow((uintptr_t)old);
    store_relaxed((_Atomic(void *) *)dst, src);
    RT_DOOR();
}
void go_barrier_store(void **dst, void *src) GO("runtime.gcWriteBarrier");
CELL_LEAF void go_barrier_store(void **dst, void *src) {
    if (unlikely(load_relaxed(&gc.barrier) != 0)) return shade_and_store(dst, src, *(void *volatile *)dst);
    store_relaxed((_Atomic(void *) *)dst, src);
    if (unlikely(load_relaxed(&p_self()->request) != 0)) rt_door_slow();
}

// Between shading and storing nobody may stop this core, so a long copy goes in pieces, each shaded by itself; requests are answered
// between them.
#define PIECE ((size_t)16 << 10)

static void move_piece(const Type *t, char *dst, const char *src, size_t bytes) {
    if (t->ptrdata) gc_shade_words(dst, bytes & ~(size_t)7);
    mem_move(dst, src, bytes);
}

static __attribute__((noinline)) void move_long(const Type *t, char *dst, const char *src, size_t bytes) {
    if (dst < src || dst >= src + bytes) {
        for (size_t at = 0; at < bytes; at += PIECE) {
            move_piece(t, dst + at, src + at, bytes - at < PIECE ? bytes - at : PIECE);
            RT_DOOR();
        }
    } else { // overlapping upwards: from the end
        for (size_t left = bytes; left > 0;) {
            size_t n = left % PIECE ? left % PIECE : PIECE;
            left -= n;
            move_piece(t, dst + left, src + left, n);
            RT_DOOR();
        }
    }
}

void go_move(const Type *t, void *dst, const void *src, size_t bytes) {
    if (dst == src || bytes == 0) return;
    go_check_nil(dst);
    go_check_nil(src);
    if (likely(bytes <= PIECE)) move_piece(t, dst, src, bytes);
    else move_long(t, dst, src, bytes);
}

void go_typedmemmove(const Type *t, void *dst, const void *src) GO("runtime.typedmemmove");
void go_typedmemmove(const Type *t, void *dst, const void *src) {
    go_move(t, dst, src, t->size);
    RT_DOOR();
}
void go_typedmemmove_reflect(const Type *t, void *dst, const void *src) GO("reflect.typedmemmove");
void go_typedmemmove_reflect(const Type *t, void *dst, const void *src) { go_typedmemmove(t, dst, src); }
void go_typedmemmove_reflectlite(const Type *t, void *dst, const void *src) GO("internal_1reflectlite.typedmemmove");
void go_typedmemmove_reflectlite(const Type *t, void *dst, const void *src) { go_typedmemmove(t, dst, src); }

intptr_t go_typedslicecopy(const Type *t, void *dst, intptr_t dst_n, const void *src, intptr_t src_n) GO("runtime.typedslicecopy");
intptr_t go_typedslicecopy(const Type *t, void *dst, intptr_t dst_n, const void *src, intptr_t src_n) {
    intptr_t n = dst_n < src_n ? dst_n : src_n;
    if (n > 0) go_move(t, dst, src, (size_t)n * t->size);
    RT_DOOR();
    return n;
}
intptr_t go_typedslicecopy_reflect(const Type *t, GoSlice dst, GoSlice src) GO("reflect.typedslicecopy");
intptr_t go_typedslicecopy_reflect(const Type *t, GoSlice dst, GoSlice src) {
    return go_typedslicecopy(t, dst.p, dst.len, src.p, src.len);
}

void go_clear_words(void *p, size_t bytes, bool pointers) {
    if (bytes == 0) return;
    go_check_nil(p);
    for (char *at = p, *end = at + bytes; at < end;) {
        size_t n = (size_t)(end - at) < PIECE ? (size_t)(end - at) : PIECE;
        if (pointers) gc_shade_words(at, n & ~(size_t)7);
        mem_set(at, 0, n);
        at += n;
        if (at < end) RT_DOOR();
    }
}
void go_memclr(void *p, uintptr_t bytes) GO("runtime.memclrHasPointers");
void go_memclr(void *p, uintptr_t bytes) {
    go_clear_words(p, bytes, true);
    RT_DOOR();
}
void go_typedmemclr(const Type *t, void *p) GO("reflect.typedmemclr");
void go_typedmemclr(const Type *t, void *p) {
    go_clear_words(p, t->size, t->ptrdata != 0);
    RT_DOOR();
}
void go_typedmemclr_partial(const Type *t, void *p, uintptr_t off, uintptr_t size) GO("reflect.typedmemclrpartial");
void go_typedmemclr_partial(const Type *t, void *p, uintptr_t off, uintptr_t size) {
    go_clear_words(p, size, t->ptrdata != 0);
    RT_DOOR();
}
void go_memmove_reflect(void *dst, const void *src, uintptr_t n) GO("reflect.memmove");
void go_memmove_reflect(void *dst, const void *src, uintptr_t n) {
    mem_move(dst, src, n);
    RT_DOOR();
}

// ---- sync/atomic's pointers: the store is an atomic operation, the barrier is the same
void go_atomic_store(void **p, void *v) GO("sync_1atomic.StorePointer");
void go_atomic_store(void **p, void *v) {
    go_check_nil(p);
    gc_shade(__atomic_exchange_n(p, v, __ATOMIC_SEQ_CST));
    RT_DOOR();
}
void *go_atomic_swap(void **p, void *v) GO("sync_1atomic.SwapPointer");
void *go_atomic_swap(void **p, void *v) {
    go_check_nil(p);
    void *old = __atomic_exchange_n(p, v, __ATOMIC_SEQ_CST);
    gc_shade(old);
    RT_DOOR();
    return old;
}
bool go_atomic_cas(void **p, void *old, void *v) GO("sync_1atomic.CompareAndSwapPointer");
bool go_atomic_cas(void **p, void *old, void *v) {
    go_check_nil(p);
    void *expected = old;
    bool done = __atomic_compare_exchange_n(p, &expected, v, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
    if (done) gc_shade(old);
    RT_DOOR();
    return done;
}

void go_keep_alive(Any v) GO("runtime.KeepAlive");
void go_keep_alive(Any v) {}
// Go's own test for a value that is said to be no pointer into the heap.
bool go_verify_not_in_heap(uintptr_t p) GO("reflect.verifyNotInHeapPtr");
bool go_verify_not_in_heap(uintptr_t p) {
    const Span *s = span_of(p);
    return !s || s->kind == SPAN_FREE;
}
