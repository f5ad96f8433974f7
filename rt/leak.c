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
// A word exactly behind an object keeps that, as in the collector, for C's sake. But channels lie side by side, so that a waiting goroutine's pointer to its own would keep its
// neighbour's, and that goroutine's stack the next: one that is missed would hide all. No program has a pointer behind a channel (it is opaque): so the channels that somebody waits for are
// kept by words into them alone. In a program with Go's variables no word counts for what lies before it: Go has no such pointers, nor does libgo's collector look for them. Once main has returned, what it has left on its stack is not looked at: nothing of the program's runs there any more.
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
    uintptr_t *channels; // that somebody waits for: a hash table, at most half full
    size_t channel_mask;
    bool go; // the program has variables of Go
    const G *over; // whose stack does not count: main's, after its return
} leak;

static uintptr_t *channel_place(uintptr_t c) {
    size_t i = (c >> 4) * 0x9e3779b97f4a7c15 >> 20;
    while (leak.channels[i & leak.channel_mask] && leak.channels[i & leak.channel_mask] != c)
        i++;
    return &leak.channels[i & leak.channel_mask];
}

static void mark(uintptr_t word) {
    Span *s = span_of(word);
    if (!s || s->kind == SPAN_FREE) return;
    uint32_t slot = span_slot(s, word);
    if (slot >= s->slots || !span_is_object(s, slot) || !span_mark(s, slot) || s->kind == SPAN_NOSCAN) return;
    RT_ASSERT_ALWAYS(leak.n < leak.room);
    leak.work[leak.n++] = s->base + slot * s->slot_bytes;
}

// What C's pointer behind an object keeps.
static void mark_before(uintptr_t word) {
    const Span *s = span_of(word - 1);
    if (!s || s->kind == SPAN_FREE) return;
    uint32_t slot = span_slot(s, word - 1);
    if (slot < s->slots && !*channel_place(s->base + slot * s->slot_bytes)) mark(word - 1);
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
    if (r->g && r->g == leak.over) return;
    if (r->g && waits(r->g) ? leak.wave == 0 || r->g->leak_wave != leak.wave : leak.wave != 0) return;
    for (const uintptr_t *w = r->lo; w + 1 <= (const uintptr_t *)r->hi; w++) {
        mark(*w);
        if (!leak.go) mark_before(*w);
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

static bool waits_for_channel(const G *g) { return waits(g) && g->wait_on && (g->wait_n > 0 || g->wait_reason == WAIT_CHAN_SEND || g->wait_reason == WAIT_CHAN_RECV); }
static void count_channels(G *g, void *n) {
    if (waits_for_channel(g)) *(size_t *)n += g->wait_n ? g->wait_n : 1;
}
static void note_channels(G *g, void *unused) {
    if (!waits_for_channel(g)) return;
    const SelectCase *cases = g->wait_on;
    if (g->wait_n == 0) *channel_place((uintptr_t)g->wait_on) = (uintptr_t)g->wait_on;
    for (uint32_t i = 0; i < g->wait_n; i++)
        if (cases[i].c) *channel_place((uintptr_t)cases[i].c) = (uintptr_t)cases[i].c;
}

static void begin(void *unused) {
    uint64_t objects, bytes;
    heap_in_use(&objects, &bytes);
    size_t pages = (objects * sizeof *leak.work) / PAGE_SIZE + 1, channels = 0, places = PAGE_SIZE / sizeof *leak.channels;
    g_for_each(count_channels, &channels);
    while (places < 2 * channels)
        places *= 2;
    leak.channels = page_alloc_large(places * sizeof *leak.channels / PAGE_SIZE);
    leak.channel_mask = places - 1;
    leak.work = leak.channels ? page_alloc_large(pages) : NULL;
    if (!leak.work) return;
    memset(leak.channels, 0, places * sizeof *leak.channels);
    g_for_each(note_channels, NULL);
    leak.room = pages * PAGE_SIZE / sizeof *leak.work;
    leak.n = 0;
    leak.go = root_vars_any();
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
        rt_printf("leak: found none (no goroutine that surely waits for what nobody else can reach)\n");
        return;
    }
    rt_printf("leak: %lu goroutine%s for what nobody else can reach\n\n", left, left == 1 ? " waits" : "s wait");
    g_for_each(show_left, &shown);
    if (left > SHOWN_MAX) rt_printf("...%lu more\n", left - SHOWN_MAX);
}

void leak_report(bool main_returned) {
    if (!rt_knobs.leak) return;
    leak.over = main_returned ? g_self() : NULL;
    gc_collect();
    gc_exclude();
    world_stop(WAIT_STW);
    sys_call(begin, NULL);
    if (leak.work) roots_for_each(look, NULL);
    sys_call(rest, NULL);
    world_start();
}
