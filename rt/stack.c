// stack.c -- segmented goroutine stacks: 2 KB at birth, growing to a cap, shrinking by giving the kept segment back.
//
// A stack is a list of segments, oldest first. Its header (StackSeg) lies at a segment's top, where overflow cannot reach it. g->seg
// is the segment that runs; newer ones are kept after a return or a recover, so that a call in a loop at the edge does not allocate each time (hot
// split), nor a recursion or a panic that is repeated; they go back when the goroutine parks or exits. What is kept is one
// segment of any size, or several of less than STACK_KEEP, 124 KB in all. Sizes double up to STACK_SEG_MAX unless one frame needs more.
//
// Owner: the goroutine itself while it runs (so no lock), whoever owns the G otherwise. All on the system stack.
// Every non-local transfer must make segment, byte count and guard fit the new rsp (stack_reset_to), or the older segment
// would overrun silently.
#include "sched.h"
#include "gc.h"
#include "inject.h"
#include "stackseg.h"

static inline StackSeg *seg_head(char *base, size_t bytes, StackSeg *older) {
    StackSeg *s = (StackSeg *)(base + bytes) - 1;
    *s = (StackSeg){.older = older, .base = (uintptr_t)base, .bytes = bytes};
    return s;
}

static StackSeg *seg_make(size_t bytes, void *(*alloc)(size_t), StackSeg *older) {
    char *base = alloc(bytes);
    if (!base) return NULL;
    if (unlikely(gc.verify)) memset(base, 0, bytes); // what others left there would look like roots that nobody marked
    return seg_head(base, bytes, older);
}

static void seg_drop(StackSeg *s) { seg_free((void *)s->base, s->bytes); }

bool stack_init(G *g) {
    StackSeg *s = seg_make(STACK_FIRST, seg_alloc, NULL);
    if (!s) return false;
    g->seg = s;
    g->stack_bytes = STACK_FIRST;
    g->guard = s->base + STACK_SLACK;
    return true;
}

static __attribute__((noinline)) StackSeg *grow_slow(G *g, size_t need) {
    StackSeg *cur = g->seg;
    if (cur->newer) stack_release_newer(g);
    size_t bytes = cur->bytes * 2 < STACK_SEG_MAX ? cur->bytes * 2 : STACK_SEG_MAX;
    while (bytes < need)
        bytes = bytes < STACK_SEG_MAX ? bytes * 2 : (need + PAGE_SIZE - 1) & ~(size_t)(PAGE_SIZE - 1);
    if (g->stack_bytes + bytes > sched.max_stack) stack_overflow(g, bytes);
    StackSeg *s = seg_make(bytes, seg_alloc_reserve, cur); // the goroutine cannot be told that there is no memory
    if (!s) {
        rt_printf("runtime: cannot grow the stack of goroutine %lu from %lu by %lu bytes\n", g->id, g->stack_bytes, bytes);
        rt_fatal("out of memory (goroutine stack)");
    }
    if (unlikely(gc.verify)) gc_clear_segment(s);
    cur->newer = s;
    return s;
}

// Called by __morestack when there is no kept segment with `need` bytes: returns one linked behind g->seg. Does not return at
// the cap or without memory.
StackSeg *stack_grow(G *g, size_t need);
StackSeg *stack_grow(G *g, size_t need) {
    StackSeg *cur = g->seg;
    size_t bytes = cur->bytes * 2;
    bool usual = bytes < STACK_SEG_MAX && need <= bytes && g->stack_bytes + bytes <= sched.max_stack && !cur->newer;
    if (unlikely(!usual || gc.verify || hint_load(&inject_on))) return grow_slow(g, need);
    char *base = seg_take(p_seg_cache(p_self()), bytes);
    if (unlikely(!base)) return grow_slow(g, need);
    return cur->newer = seg_head(base, bytes, cur);
}

// Called by __morestack on the way back, when the segment that was just left keeps one of STACK_KEEP or more itself.
void stack_trim(StackSeg *kept);
void stack_trim(StackSeg *kept) {
    StackSeg *s = kept->newer;
    kept->newer = NULL;
    while (s) {
        StackSeg *next = s->newer;
        seg_drop(s);
        s = next;
    }
}

void stack_release_newer(G *g) {
    if (g->seg->newer) stack_trim(g->seg);
}

void stack_free(G *g) {
    stack_release_newer(g);
    for (StackSeg *s = g->seg, *older; s; s = older) {
        older = s->older;
        seg_drop(s);
    }
    g->seg = NULL;
    g->stack_bytes = 0;
}

StackSeg *stack_find(G *g, uintptr_t sp) {
    for (StackSeg *s = g->seg; s; s = s->older)
        if (sp >= s->base && sp <= (uintptr_t)s) return s;
    return NULL;
}

void stack_reset_to(G *g, uintptr_t sp) {
    StackSeg *s = stack_find(g, sp);
    if (!s) rt_throw("non-local transfer to a place outside the goroutine's stack");
    for (StackSeg *left = g->seg; left != s; left = left->older) { // as if each had returned
        g->stack_bytes -= left->bytes;
        if (left->newer && left->newer->bytes >= STACK_KEEP) stack_trim(left);
    }
    g->seg = s;
    g->guard = s->base + STACK_SLACK;
}
