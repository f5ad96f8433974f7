// place.c -- see api/place.h. Reads what only changes for addresses that the caller does not own.
#include "place.h"
#include "heap.h"
#include "sched.h"

extern const char __image_start[] __attribute__((weak)), __image_end[] __attribute__((weak)); // boot/image.ld
extern const char __executable_start[] __attribute__((weak)), _end[] __attribute__((weak));   // hosted: the linker's own
bool in_image(uintptr_t addr) {
    return (addr >= (uintptr_t)__image_start && addr < (uintptr_t)__image_end) ||
           (addr >= (uintptr_t)__executable_start && addr < (uintptr_t)_end);
}

static bool in_heap(uintptr_t addr, Place *at) {
    const Span *s = span_of(addr);
    if (!s || s->kind == SPAN_FREE || addr < s->base) return false;
    uint32_t slot = span_slot(s, addr);
    if (slot >= s->slots || !span_is_object(s, slot)) return false;
    *at = (Place){PLACE_HEAP, s->base + (uintptr_t)slot * s->slot_bytes, s->slot_bytes};
    return true;
}

Place place_of(const void *p) {
    uintptr_t addr = (uintptr_t)p;
    Place at = {PLACE_ELSEWHERE, 0, 0};
    const StackSeg *seg = stack_find(g_self(), addr);
    if (seg) at = (Place){PLACE_STACK, seg->base, (uintptr_t)seg - seg->base};
    else if (in_image(addr)) at.kind = PLACE_PROGRAM;
    else in_heap(addr, &at);
    RT_DOOR();
    return at;
}

const char *place_name(PlaceKind kind) {
    static const char *const names[] = {"elsewhere", "heap", "stack", "program"};
    return names[kind];
}
