// units: rt/trace.c tests/unit/stub_plat.c
// test_trace.c -- a core's event buffers while interrupts come in the middle of everything: none lost, none mixed, time never goes back; what does
// not fit is counted. The clock is this test's: when it is asked for the time, an interrupt may come, which is where the core's own event is half made.
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
void side_begin(SideKind kind) { out[n_out++] = kind; }
void side_number(uint64_t v) { out[n_out++] = v; }
void side_text(const char *s) { n_out++; }

typedef struct Buffer { uint64_t irq, n, lost, lost_from; } Buffer;

// The next buffer of what was written out: checks its times.
static Buffer read_buffer(size_t *at) {
    CHECK_EQ(out[*at], SIDE_EVENTS);
    Buffer b = {out[*at + 2], out[*at + 3], out[*at + 4], out[*at + 5]};
    *at += 6;
    for (uint64_t i = 0; i < b.n; i++, *at += 6)
        CHECK((int64_t)out[*at + 1] > 0); // what it is later than the one before
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
    size_t fit = 7168 - 4001;
    for (size_t i = 0; i < fit - 1; i++)
        trace_g(TRACE_READY, 0, &b, 0); // with one creation
    CHECK_EQ(p->trace[0].lost, 0);
    int64_t full = now + 1;
    for (int i = 0; i < 5; i++)
        trace_g(TRACE_READY, 0, &b, 0);
    trace_close();
    trace_write_out();
    size_t at = 0;
    CHECK_EQ(out[at++], SIDE_TRACE);
    at += 3 + WAIT_REASONS;
    Buffer own = read_buffer(&at), irq = read_buffer(&at);
    CHECK_EQ(own.irq, 0);
    CHECK_EQ(own.n, 7168);
    CHECK_EQ(own.lost, 5);
    CHECK_EQ(own.lost_from, (uint64_t)full);
    CHECK_EQ(irq.irq, 1);
    CHECK_EQ(irq.n + irq.lost, interrupts);
    CHECK(irq.lost > 0 && irq.n == 1024);
    CHECK_EQ(at, n_out);
    return test_done();
}
