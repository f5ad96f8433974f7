// page_large.c -- large objects: contiguous in address even when free memory is scattered.
//
// A run of n pages is used as it is. When none is long enough, single free frames are gathered, lowest first,
// and plat_vmap gives them consecutive addresses. So what small use leaves over, in whatever order it was
// freed, can serve a large request as long as there are enough pages. A mapped object is recognised by its
// address: it lies in no zone.
//
// The list of frames must itself be contiguous: 1 GB needs a list of 2 MB, and in scattered memory no such
// run exists either. So the list comes from page_alloc_large again; each level is 512 times smaller, three
// levels reach 128 TB.
//
// Locks: none held here; the zones' lock is taken for at most 2 MB of frames at a time.
#include "page.h"
#include "core.h"

static void *gather(size_t n) {
    size_t list_pages = (n * sizeof(void *) + PAGE_SIZE - 1) / PAGE_SIZE;
    // As many page tables are needed as list pages, and a few above them.
    size_t want = n + 2 * list_pages + 8 + page_heap.reserve;
    if (load_relaxed(&page_heap.free) < want) return NULL; // a hint, unlocked: saves gathering in vain

    void **list = page_alloc_large(list_pages);
    if (!list) return NULL;
    size_t have = 0, k = 1;
    for (; have < n && k > 0; have += k)
        k = pageheap_take(&page_heap, list + have, n - have, 0);
    void *at = have == n ? plat_vmap(list, n) : NULL;
    if (!at) {
        for (size_t i = 0; i < have; i += k) {
            k = have - i < CHUNK_PAGES ? have - i : CHUNK_PAGES;
            pageheap_give(&page_heap, list + i, k);
        }
    }
    page_free_large(list, list_pages);
    return at;
}

static void *run_or_gather(size_t n) {
    void *p = pageheap_alloc(&page_heap, n, 0);
    return p ? p : gather(n);
}

void *page_alloc_large(size_t n) {
    if (n == 1) return page_alloc(1);
    if (n == 0 || n > page_heap.total) return NULL;
    void *p = run_or_gather(n);
    return p || !page_make_room() ? p : run_or_gather(n);
}

void page_free_large(void *p, size_t n) {
    if (page_is_direct(p))
        page_free(p, n);
    else
        plat_vunmap(p, n);
}
