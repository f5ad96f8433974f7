// trace.c -- GODEBUG=trace=1: what every core did and when, as events in memory, written out when the program ends.
//
// Each core has two buffers: one that it writes outside of interrupts, one that its interrupts write. So a buffer has one writer, which is never in the
// middle of another write to it: runtime text is not preempted by other goroutines of the core, interrupts that write are not interrupted by
// such (they come with interrupts off; signals with signals blocked), and an interrupt that falls into the core's own write goes to the other buffer. Rejected: one buffer with
// a slot reserved by an atomic add; an interrupt in between leaves a hole that the reader must recognise, and every event pays for a locked instruction.
//
// A buffer is a ring: the newest events are kept, since the end of a run is what one looks for, and the oldest are overwritten. An event is written first and counted
// then (store_release of n); whoever reads the count (load_acquire) finds that many whole events, but for those that are overwritten meanwhile: writers wait for
// nobody, and cores may still run when the trace is written out. So a reader copies an event and looks at the count again: event i is whole as long as n < i + room, because its
// place is written to again only when n = i + room has been stored (release fence before the event's words, acquire fence behind their copy). It is
// written out after that; if it was too late, the stream says from which event it goes on.
// How many are lost is part of the stream. The trace is complete behind the latest of the oldest events of those buffers that have lost some;
// scripts/glass.py cuts it there and says so.
//
// Order. Times come from the one clock of all cores. An event about a goroutine is noted by whoever owns it at that moment (core.h), before it passes
// on: "stop" before on_cpu is cleared or before it is queued, "ready" before it is queued, "start" after it was taken. So the events of one goroutine are ordered by the
// same hand-overs that order its runs, and G.trace_seq, which only the owner writes, counts them. Two events of the same nanosecond on two cores are
// put in order by it.
//
// The end. trace_close takes the time; events from then on are not part of the trace, and cores that have seen that it is closed write none, so that nothing is overwritten any
// more. An event from before is counted in its buffer by the time that anything that follows from it is: the hand-over in between is a release and an
// acquire. So the cut is consistent: no effect without its cause. That holds for events that a core left out, too: what follows from those comes after the close.
#include "trace.h"
#include "gcrun.h"
#include "lib.h"
#include "report.h"
#include "side.h"

// Words that may be read while they are overwritten: hint_store, hint_load. The last one: seq (of g; 0: not about its running), kind, why.
enum { AT, G_NAME, ARG, REST, EVENT_WORDS };
typedef struct TraceEvent {
    uint64_t word[EVENT_WORDS];
} TraceEvent;
_Static_assert(sizeof(TraceEvent) == 32, "a whole number of events in a page");

#define MEMORY_SHARE 16u          // of all memory, at most one part of so many for the trace
#define PAGES_MAX    512u         // a core's buffer: 64 Ki events
#define IRQ_SHARE    8u           // of these, one part of so many for interrupts
#define SYSTEM_ID    (1ull << 48) // goroutines of the runtime have no number

bool trace_wanted;
static _Atomic bool closed; // release in trace_close, acquire in put: the reason stands above
static int64_t end_ns;

static void make(TraceBuf *b, size_t pages) {
    b->event = page_alloc_large(pages);
    b->room = b->event ? (uint32_t)(pages * PAGE_SIZE / sizeof(TraceEvent)) : 0;
}

void trace_start(void) {
    size_t pages = page_stats().free / PAGE_SIZE / MEMORY_SHARE / (unsigned)sched.ncpu;
    if (rt_knobs.tracebuf) pages = (size_t)rt_knobs.tracebuf * 1024 / PAGE_SIZE;
    else if (pages > PAGES_MAX) pages = PAGES_MAX;
    if (pages < IRQ_SHARE) pages = IRQ_SHARE;
    for (int i = 0; i < sched.ncpu; i++) {
        make(&rt_ps[i]->trace[0], pages - pages / IRQ_SHARE);
        make(&rt_ps[i]->trace[1], pages / IRQ_SHARE);
    }
    trace_wanted = true;
}

// This core, or its interrupts: b is only written here.
static void put(TraceBuf *b, TraceKind kind, unsigned why, uint64_t g, uint64_t arg, uint32_t seq) {
    if (unlikely(load_acquire(&closed))) return;
    uint64_t now = (uint64_t)plat_now_ns(), n = load_relaxed(&b->n);
    if (likely(b->room)) {
        uint64_t *word = b->event[b->next].word;
        fence_release(); // whoever sees one of these words sees n, too: pairs with whole()
        hint_store(&word[AT], now);
        hint_store(&word[G_NAME], g);
        hint_store(&word[ARG], arg);
        hint_store(&word[REST], seq | (uint64_t)kind << 32 | (uint64_t)why << 40);
        b->next = b->next + 1 == b->room ? 0 : b->next + 1;
    }
    store_release(&b->n, n + 1); // pairs with the acquire in write_buffer
}

uint64_t trace_name(const G *g) { return !g ? 0 : g->id ? g->id : SYSTEM_ID | ((uintptr_t)g >> 4 & 0xffffffff); }

void trace_g(TraceKind kind, unsigned why, G *g, uint64_t arg) {
    TraceBuf *b = &p_self()->trace[0];
    uint64_t name = trace_name(g);
    if (unlikely(g->trace_id != name)) {
        g->trace_id = name;
        g->trace_seq = 1;
        put(b, TRACE_CREATE, g->system, name, g->entry_pc, 1);
    }
    put(b, kind, why, name, arg, ++g->trace_seq);
}

// (All of an event, so that the goroutine's stack holds little.)
typedef struct NoteCall {
    TraceKind kind;
    unsigned why;
    const G *g;
    uint64_t arg;
} NoteCall;
static void note_call(void *arg) {
    const NoteCall *c = arg;
    put(&p_self()->trace[0], c->kind, c->why, trace_name(c->g), c->arg, 0);
}

void trace_note_slow(TraceKind kind, unsigned why, const G *g, uint64_t arg) {
    NoteCall c = {kind, why, g, arg};
    sys_call(note_call, &c);
}

void trace_irq_slow(TraceIrq why) {
    P *p = p_self();
    put(&p->trace[1], TRACE_IRQ, why, trace_name(p->g), 0, 0);
}

// ---- out

void trace_close(void) {
    if (!trace_wanted || load_relaxed(&closed)) return;
    end_ns = plat_now_ns();
    store_release(&closed, true);
}

// Copies event i; true: it is whole.
static bool whole(const TraceBuf *b, uint64_t i, TraceEvent *to) {
    const uint64_t *word = b->event[i % b->room].word;
    for (unsigned k = 0; k < EVENT_WORDS; k++)
        to->word[k] = hint_load(&word[k]);
    fence_acquire(); // pairs with put
    return load_relaxed(&b->n) < i + b->room;
}

static void write_buffer(const TraceBuf *b, int core, int irq) {
    uint64_t n = load_acquire(&b->n), before = (uint64_t)sched.start_ns; // pairs with put
    uint64_t first = n < b->room ? 0 : b->room ? n - b->room + 1 : n;
    side_begin(SIDE_EVENTS);
    side_number((uint64_t)core);
    side_number((uint64_t)irq);
    side_number(first);
    for (uint64_t i = first; i < n; i++) {
        TraceEvent e;
        if (unlikely(!whole(b, i, &e))) {
            i = load_relaxed(&b->n) - b->room; // go on behind it
            side_number(TRACE_GAP);
            side_number(i + 1);
            continue;
        }
        side_number(e.word[REST] >> 32 & 0xff);
        side_number(e.word[AT] - before);
        side_number(e.word[REST] >> 40);
        side_number(e.word[G_NAME]);
        side_number(e.word[REST] & 0xffffffff);
        side_number(e.word[ARG]);
        before = e.word[AT];
    }
    side_number(TRACE_NO_MORE);
}

void trace_write_out(void) {
    if (!trace_wanted) return;
    side_begin(SIDE_TRACE);
    side_number((uint64_t)(end_ns - sched.start_ns));
    side_number((uint64_t)sched.ncpu);
    side_number(WAIT_REASONS);
    for (unsigned i = 0; i < WAIT_REASONS; i++)
        side_text(wait_reason_text(i));
    for (int i = 0; i < sched.ncpu; i++) {
        write_buffer(&rt_ps[i]->trace[0], i, 0);
        write_buffer(&rt_ps[i]->trace[1], i, 1);
    }
}
