// physmap.c -- firmware's memory map made clean: sorted, disjoint, merged, aligned.
//
// A sweep: the addresses at which any range begins or ends cut memory into intervals; each interval gets the
// worst type that covers it. Quadratic in the number of ranges, of which there are tens, seldom hundreds.
#include "kernel/mem/physmap.h"

#define MAX_COMPLAINTS 8u

// Lower is better. An overlap is resolved to the worse claim: memory wrongly left out costs bytes, memory
// wrongly used costs the machine.
static unsigned badness(uint32_t type) {
    switch (type) {
    case MEM_USABLE:
        return 1;
    case MEM_BOOT:
        return 2;
    case MEM_IMAGE:
        return 3;
    case MEM_ACPI:
        return 4;
    case MEM_EFI_RUNTIME:
        return 5;
    default:
        return 6;
    }
}

static const char *type_name(uint32_t type) {
    static const char *const names[] = {"",     "usable",   "boot data",  "image",
                                        "ACPI", "reserved", "EFI runtime"};
    return type >= MEM_USABLE && type <= MEM_EFI_RUNTIME ? names[type] : "of unknown type";
}

static uint64_t range_end(const MemRange *r) {
    return r->bytes > UINT64_MAX - r->base ? UINT64_MAX : r->base + r->bytes;
}

static void sort_by_base(MemRange *r, size_t n) {
    for (size_t i = 1; i < n; i++) { // insertion: firmware's order is nearly sorted
        MemRange x = r[i];
        size_t j = i;
        for (; j > 0 && r[j - 1].base > x.base; j--)
            r[j] = r[j - 1];
        r[j] = x;
    }
}

// What single ranges may have wrong. Returns how many complaints were made.
static unsigned check_ranges(const PhysMapInput *in, PhysMapSay say) {
    unsigned complaints = 0;
    for (size_t i = 0; i < in->count; i++) {
        MemRange *r = &in->ranges[i];
        const char *what = NULL;
        if (r->bytes == 0) continue;
        if (r->bytes > UINT64_MAX - r->base)
            what = "ends beyond 2^64";
        else if (r->type < MEM_USABLE || r->type > MEM_EFI_RUNTIME)
            what = "taken as reserved";
        else if (r->type == MEM_USABLE && range_end(r) > in->limit)
            what = "is beyond what this CPU can address; the rest is not used";
        if (r->type < MEM_USABLE || r->type > MEM_EFI_RUNTIME) r->type = MEM_RESERVED;
        if (what && complaints++ < MAX_COMPLAINTS)
            say("memory map: 0x%lx + 0x%lx bytes, %s: %s\n", (unsigned long)r->base, (unsigned long)r->bytes,
                type_name(r->type), what);
    }
    return complaints;
}

typedef struct {
    uint64_t border; // the next address at which the covering set changes
    uint32_t type;   // worst type here; 0: nobody claims it
    uint32_t other;  // the best of the rest, 0: only one claim
} Cover;

static Cover cover_at(const PhysMapInput *in, uint64_t at) {
    Cover c = {UINT64_MAX, 0, 0};
    for (size_t i = 0; i < in->count; i++) {
        const MemRange *r = &in->ranges[i];
        uint64_t end = range_end(r);
        if (r->base > at) { // sorted: all others begin later still
            if (r->base < c.border) c.border = r->base;
            break;
        }
        if (end <= at) continue;
        if (end < c.border) c.border = end;
        if (!c.type) {
            c.type = r->type;
            continue;
        }
        c.other = badness(r->type) < badness(c.type) ? r->type : c.type;
        if (badness(r->type) > badness(c.type)) c.type = r->type;
    }
    return c;
}

static bool is_ram(uint32_t type) {
    return type == MEM_USABLE || type == MEM_BOOT;
}

typedef struct {
    MemSpan *span;
    size_t n, capacity;
    uint64_t dropped; // bytes of RAM
} SpanList;

// Takes out the span that is missed least; false: none is missed less than s. What is reserved is not missed
// at all: an address without a span counts as that.
static bool make_room(SpanList *l, const MemSpan *s) {
    size_t least = l->n;
    uint64_t least_bytes = is_ram(s->type) ? s->hi - s->lo : UINT64_MAX;
    for (size_t i = 0; i < l->n; i++) {
        const MemSpan *x = &l->span[i];
        uint64_t bytes = is_ram(x->type) ? x->hi - x->lo : x->type == MEM_RESERVED ? 0 : UINT64_MAX;
        if (bytes >= least_bytes) continue;
        least = i;
        least_bytes = bytes;
    }
    if (least == l->n) return false;
    l->dropped += least_bytes;
    l->n--;
    for (size_t i = least; i < l->n; i++)
        l->span[i] = l->span[i + 1];
    return true;
}

static void append(SpanList *l, MemSpan s) {
    if (l->n && l->span[l->n - 1].hi == s.lo && l->span[l->n - 1].type == s.type) {
        l->span[l->n - 1].hi = s.hi;
        return;
    }
    if (l->n == l->capacity && (s.type == MEM_RESERVED || !make_room(l, &s))) {
        if (is_ram(s.type)) l->dropped += s.hi - s.lo;
        return;
    }
    l->span[l->n++] = s;
}

// Usable memory counts in whole pages. Returns the new number of spans.
static size_t align_ram(MemSpan *spans, size_t n) {
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        MemSpan s = spans[i];
        if (is_ram(s.type)) {
            s.lo = (s.lo + PAGE_SIZE - 1) & ~(uint64_t)(PAGE_SIZE - 1);
            s.hi &= ~(uint64_t)(PAGE_SIZE - 1);
            if (s.lo >= s.hi) continue;
        }
        spans[kept++] = s;
    }
    return kept;
}

size_t physmap_clean(const PhysMapInput *in, MemSpan *out, size_t capacity, PhysMapSay say) {
    unsigned complaints = check_ranges(in, say);
    sort_by_base(in->ranges, in->count);

    SpanList list = {.span = out, .capacity = capacity};
    for (uint64_t at = 0; at < in->limit;) {
        Cover c = cover_at(in, at);
        if (at < in->image_lo && in->image_lo < c.border) c.border = in->image_lo;
        if (at >= in->image_lo && at < in->image_hi) {
            if (in->image_hi < c.border) c.border = in->image_hi;
            if (c.type != MEM_USABLE && c.type != MEM_BOOT && c.type != MEM_IMAGE &&
                complaints++ < MAX_COMPLAINTS)
                say("memory map: 0x%lx-0x%lx holds the image, but is called %s\n", (unsigned long)at,
                    (unsigned long)c.border, c.type ? type_name(c.type) : "nothing");
            c.type = MEM_IMAGE;
        } else if (c.other && complaints++ < MAX_COMPLAINTS) {
            say("memory map: 0x%lx-0x%lx is claimed twice, as %s and as %s; taken as %s\n", (unsigned long)at,
                (unsigned long)c.border, type_name(c.other), type_name(c.type), type_name(c.type));
        }
        if (c.border > in->limit) c.border = in->limit;
        if (c.type) append(&list, (MemSpan){at, c.border, (MemType)c.type});
        at = c.border;
    }
    if (complaints > MAX_COMPLAINTS) say("memory map: %u more complaints\n", complaints - MAX_COMPLAINTS);
    if (list.dropped)
        say("memory map: too fragmented; %lu KiB are not used\n", (unsigned long)(list.dropped >> 10));
    return align_ram(out, list.n);
}
