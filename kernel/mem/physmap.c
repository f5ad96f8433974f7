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

static bool append(MemSpan *out, size_t *n, size_t capacity, uint64_t lo, uint64_t hi, uint32_t type) {
    if (*n && out[*n - 1].hi == lo && out[*n - 1].type == type) {
        out[*n - 1].hi = hi;
        return true;
    }
    if (*n == capacity) return false;
    out[(*n)++] = (MemSpan){lo, hi, (MemType)type};
    return true;
}

// Usable memory counts in whole pages. Returns the new number of spans.
static size_t align_ram(MemSpan *spans, size_t n) {
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        MemSpan s = spans[i];
        if (s.type == MEM_USABLE || s.type == MEM_BOOT) {
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

    size_t n = 0;
    uint64_t dropped = 0;
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
        if (c.type && !append(out, &n, capacity, at, c.border, c.type)) dropped += c.border - at;
        at = c.border;
    }
    if (complaints > MAX_COMPLAINTS) say("memory map: %u more complaints\n", complaints - MAX_COMPLAINTS);
    if (dropped) say("memory map: too fragmented; %lu KiB are not used\n", (unsigned long)(dropped >> 10));
    return align_ram(out, n);
}
