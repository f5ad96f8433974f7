// units: rt/trace.c tests/unit/stub_plat.c
// test_trace.c -- a core's event buffers while interrupts come in the middle of everything: none lost, none mixed, time never goes back; the newest are kept, and how many
// were overwritten is known, also of those that a core overwrites while they are read.
// The clock is this test's: when it is asked for the time, an interrupt may come, which is where the core's own event is half made.
#include "rt/gcrun.h"
#include "rt/lib.h"
#include "rt/side.h"
#include "rt/trace.h"
#include "stub_plat.h"
#include "test.h"

Sched sched;
P *rt_ps[PLAT_MAX_CPUS];
Knobs rt_knobs;
uint32_t rt_watch;
static int64_t now;
static unsigned interrupts, every; // an interrupt at every so many questions for the time; 0: none
static bool in_interrupt;

int64_t plat_now_ns(void) {
    static unsigned asked;
    int64_t mine = ++now;
    if (every && !in_interrupt && ++asked % every == 0) {
        in_interrupt = true;
        interrupts++;
        trace_irq(TRACE_IRQ_TICK);
        in_interrupt = false;
    }
    return mine;
}
void sys_call(void (*fn)(void *), void *arg) { fn(arg); }
void *page_alloc_large(size_t n) { return calloc(n, PAGE_SIZE); }
void page_free(void *p, size_t n) {}
PageStats page_stats(void) { return (PageStats){0}; }
const char *wait_reason_text(unsigned reason) { return "reason"; }

// ---- what goes out
static uint64_t out[1 << 20];
static size_t n_out;
static P *late; // a core that has not seen the close, and goes on
static size_t late_at, late_n;
void side_begin(SideKind kind) { out[n_out++] = kind; }
void side_number(uint64_t v) {
    out[n_out++] = v;
    if (late && n_out == late_at) store_release(&late->trace[0].n, load_relaxed(&late->trace[0].n) + late_n);
}
void side_text(const char *s) { n_out++; }

// The next buffer of what was written out: checks its times. first: number of the first event, n: how many followed; last: the last one's argument.
typedef struct Buffer { uint64_t irq, first, n, gaps, last; } Buffer;
static Buffer read_buffer(size_t *at) {
    CHECK_EQ(out[*at], SIDE_EVENTS);
    Buffer b = {.irq = out[*at + 2], .first = out[*at + 3]};
    *at += 4;
    while (out[*at] != TRACE_NO_MORE) {
        if (out[*at] == TRACE_GAP) {
            b.first = out[*at + 1];
            b.n = 0;
            b.gaps++;
            *at += 2;
            continue;
        }
        CHECK((int64_t)out[*at + 1] > 0); // what it is later than the one before
        b.last = out[*at + 5];
        b.n++;
        *at += 6;
    }
    ++*at;
    return b;
}

static P *core(void) {
    P *p = stub_p(0);
    stub_set_p(p);
    rt_ps[0] = p;
    sched.ncpu = 1;
    return p;
}

int main(void) {
    P *p = core();
    static G a = {.id = 7}, b = {.id = 9};
    rt_knobs.tracebuf = 256; // KB: 7168 events outside of interrupts, 1024 in them
    trace_start();
    every = 3;
    for (int i = 0; i < 1000; i++) {
        trace_g(TRACE_READY, 0, &a, 0);
        trace_g(TRACE_START, 0, &a, 0);
        trace_g(TRACE_STOP, 1, &a, 0);
        trace_note(TRACE_IDLE, 1, NULL, 0);
    }
    CHECK_EQ(a.trace_seq, 3001); // and its creation
    CHECK(interrupts > 1000);
    every = 0;
    CHECK_EQ(load_relaxed(&p->trace[0].n), 4001);
    uint64_t arg = 0;
    while (load_relaxed(&p->trace[0].n) < 7167)
        trace_g(TRACE_READY, 0, &b, ++arg); // with one creation
    trace_write_out();
    size_t at = 4 + WAIT_REASONS;
    CHECK_EQ(out[0], SIDE_TRACE);
    Buffer own = read_buffer(&at);
    CHECK_EQ(own.irq, 0);
    CHECK_EQ(own.first, 0); // one place is left
    CHECK_EQ(own.n, 7167);
    CHECK_EQ(own.last, arg);

    // Now it goes round; the place that is written to next counts as overwritten.
    for (int i = 0; i < 5; i++)
        trace_g(TRACE_READY, 0, &b, ++arg);
    trace_close();
    trace_g(TRACE_READY, 0, &b, 999); // is not part of it any more
    n_out = 0;
    trace_write_out();
    at = 4 + WAIT_REASONS;
    own = read_buffer(&at);
    Buffer irq = read_buffer(&at);
    CHECK_EQ(own.first, 5);
    CHECK_EQ(own.n, 7167);
    CHECK_EQ(own.last, arg);
    CHECK_EQ(irq.irq, 1);
    CHECK_EQ(irq.first + irq.n, interrupts);
    CHECK(irq.first > 0 && irq.n == 1023);
    CHECK_EQ(at, n_out);

    // When 100 events have been read, 3000 are written over.
    late = p;
    late_at = 8 + WAIT_REASONS + 6 * 100;
    late_n = 3000;
    n_out = 0;
    trace_write_out();
    at = 4 + WAIT_REASONS;
    own = read_buffer(&at);
    CHECK_EQ(own.gaps, 1);
    CHECK_EQ(own.first, 5 + 3000);
    CHECK_EQ(own.n, 7167 - 3000);
    CHECK_EQ(own.last, arg);
    return test_done();
}
