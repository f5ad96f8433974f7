// alloc.c -- heap_alloc: zeroed, typed objects. The story of the structures is told in heap.h.
//
// The fast path runs on the goroutine's stack, of which little may be left, and needs no lock: the P's span
// has a free slot. Everything else happens on the system stack. Both are rt text, so the core stays the same
// and is not preempted, and a OldCache has one user at a time.
//
// Large objects are zeroed in pieces, on the goroutine's stack, and answer requests in between: a gigabyte
// takes long enough for others to notice. The object is not published before that.
//
// Locks: heap_lock (RANK_HEAP) guards the list of spans and the list of caches.
#include "core.h"
#include "heap_old.h"

#define FAST_MAX   256u // larger objects are allocated in alloc_slow: zeroing them costs more than the call
#define ZERO_PIECE (256u << 10)

static OldCache old_caches[PLAT_MAX_CPUS];

static Lock heap_lock = LOCK_INIT(RANK_HEAP);
static OldSpan *spans;       // all; by all_next
static OldSpan *mapped;      // large objects outside the zones; by all_next instead
static OldCache *caches; // registered, for ever
static RecPool span_pool = REC_POOL(sizeof(OldSpan));
static uint64_t zero_size[2]; // every object of size 0, as in Go

static inline OldCache *cache_self(void) {
    return &old_caches[p_self()->id];
}

_Noreturn void rt_oom(size_t size) {
    PageStats s = page_stats();
    rt_printf("runtime: out of memory: cannot allocate %lu-byte block (%lu bytes in use, %lu free, largest "
              "run %lu)\n",
              (unsigned long)size, (unsigned long)(s.total - s.free), (unsigned long)s.free,
              (unsigned long)s.largest);
    rt_fatal("out of memory");
}

// ---- spans

static void span_publish(OldSpan *s) {
    OldSpan **list = page_is_direct((void *)s->base) ? &spans : &mapped;
    lock_acquire(&heap_lock);
    s->all_next = *list;
    *list = s;
    lock_release(&heap_lock);
}

// A span over pages at base; takes them over, or gives them back when there is no memory for the record.
static OldSpan *span_new(void *base, size_t pages, size_t slot_bytes, bool noscan) {
    OldSpan *s = base ? rec_alloc(&span_pool) : NULL;
    if (!s) {
        if (base) page_free_large(base, pages);
        return NULL;
    }
    *s = (OldSpan){
        .base = (uintptr_t)base, .slot_bytes = slot_bytes, .pages = pages, .types = noscan ? NULL : s->few};
    if (page_is_direct(base) && !page_owner_set(base, pages, s)) {
        rec_free(&span_pool, s);
        page_free_large(base, pages);
        return NULL;
    }
    return s;
}

static OldSpan *span_small(unsigned class, bool noscan) {
    size_t pages = size_class_pages(class), bytes = pages * PAGE_SIZE;
    OldSpan *s = span_new(page_alloc_large(pages), pages, size_class_bytes(class), noscan);
    if (!s) return NULL;
    s->slots = (uint32_t)(bytes / s->slot_bytes);
    if (!noscan && s->slots > SPAN_FEW) {
        s->slots = (uint32_t)(bytes / (s->slot_bytes + sizeof(Type *)));
        s->types = (const Type **)(s->base + s->slots * s->slot_bytes);
    }
    span_publish(s);
    return s;
}

// ---- allocation

static inline void zero_words(uint64_t *w, size_t bytes) {
    for (size_t i = 0; i < bytes / 8; i += 2)
        w[i] = w[i + 1] = 0;
}

// The next slot of the P's span; NULL: it is full, or there is none. fast: the class is small, and no
// function is called.
static inline void *slot_alloc(OldCache *c, unsigned class, const Type *t, bool fast) {
    OldSpan *s = c->span[t == NULL][class];
    if (unlikely(!s)) return NULL;
    uint32_t i = load_relaxed(&s->used);
    if (unlikely(i == s->slots)) return NULL;
    void *p = (void *)(s->base + i * s->slot_bytes);
    if (fast)
        zero_words(p, s->slot_bytes);
    else
        __builtin_memset(p, 0, s->slot_bytes);
    if (t) s->types[i] = t;
    store_release(&s->used, i + 1); // pairs with heap_find: a visible slot is zeroed and typed
    store_relaxed(&c->allocs, load_relaxed(&c->allocs) + 1);
    store_relaxed(&c->bytes, load_relaxed(&c->bytes) + s->slot_bytes);
    return p;
}

typedef struct AllocCall {
    size_t size;
    const Type *type;
    void *object;
    OldSpan *span; // large: not published yet
} AllocCall;

static void cache_register(OldCache *c) {
    if (c->known) return;
    c->known = true;
    lock_acquire(&heap_lock);
    c->next = caches;
    caches = c;
    lock_release(&heap_lock);
}

static void alloc_small_slow(void *arg) {
    AllocCall *a = arg;
    OldCache *c = cache_self();
    unsigned class = size_class(a->size);
    cache_register(c);
    OldSpan *s = span_small(class, a->type == NULL);
    if (!s) return;
    c->span[a->type == NULL][class] = s; // the full one stays in `spans`
    a->object = slot_alloc(c, class, a->type, false);
}

static void alloc_large(void *arg) {
    AllocCall *a = arg;
    OldCache *c = cache_self();
    cache_register(c);
    size_t pages = (a->size + PAGE_SIZE - 1) / PAGE_SIZE;
    OldSpan *s = span_new(page_alloc_large(pages), pages, a->size, a->type == NULL);
    if (!s) return;
    s->slots = 1;
    s->few[0] = a->type;
    a->object = (void *)s->base;
    a->span = s;
    store_relaxed(&c->allocs, load_relaxed(&c->allocs) + 1);
    store_relaxed(&c->bytes, load_relaxed(&c->bytes) + pages * PAGE_SIZE);
}

static void large_publish(void *arg) {
    AllocCall *a = arg;
    store_release(&a->span->used, 1); // pairs with heap_find
    span_publish(a->span);
}

static inline bool on_system_stack(void) {
    P *p = p_self();
    uintptr_t here = (uintptr_t)__builtin_frame_address(0);
    return here >= p->sys_lo && here < p->sys_sp;
}

static void zero_large(char *p, size_t bytes) {
    bool may_yield = !on_system_stack();
    while (bytes > ZERO_PIECE) {
        __builtin_memset(p, 0, ZERO_PIECE);
        p += ZERO_PIECE;
        bytes -= ZERO_PIECE;
        if (may_yield) RT_DOOR();
    }
    __builtin_memset(p, 0, bytes);
}

static void oom_call(void *arg) {
    rt_oom(((AllocCall *)arg)->size);
}

static __attribute__((noinline)) void *alloc_slow(size_t size, const Type *t, unsigned flags) {
    AllocCall a = {.size = size, .type = t};
    if (size == 0) return zero_size;
    if (size <= SMALL_MAX) {
        a.object = slot_alloc(cache_self(), size_class(size), t, false);
        if (!a.object) sys_call(alloc_small_slow, &a);
    } else if (size / PAGE_SIZE < page_heap.total) {
        sys_call(alloc_large, &a);
        if (a.object) {
            zero_large(a.object, a.span->pages * PAGE_SIZE);
            sys_call(large_publish, &a);
        }
    }
    if (!a.object && !(flags & ALLOC_NULL_OK)) sys_call(oom_call, &a);
    return a.object;
}

void *heap_alloc(size_t size, const Type *t, unsigned flags) {
    if (t && t->ptrdata == 0) t = NULL;
    if (likely(size - 1 < FAST_MAX)) {
        void *p = slot_alloc(cache_self(), size_class(size), t, true);
        if (likely(p != NULL)) return p;
    }
    return alloc_slow(size, t, flags);
}

// ---- looking at the heap

Heap heap;
Span *span_of(uintptr_t addr) { return NULL; }
static OldSpan *span_find(uintptr_t addr) {
    OldSpan *s = page_owner((void *)addr);
    if (s) return s;
    // Mapped objects are few and large: a list does until the collector wants better.
    lock_acquire(&heap_lock);
    for (s = mapped; s; s = s->all_next)
        if (addr - s->base < s->pages * PAGE_SIZE) break;
    lock_release(&heap_lock);
    return s;
}

bool heap_find(uintptr_t addr, HeapObject *out) {
    OldSpan *s = span_find(addr);
    if (!s) return false;
    size_t i = (addr - s->base) / s->slot_bytes;
    if (i >= load_acquire(&s->used)) return false; // pairs with slot_alloc and large_publish
    *out = (HeapObject){s->base + i * s->slot_bytes, s->slot_bytes, s->types ? s->types[i] : NULL, s->types != NULL};
    return true;
}

HeapStats heap_stats(void) {
    HeapStats h = {0, 0};
    lock_acquire(&heap_lock);
    for (OldCache *c = caches; c; c = c->next) {
        h.allocs += load_relaxed(&c->allocs);
        h.bytes += load_relaxed(&c->bytes);
    }
    lock_release(&heap_lock);
    return h;
}
