// schedtrace.c -- see schedtrace.h. The format is that of schedtrace in Go 1.19's runtime/proc.go, to the letter, so that its readers' tools read this, too.
//
// Go has a thread without a P for this (sysmon). Here core 0's timer interrupt asks its scheduler, as it does for the periodic collection: no timer of the program's kind, so
// that programs that wait for ever are found out all the same. An M is a core: M and P have the same number, and no P runs without its M.
// A core 0 that was woken for this counts as idle, and not as searching, which it does when it wakes and has not yet looked for work. Other cores go on meanwhile: each
// number is a hint, as in Go; but no line says of one core that it is idle and spins.
//
// Context: system stack, no locks; a line goes to the console at once, and waits for it.
#include "schedtrace.h"
#include "format.h"
#include "lib.h"
#include "report.h"
#include "runq.h"

#define GOROUTINES_MAX 1000 // a console is slow

int64_t schedtrace_due = TIME_NEVER;
static int64_t started_ns;
static bool was_idle; // core 0, when the interrupt came

void schedtrace_start(void) {
    if (rt_knobs.schedtrace_ms) schedtrace_due = plat_now_ns();
}

bool schedtrace_tick(P *p, int64_t now) {
    if (now < schedtrace_due) return false;
    schedtrace_due = now + rt_knobs.schedtrace_ms * 1000000ll;
    was_idle = p->idle_since != 0;
    return true;
}

static void say(BufferSink *b, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    format_to(&b->sink, fmt, ap);
    va_end(ap);
}

static void flush(BufferSink *b, char *line, size_t room) {
    plat_write(line, b->sink.total < room ? b->sink.total : room);
    *b = buffer_sink(line, room);
}

static bool idle(const P *p) { return load_relaxed(&p->state) == P_IDLE || (p->id == 0 && was_idle); }

// Go's numbers: _Pidle, _Prunning, _Pgcstop, _Pdead.
static int p_status(const P *p) {
    if (idle(p)) return 0;
    switch (load_relaxed(&p->state)) {
    case P_STOPPED: return 3;
    case P_OFF: return 4;
    default: return 1;
    }
}

// _Gidle, _Grunnable, _Grunning, _Gwaiting, _Gdead.
static int g_status(uint32_t state) {
    static const uint8_t numbers[] = {[G_IDLE] = 0, [G_RUNNABLE] = 1, [G_RUNNING] = 2, [G_WAITING] = 4, [G_DEAD] = 6};
    return numbers[state];
}

typedef struct Detail {
    BufferSink b;
    char line[256];
    int shown, left_out;
} Detail;

static void say_p(Detail *d, const P *p) {
    say(&d->b, "  P%u: status=%d schedtick=%u syscalltick=0 m=%d runqsize=%u gfreecnt=%u timerslen=%u\n", p->id, p_status(p), hint_load(&p->sched_tick),
        idle(p) ? -1 : (int)p->id, runq_length(p), hint_load(&p->gfree_count), hint_load(&p->timers.n));
    flush(&d->b, d->line, sizeof d->line);
}

static void say_m(Detail *d, const P *p) {
    const G *g = hint_load(&p->g), *owner = hint_load(&p->owner);
    say(&d->b, "  M%u: p=%d curg=%ld mallocing=0 throwing=0 preemptoff= locks=%u dying=0 spinning=%s blocked=%s lockedg=%ld\n", p->id,
        idle(p) || p->id >= (uint32_t)sched.nproc ? -1 : (int)p->id, g ? (long)g->id : -1, p->held_count, !idle(p) && hint_load(&p->spinning) ? "true" : "false",
        idle(p) ? "true" : "false", owner ? (long)owner->id : -1);
    flush(&d->b, d->line, sizeof d->line);
}

static void say_g(G *g, void *detail) {
    Detail *d = detail;
    uint32_t state = load_relaxed(&g->state);
    if (d->shown == GOROUTINES_MAX) {
        d->left_out++;
        return;
    }
    d->shown++;
    const P *p = g->p;
    say(&d->b, "  G%lu: status=%d(%s) m=%d lockedm=%d\n", g->id, g_status(state), state == G_WAITING ? wait_reason_text(g->wait_reason) : "",
        state == G_RUNNING && p ? (int)p->id : -1, g->pin_depth ? (int)g->pinned : -1);
    flush(&d->b, d->line, sizeof d->line);
}

void schedtrace_print(void) {
    static Detail d;     // core 0's alone
    static char all[32 + 5 * PLAT_MAX_CPUS + 160];
    int64_t now = plat_now_ns();
    if (!started_ns) started_ns = now;
    BufferSink b = buffer_sink(all, sizeof all);
    unsigned idles = load_relaxed(&sched.idle_count) + was_idle;
    // A waker counts a searcher before it takes that out of the idle set: hence the limit.
    unsigned searchers = load_relaxed(&sched.spinning) - (was_idle && rt_ps[0]->spinning), busy = (unsigned)sched.nproc > idles ? (unsigned)sched.nproc - idles : 0;
    say(&b, "SCHED %ldms: gomaxprocs=%d idleprocs=%u threads=%d spinningthreads=%u idlethreads=%u runqueue=%u", (now - started_ns) / 1000000, sched.nproc, idles,
        sched.ncpu, searchers < busy ? searchers : busy, idles, load_relaxed(&sched.global_count));
    if (rt_knobs.scheddetail) {
        say(&b, " gcwaiting=%u nmidlelocked=0 stopwait=%d sysmonwait=0\n", load_relaxed(&sched.stop_wanted), load_relaxed(&sched.stop_left));
    } else {
        for (int i = 0; i < sched.nproc; i++)
            say(&b, i ? " %u" : " [%u", runq_length(rt_ps[i]));
        say(&b, "]\n");
    }
    flush(&b, all, sizeof all);
    if (rt_knobs.scheddetail) {
        d.b = buffer_sink(d.line, sizeof d.line);
        d.shown = d.left_out = 0;
        for (int i = 0; i < sched.nproc; i++)
            say_p(&d, rt_ps[i]);
        for (int i = 0; i < sched.ncpu; i++)
            say_m(&d, rt_ps[i]);
        g_for_each(say_g, &d);
        if (d.left_out) {
            say(&d.b, "  ...%d more goroutines\n", d.left_out);
            flush(&d.b, d.line, sizeof d.line);
        }
    }
    was_idle = false;
}
