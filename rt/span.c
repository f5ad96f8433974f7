// span.c -- spans: getting pages and a record, cutting them into slots, giving them back.
//
// Layout of a span's pages: slots from base on, all of one size; then, at the end, the pointer bits (SPAN_BITS) or the table of types
// (SPAN_TYPED with more than SPAN_FEW slots). No headers: slots keep the alignment of their class.
//
// When memory is scattered, small slots make do with a single page; larger ones, and large objects, get frames that are mapped
// together. A goroutine that must stay on its core (gc_must_stay) cannot wait for a collection: when nothing else is left it gets pages of the reserve.
//
// Locks: all_lock (RANK_HEAP, no other of that rank is held with it) guards the list of all spans.
#include "alloc.h"

static Lock all_lock = LOCK_INIT(RANK_HEAP);
static Span *all_spans;
static RecPool span_pool = REC_POOL(sizeof(Span));

#define SINGLE_PAGE_SLOT_MAX 1024u

// Pages for slots of class c; *n: how many.
static void *pages_get(unsigned c, size_t *n) {
    *n = size_class_pages(c);
    void *p = pageheap_alloc(&page_heap, *n, page_near());
    if (p) return p;
    if (size_class_bytes(c) <= SINGLE_PAGE_SLOT_MAX && (p = page_alloc(1))) {
        *n = 1;
        return p;
    }
    p = page_alloc_large(*n);
    return p || !gc_must_stay() ? p : page_alloc_reserve(*n);
}

// A record over the pages, which it takes, or gives back when there is no memory for it.
static Span *span_make(void *base, size_t pages, SpanKind kind) {
    Span *s = base ? rec_alloc(&span_pool) : NULL;
    if (!s) {
        if (base) page_free_large(base, pages);
        return NULL;
    }
    *s = (Span){.base = (uintptr_t)base, .pages = pages, .at = (uintptr_t)base, .kind = kind, .sweep_gen = heap.sweep_gen};
    return s;
}

// Lets it be found by its addresses. False: no memory, everything is given back.
static bool span_enter(Span *s) {
    if (!span_map_set(s->base, s->pages, s)) {
        page_free_large((void *)s->base, s->pages);
        s->kind = SPAN_FREE;
        rec_free(&span_pool, s);
        return false;
    }
    fetch_add(&heap.span_bytes, s->pages * PAGE_SIZE);
    return true;
}

static size_t bits_bytes(size_t slots, size_t slot_bytes) {
    return (slots * slot_bytes / 8 + 63) / 64 * 8;
}

// As many slots as fit with what describes them.
static void span_layout(Span *s, size_t slot_bytes) {
    size_t bytes = s->pages * PAGE_SIZE, n = bytes / slot_bytes;
    if (s->kind == SPAN_BITS) {
        n = bytes * 64 / (slot_bytes * 65) + 1;
        while (n * slot_bytes + bits_bytes(n, slot_bytes) > bytes)
            n--;
        s->ptr_bits = (uint64_t *)(s->base + bytes - bits_bytes(n, slot_bytes));
        s->slot_ones = ~0ull >> (64 - slot_bytes / 8);
    } else if (s->kind == SPAN_TYPED) {
        s->types = s->few;
        if (n > SPAN_FEW) {
            n = bytes / (slot_bytes + sizeof(Type *));
            s->types = (const Type **)(s->base + n * slot_bytes);
            __builtin_memset(s->types, 0, n * sizeof(Type *));
        }
    }
    s->slots = (uint32_t)n;
    s->slot_bytes = slot_bytes;
    s->magic = (uint32_t)(((1ull << 32) + slot_bytes - 1) / slot_bytes);
}

Span *span_new(unsigned class, bool noscan) {
    size_t pages;
    void *base = pages_get(class, &pages);
    Span *s = span_make(base, pages, noscan ? SPAN_NOSCAN : class < BITS_CLASSES ? SPAN_BITS : SPAN_TYPED);
    if (!s) return NULL;
    s->class_index = (uint8_t)class;
    span_layout(s, size_class_bytes(class));
    if (gc.poison) {
        s->poisoned = true;
        for (uint32_t i = 0; i < s->slots; i++)
            span_fill_poison(s, i);
    }
    if (!span_enter(s)) return NULL;
    span_publish(s);
    return s;
}

Span *span_new_large(size_t bytes, const Type *t) {
    size_t pages = (bytes + PAGE_SIZE - 1) / PAGE_SIZE;
    void *base = page_alloc_large(pages);
    if (!base && gc_must_stay()) base = page_alloc_reserve(pages);
    Span *s = span_make(base, pages, t ? SPAN_TYPED : SPAN_NOSCAN);
    if (!s) return NULL;
    s->class_index = SIZE_CLASSES;
    s->slots = 1;
    s->slot_bytes = pages * PAGE_SIZE;
    s->types = t ? s->few : NULL;
    s->few[0] = t;
    return span_enter(s) ? s : NULL;
}

void span_publish(Span *s) {
    fetch_add(&heap.published_bytes, s->pages * PAGE_SIZE);
    lock_acquire(&all_lock);
    s->all_prev = NULL;
    s->all_next = all_spans;
    if (all_spans) all_spans->all_prev = s;
    all_spans = s;
    lock_release(&all_lock);
}

void span_free(Span *s) {
    lock_acquire(&all_lock);
    if (s->all_next) s->all_next->all_prev = s->all_prev;
    *(s->all_prev ? &s->all_prev->all_next : &all_spans) = s->all_next;
    lock_release(&all_lock);
    span_map_set(s->base, s->pages, NULL);
    uint64_t bytes = s->pages * PAGE_SIZE;
    fetch_add(&heap.published_bytes, -bytes);
    fetch_add(&heap.span_bytes, -bytes);
    page_free_large((void *)s->base, s->pages);
    s->kind = SPAN_FREE;
    rec_free(&span_pool, s);
}

void heap_for_each_span(void (*fn)(Span *s, void *arg), void *arg) {
    for (Span *s = all_spans, *next; s; s = next) {
        next = s->all_next;
        fn(s, arg);
    }
}

RecordBytes heap_records(void) {
    return rec_bytes(&span_pool);
}
