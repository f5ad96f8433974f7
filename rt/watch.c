// watch.c -- what is behind the scheduler's hooks (watch.h), and the begin and end of all that looks at a program.
//
// The order of events about a goroutine is argued at the head of trace.c: every hook here runs while its caller owns the goroutine.
#include "trace.h"
#include "lib.h"
#include "profile.h"
#include "schedtrace.h"
#include "sched.h"
#include "side.h"

uint32_t rt_watch;

// Why g is not running any more: its owner has said so in its state.
static unsigned why_stopped(const G *g, unsigned otherwise) {
    return load_relaxed(&g->state) == G_WAITING ? g->wait_reason : otherwise;
}

static void stopped(G *g, unsigned otherwise) {
    bool dead = load_relaxed(&g->state) == G_DEAD;
    if (rt_watch & (WATCH_BLOCK | WATCH_MUTEX)) g->wait_since_ns = (uintptr_t)plat_now_ns();
    if (rt_watch & WATCH_TRACE) trace_g(dead ? TRACE_EXIT : TRACE_STOP, dead ? 0 : why_stopped(g, otherwise), g, 0);
}

typedef struct LeftCall {
    G *g;
    uint64_t why;
} LeftCall;
static void left_call(void *arg) {
    const LeftCall *c = arg;
    stopped(c->g, (unsigned)c->why);
}

static void ready_call(void *arg) {
    G *g = arg;
    const G *by = p_self()->g;
    bool born = g->trace_id != trace_name(g);
    unsigned why = born ? WAIT_NONE : g->wait_reason;
    if (!born && rt_watch & (WATCH_BLOCK | WATCH_MUTEX)) profile_waited(g, by);
    if (rt_watch & WATCH_TRACE) trace_g(TRACE_READY, why, g, trace_name(by));
    else g->trace_id = trace_name(g);
}

void watch_run(G *g) {
    if (rt_watch & WATCH_TRACE) trace_g(TRACE_START, 0, g, g->entry_pc);
    else g->trace_id = trace_name(g); // goroutine 1 was not made ready by anybody
}
void watch_left(G *g, LeftReason why) {
    LeftCall c = {g, why};
    sys_call(left_call, &c);
}
void watch_ready(G *g) { sys_call(ready_call, g); }

void watch_start(void) {
    if (rt_knobs.trace) {
        trace_start();
        rt_watch |= WATCH_TRACE;
    }
    profile_start();
    schedtrace_start();
    if (rt_knobs.leak) rt_watch |= WATCH_LEAK;
    if (rt_watch) sched_watched();
}

void watch_close(void) {
    trace_close();
    if (profile_wanted) profile_close();
}
void rt_report_begins(void) { watch_close(); }
void rt_report_is_over(void) { watch_end(); }

void watch_end(void) {
    const Knobs *k = &rt_knobs;
    if (!trace_wanted && !(k->cpuprof || k->heapprof || k->goprof || k->mutexprof || k->blockprof)) return;
    watch_close();
    if (profile_wanted & PROFILE_GOROUTINE) profile_goroutines(NULL);
    if (!side_open()) return;
    trace_write_out();
    profile_write_out();
    side_close();
}
