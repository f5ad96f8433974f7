// page_large.c -- large objects: contiguous in address even when free memory is scattered.
//
// A run of n pages is used as it is. When none is long enough, single free frames are gathered, lowest first,
// and plat_vmap gives them consecutive addresses. So what small use leaves over, in whatever order it was
// freed, can serve a large request as long as there are enough pages. A mapped object is recognised by its
// address: it lies in no zone.
//
// The list of frames must itself be contiguous: 1 GB needs a list of 2 MB, and in scattered memory no such
// run exists either. So a list may be gathered too, from a list that is 512 times smaller, and so on; four
// levels reach 256 TB, and the last list is a single page.
//
// Locks: none held here; the zones' lock is taken for at most 2 MB of frames at a time.
#include "page.h"
#include "core.h"
#include "inject.h"

#define PER_PAGE (PAGE_SIZE / sizeof(void *)) // frames that one page of a list names

// Maps n frames, wherever they are, together; list has room for n. NULL: not enough frames or page tables.
static void *map_scattered(void **list, size_t n) {
    size_t have = 0, k = 1;
    for (; have < n && k > 0; have += k)
        k = pageheap_take(&page_heap, list + have, n - have, page_near());
    void *at = have == n && !inject(INJECT_MAP) ? plat_vmap(list, n) : NULL;
    for (size_t i = 0; !at && i < have; i += CHUNK_PAGES) // give up: 2 MB under the lock at a time
        pageheap_give(&page_heap, list + i, have - i < CHUNK_PAGES ? have - i : CHUNK_PAGES);
    return at;
}

static void *gather(size_t n) {
    // As many page tables are needed as list pages, and a few above them. Unlocked: saves gathering in vain.
    if (load_relaxed(&page_heap.free) < n + 2 * (n / PER_PAGE) + 8 + page_heap.reserve) return NULL;

    // pages[i + 1]: length of the list for pages[i] frames. Down to a list that fits in a free run...
    size_t pages[8] = {n}, level = 0;
    void *at = NULL;
    while (!at && pages[level] > 1) {
        pages[level + 1] = (pages[level] + PER_PAGE - 1) / PER_PAGE;
        level++;
        at = pageheap_alloc(&page_heap, pages[level], page_near());
    }
    // ... and up again: each mapped list serves for the next larger one, the last is the object.
    for (; at && level > 0; level--) {
        void *list = at;
        at = map_scattered(list, pages[level - 1]);
        page_free_large(list, pages[level]);
    }
    return at;
}

static void *run_or_gather(size_t n) {
    void *p = pageheap_alloc(&page_heap, n, page_near());
    return p ? p : gather(n);
}

void *page_alloc_large(size_t n) {
    if (n == 1) return page_alloc(1);
    mem_check_open();
    if (n == 0 || n > page_heap.total || inject(INJECT_PAGES)) return NULL;
    void *p = run_or_gather(n);
    return p || !page_make_room() ? p : run_or_gather(n);
}

void page_free_large(void *p, size_t n) {
    if (page_is_direct(p))
        page_free(p, n);
    else
        plat_vunmap(p, n);
}
