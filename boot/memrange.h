// memrange.h -- fill and split a memory map; shared by the two ways in (boot/memmap.c, kernel/x86/pvh.c).
//
// Ranges stay in firmware's order and unmerged: the kernel judges what firmware said, not what we made of it.
// The one thing that firmware cannot know is where the image was placed, so that range is carved out of the
// one that holds it.
//
// A full table loses memory, never claims on it: the smallest usable ranges make room for larger ones and for
// whatever is reserved; what was left out is counted, and its memory goes unused. Entries may be kept free
// for carving, which makes two of one for each range that it cuts.
#pragma once
#include <stdbool.h>
#include "boot/bootinfo.h"

typedef struct {
    MemRange *ranges;
    uint32_t count, capacity;
    uint32_t lost;        // ranges that did not fit
    uint32_t lost_claims; // of these, such that are not usable: what they claim may seem to be free
    uint64_t lost_bytes;  // usable, in the others
    // For memmap_add: entries that it leaves free, and a place whose memory is not left out.
    uint32_t spare;
    uint64_t keep_base, keep_bytes;
} MemMap;

static inline uint64_t mem_end(uint64_t base, uint64_t bytes) {
    return bytes > UINT64_MAX - base ? UINT64_MAX : base + bytes;
}

static inline void memmap_lose(MemMap *map, const MemRange *range) {
    map->lost++;
    if (range->type == MEM_USABLE)
        map->lost_bytes += mem_end(range->base, range->bytes) - range->base;
    else
        map->lost_claims++;
}

// Inserts a range before index `at`. An empty one is left out.
static inline void memmap_insert(MemMap *map, uint32_t at, MemRange range) {
    if (range.bytes == 0) return;
    if (map->count == map->capacity) {
        memmap_lose(map, &range);
        return;
    }
    for (uint32_t i = map->count; i > at; i--)
        map->ranges[i] = map->ranges[i - 1];
    map->ranges[at] = range;
    map->count++;
}

// The smallest usable range that may be left out; map->count: none.
static inline uint32_t memmap_least(const MemMap *map) {
    uint32_t least = map->count;
    for (uint32_t i = 0; i < map->count; i++) {
        const MemRange *r = &map->ranges[i];
        if (r->type != MEM_USABLE) continue;
        if (r->base < mem_end(map->keep_base, map->keep_bytes) && mem_end(r->base, r->bytes) > map->keep_base)
            continue;
        if (least == map->count || r->bytes < map->ranges[least].bytes) least = i;
    }
    return least;
}

static inline void memmap_add(MemMap *map, MemRange range) {
    if (range.bytes && map->count + map->spare >= map->capacity) {
        uint32_t least = memmap_least(map);
        if (least == map->count || (range.type == MEM_USABLE && range.bytes <= map->ranges[least].bytes)) {
            memmap_lose(map, &range);
            return;
        }
        memmap_lose(map, &map->ranges[least]);
        map->count--;
        for (uint32_t i = least; i < map->count; i++)
            map->ranges[i] = map->ranges[i + 1];
    }
    memmap_insert(map, map->count, range);
}

// Turns what is of type `from` in [base, base + bytes) into type `to`. Returns how many bytes that was; those
// that the map names twice count twice.
static inline uint64_t memmap_carve(MemMap *map, uint64_t base, uint64_t bytes, MemType from, MemType to) {
    uint64_t end = mem_end(base, bytes), carved = 0;
    for (uint32_t i = 0; i < map->count; i++) {
        MemRange whole = map->ranges[i];
        uint64_t whole_end = mem_end(whole.base, whole.bytes);
        if (whole.type != (uint32_t)from || whole_end <= base || whole.base >= end) continue;

        MemRange head = whole, middle = whole, tail = whole;
        middle.base = whole.base > base ? whole.base : base;
        uint64_t middle_end = whole_end < end ? whole_end : end;
        middle.bytes = middle_end - middle.base;
        middle.type = (uint32_t)to;
        head.bytes = middle.base - whole.base;
        tail.base = middle_end;
        tail.bytes = whole_end - middle_end;

        map->ranges[i] = middle;
        memmap_insert(map, i + 1, tail);
        memmap_insert(map, i, head);
        carved += middle.bytes;
        if (head.bytes) i++; // the middle moved up; the tail is not in [base, end)
    }
    return carved;
}

// Is all of [base, base + bytes) of this type? Ranges may overlap and repeat.
static inline bool memmap_covers(const MemMap *map, uint64_t base, uint64_t bytes, MemType type) {
    uint64_t at = base, end = mem_end(base, bytes);
    for (bool moved = true; at < end && moved;) {
        moved = false;
        for (uint32_t i = 0; i < map->count; i++) {
            const MemRange *r = &map->ranges[i];
            if (r->type != (uint32_t)type || r->base > at || mem_end(r->base, r->bytes) <= at) continue;
            at = mem_end(r->base, r->bytes);
            moved = true;
        }
    }
    return at >= end;
}
