// frame.c -- physical memory from firmware's word to the page allocator.
//
// Firmware's map is input from outside: unsorted, overlapping, unaligned, with types of its own. It is turned
// once into spans: sorted, disjoint, merged, page aligned where they are RAM. Where two claims overlap the
// worse one holds and a message says so; the image's place is known and beats every claim (physmap.c).
//
// What is called usable is tried before anything is put there (ramtest.c): below 4 GiB at once, above when it
// is mapped.
//
// Then frames have three lives:
//   1. frame_alloc takes them from the bottom of usable spans, below 4 GiB first (page tables must be
//   reachable
//      by an AP in 32-bit mode, and before paging_init only 4 GiB are mapped);
//   2. frame_handover gives all that is left, boot memory included, to the runtime's page allocator: from now
//      on the only owner;
//   3. frame_alloc then asks the page allocator like everybody else.
// The first megabyte is never handed out, as in Linux: firmware was seen to write there. The AP trampoline
// takes a page of it.
//
// Locks: none. Everything that writes runs on the boot core before rt_main; the spans are constant after
// frame_init.
#include "kernel/kernel.h"
#include "kernel/mem/layout.h"
#include "kernel/mem/physmap.h"
#include "kernel/mem/ramtest.h"
#include "kernel/numa.h"
#include "rt/mem.h"

#define MAX_SPANS 512u

static MemSpan spans[MAX_SPANS];
static uint64_t span_free[MAX_SPANS]; // usable spans: first frame not yet taken by frame_alloc
static size_t span_count;
static bool handed_over;

static bool span_is_ram(const MemSpan *s) {
    return s->type == MEM_USABLE || s->type == MEM_BOOT || s->type == MEM_IMAGE;
}

// Leaves out what is no memory, of usable spans within [from, to). Boot spans are in use, page tables
// and stack among it, and so were tried by firmware.
static void leave_out_missing(uint64_t from, uint64_t to) {
    for (size_t i = 0; i < span_count; i++) {
        MemSpan *s = &spans[i];
        uint64_t lo = span_free[i] < from ? from : span_free[i], hi = s->hi < to ? s->hi : to;
        if (s->type != MEM_USABLE || lo >= hi) continue;
        uint64_t end = ram_end(lo, hi);
        if (end == hi) continue;
        rt_printf("memory map: 0x%lx-0x%lx is called usable, but no memory is there; left out\n",
                  (unsigned long)end, (unsigned long)s->hi);
        if (end == s->lo)
            s->type = MEM_RESERVED;
        else
            s->hi = end;
    }
}

void frame_check_high(void) {
    leave_out_missing(1ull << 32, UINT64_MAX);
}

void frame_init(const BootInfo *bi) {
    if (bi->mem_lost)
        rt_printf("memory map: firmware gave %u ranges too many; %lu KiB are not used\n", bi->mem_lost,
                  (unsigned long)(bi->mem_lost_bytes >> 10));
    unsigned bits = cpu_features.phys_bits;
    uint64_t limit = bits < 46 ? 1ull << bits : DIRECT_BYTES;
    PhysMapInput in = {.ranges = phys_to_virt(bi->mem_map),
                       .count = bi->mem_count,
                       .limit = limit,
                       .image_lo = bi->image_phys,
                       .image_hi = bi->image_phys + bi->image_bytes};
    span_count = physmap_clean(&in, spans, MAX_SPANS, rt_printf);
    for (size_t i = 0; i < span_count; i++)
        span_free[i] = spans[i].lo;
    leave_out_missing(LOW_LIMIT, 1ull << 32);
    if (frame_ram_bytes() <= bi->image_bytes) kernel_throw("the firmware's memory map has no usable memory");
}

const MemSpan *frame_spans(size_t *count) {
    *count = span_count;
    return spans;
}

uint64_t frame_ram_bytes(void) {
    uint64_t bytes = 0;
    for (size_t i = 0; i < span_count; i++)
        if (span_is_ram(&spans[i])) bytes += spans[i].hi - spans[i].lo;
    return bytes;
}

static const MemSpan *span_find(uint64_t phys) {
    size_t lo = 0, hi = span_count; // the span, if any, has index in [lo, hi)
    while (lo < hi) {
        size_t mid = (lo + hi) / 2;
        if (phys < spans[mid].lo)
            hi = mid;
        else if (phys >= spans[mid].hi)
            lo = mid + 1;
        else
            return &spans[mid];
    }
    return NULL;
}

MemType phys_type(uint64_t phys) {
    const MemSpan *s = span_find(phys);
    return s ? s->type : MEM_RESERVED;
}

bool phys_is_ram(uint64_t phys) {
    const MemSpan *s = span_find(phys);
    return s && span_is_ram(s);
}

uint64_t frame_low_page(void) {
    for (size_t i = 0; i < span_count; i++) {
        const MemSpan *s = &spans[i];
        if (s->type != MEM_USABLE && s->type != MEM_BOOT) continue;
        uint64_t lo = s->lo < 0x1000 ? 0x1000 : s->lo, hi = s->hi < 0xa0000 ? s->hi : 0xa0000;
        if (lo + PAGE_SIZE <= hi)
            return hi - PAGE_SIZE; // high in the span: firmware's habits live at the bottom
    }
    return 0;
}

static void frame_zero(void *p, size_t n) {
    size_t words = n * PAGE_SIZE / 8;
    __asm__ volatile("rep stosq" : "+D"(p), "+c"(words) : "a"(0) : "memory");
}

static uint64_t take_early(size_t n, uint64_t below) {
    for (size_t i = 0; i < span_count; i++) {
        uint64_t lo = span_free[i] < LOW_LIMIT ? LOW_LIMIT : span_free[i];
        uint64_t hi = spans[i].hi < below ? spans[i].hi : below;
        if (spans[i].type != MEM_USABLE || lo >= hi || (hi - lo) / PAGE_SIZE < n) continue;
        span_free[i] = lo + n * PAGE_SIZE;
        return lo;
    }
    return 0;
}

uint64_t frame_alloc(size_t n) {
    uint64_t phys;
    if (handed_over) {
        void *p = page_alloc(n);
        phys = p ? virt_to_phys(p) : 0;
    } else {
        phys = take_early(n, 1ull << 32);
        if (!phys && paging_is_final()) phys = take_early(n, UINT64_MAX);
    }
    if (phys) frame_zero(phys_to_virt(phys), n);
    return phys;
}

// The end of what begins at lo and belongs to one node, in whole pages; at most hi.
static uint64_t piece_end(uint64_t lo, uint64_t hi, int *node) {
    uint64_t end, next;
    *node = numa_node_of_memory(lo, &end);
    for (; end < hi && numa_node_of_memory(end, &next) == *node; end = next) {
    }
    if (end >= hi) return hi;
    end &= ~(uint64_t)(PAGE_SIZE - 1);
    return end > lo ? end : lo + PAGE_SIZE; // a node that begins within a page
}

static unsigned piece_count(uint64_t lo, uint64_t hi) {
    unsigned n = 0;
    for (int node; lo < hi; lo = piece_end(lo, hi, &node))
        n++;
    return n;
}

// A range in pieces, cut where the node changes. Returns the bytes that were too few or too many to use.
static size_t hand_over(uint64_t lo, uint64_t hi) {
    size_t lost = 0;
    int node;
    for (uint64_t end; lo < hi; lo = end) {
        end = piece_end(lo, hi, &node);
        if (!rt_mem_add(DIRECT_BASE + lo, DIRECT_BASE + end, node)) lost += end - lo;
    }
    return lost;
}

// The next range for the page allocator from span *i on: usable and boot spans that touch are one, it pays
// metadata per range. False: there is none.
static bool next_range(size_t *i, uint64_t *lo, uint64_t *hi) {
    while (*i < span_count) {
        const MemSpan *s = &spans[*i];
        if (s->type != MEM_USABLE && s->type != MEM_BOOT) {
            ++*i;
            continue;
        }
        *lo = s->type == MEM_USABLE ? span_free[*i] : s->lo;
        *hi = s->hi;
        for (++*i; *i < span_count && spans[*i].lo == *hi; ++*i) {
            s = &spans[*i];
            if (s->type != MEM_BOOT && !(s->type == MEM_USABLE && span_free[*i] == *hi)) break;
            *hi = s->hi;
        }
        if (*lo < LOW_LIMIT) *lo = LOW_LIMIT;
        if (*lo < *hi) return true;
    }
    return false;
}

// A table that cuts memory into more pieces than the page allocator takes would cost the rest of it; all of
// it on one node costs time alone.
static void check_nodes(void) {
    uint64_t lo, hi;
    unsigned ranges = 0, pieces = 0;
    for (size_t i = 0; next_range(&i, &lo, &hi); ranges++)
        pieces += piece_count(lo, hi);
    if (pieces <= RT_MEM_RANGES_MAX || pieces == ranges) return;
    rt_printf("acpi: the SRAT cuts memory into %u pieces, more than %d: its nodes are not told apart\n",
              pieces, RT_MEM_RANGES_MAX);
    numa_forget();
}

// The page allocator takes so many ranges and no more: the larger ones first, by powers of two.
void frame_handover(void) {
    size_t lost = 0;
    uint64_t lo, hi;
    check_nodes();
    handed_over = true;
    for (unsigned shift = 63; shift-- > 0;)
        for (size_t i = 0; next_range(&i, &lo, &hi);)
            if ((hi - lo) >> shift == 1) lost += hand_over(lo, hi);
    if (lost >= 1 << 20)
        rt_printf("memory: %lu KiB in ranges too small or too many to use\n", (unsigned long)(lost >> 10));
}
