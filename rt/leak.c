// leak.c -- GODEBUG=leak=1: when the program ends, which goroutines wait for what no one else can reach?
//
// A goroutine that waits on a channel, a lock or the like can only be woken by somebody who can reach that. So reachability decides, as the collector knows it, but
// with one difference: the stacks of waiting goroutines are no roots. Marking begins with the program's variables, timers, and the goroutines that can run; a waiting goroutine
// whose channel was marked may be woken, so its stack is looked at as well; and so on until no more come. Those left over wait for ever (the idea is that of "Dynamic
// Partial Deadlock Detection and Recovery via Garbage Collection", ASPLOS 2025). Words are taken for pointers conservatively: a leak can be missed, and what is said to leak, does.
//
// The mark bits of spans serve: a whole cycle and its sweep have been done before, which leaves them clear, and cycles are kept out from then on. What a goroutine waits for
// (G.wait_on) is noted only while this is wanted (WATCH_LEAK), in paths that are not hot.
//
// Not in the heap (a variable of the program, or on a stack): it counts as reachable. Finalizers that have not run are no roots.
#include "leak.h"
#include "lib.h"
#include "mark.h"
#include "report.h"
#include "root.h"
#include "sched.h"
#include "watch.h"
#include "api/chan.h"
#include "api/gc.h"

#define SHOWN_MAX 1000

static struct {
    uintptr_t *work; // objects to look at: room for all that there are
    size_t n, room;
    uint32_t wave; // 0: from roots; k: from goroutines that wave k - 1 has reached
} leak;

static void mark(uintptr_t word) {
    Span *s = span_of(word);
    if (!s || s->kind == SPAN_FREE) return;
    uint32_t slot = span_slot(s, word);
    if (slot >= s->slots || !span_is_object(s, slot) || !span_mark(s, slot) || s->kind == SPAN_NOSCAN) return;
    RT_ASSERT_ALWAYS(leak.n < leak.room);
    leak.work[leak.n++] = s->base + slot * s->slot_bytes;
}

static void drain(void) {
    while (leak.n > 0) {
        uintptr_t base = leak.work[--leak.n];
        const Span *s = span_of(base);
        uint32_t slot = span_slot(s, base);
        for (size_t w = 0; w < s->slot_bytes / 8; w++)
            if (object_pointer_at(s, slot, w)) mark(((const uintptr_t *)base)[w]);
    }
}

static bool waits(const G *g) {
    unsigned why = g->wait_reason;
    return load_relaxed(&g->state) == G_WAITING && !g->system && why >= WAIT_CHAN_SEND && why <= WAIT_WAITGROUP && why != WAIT_SLEEP;
}

static bool reached(const void *what) {
    const Span *s = span_of((uintptr_t)what);
    return what && (!s || span_bit(s->mark, span_slot(s, (uintptr_t)what)));
}

static bool may_be_woken(const G *g) {
    if (g->wait_n == 0) return reached(g->wait_on);
    const SelectCase *cases = g->wait_on;
    for (uint32_t i = 0; i < g->wait_n; i++)
        if (reached(cases[i].c)) return true;
    return false;
}

static void look(const Root *r, void *unused) {
    if (r->g && waits(r->g) ? leak.wave == 0 || r->g->leak_wave != leak.wave : leak.wave != 0) return;
    for (const uintptr_t *w = r->lo; w + 1 <= (const uintptr_t *)r->hi; w++) {
        mark(*w);
        mark(*w - 1); // C's pointer behind an object
    }
}

static void reach(G *g, void *more) {
    if (!waits(g) || g->leak_wave || !may_be_woken(g)) return;
    g->leak_wave = leak.wave;
    *(bool *)more = true;
}

static void clear_one(Span *s, void *unused) {
    for (unsigned i = 0; i < SPAN_WORDS; i++)
        store_relaxed(&s->mark[i], 0);
}

static void begin(void *unused) {
    uint64_t objects, bytes;
    heap_in_use(&objects, &bytes);
    size_t pages = (objects * sizeof *leak.work) / PAGE_SIZE + 1;
    leak.work = page_alloc_large(pages);
    leak.room = leak.work ? pages * PAGE_SIZE / sizeof *leak.work : 0;
    leak.n = 0;
    heap_for_each_span(clear_one, NULL);
}

static void count_left(G *g, void *left) { *(unsigned long *)left += waits(g) && !g->leak_wave; }
static void show_left(G *g, void *shown) {
    if (waits(g) && !g->leak_wave && (*(unsigned *)shown)++ < SHOWN_MAX) traceback_one(g);
}

static void rest(void *unused) {
    bool more = true;
    if (!leak.work) {
        rt_printf("leak: no memory to look for goroutines that wait for ever\n");
        return;
    }
    drain();
    while (more) {
        more = false;
        leak.wave++;
        g_for_each(reach, &more);
        roots_of_others(look, NULL);
        drain();
    }
    unsigned long left = 0;
    unsigned shown = 0;
    g_for_each(count_left, &left);
    if (left == 0) {
        rt_printf("leak: no goroutine waits for what nobody else can reach\n");
        return;
    }
    rt_printf("leak: %lu goroutine%s for what nobody else can reach\n\n", left, left == 1 ? " waits" : "s wait");
    g_for_each(show_left, &shown);
    if (left > SHOWN_MAX) rt_printf("...%lu more\n", left - SHOWN_MAX);
}

void leak_report(void) {
    if (!rt_knobs.leak) return;
    gc_collect();
    gc_exclude();
    world_stop(WAIT_STW);
    sys_call(begin, NULL);
    if (leak.work) roots_for_each(look, NULL);
    sys_call(rest, NULL);
    world_start();
}
