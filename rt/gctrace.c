// gctrace.c -- what the collector says: GODEBUG=gctrace=1 Go's line for each cycle, gctrace=2 its parts as well, gcsummary=1 what it cost, at the end.
//
// The coordinator prints as an ordinary goroutine, after the cycle: it waits for the console, the machine does not.
#include "gcrun.h"
#include "gcstats.h"
#include "lib.h"
#include "output.h"
#include "api/fmt.h"

static void say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static void say(const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    output_format(fmt, ap, false);
    va_end(ap);
}

// As Go's fmtNSAsMS: whole milliseconds from 10 ms on, else two digits that count.
typedef struct Text {
    char s[24];
} Text;
static Text ms(int64_t ns) {
    Text t;
    if (ns < 0) ns = 0;
    if (ns >= 10000000) {
        str_format(t.s, sizeof t.s, "%lu", (unsigned long)ns / 1000000);
        return t;
    }
    unsigned long x = (unsigned long)ns / 1000;
    int digits = 3; // behind the point
    if (x == 0) {
        str_format(t.s, sizeof t.s, "0");
        return t;
    }
    for (; x >= 100; x /= 10)
        digits--;
    unsigned long one = digits == 3 ? 1000 : digits == 2 ? 100 : 10;
    str_format(t.s, sizeof t.s, "%lu.%0*lu", x / one, digits, x % one);
    return t;
}

static unsigned long mb(uint64_t bytes) { return (unsigned long)(bytes >> 20); }

// gc # @#s #%: #+#+# ms clock, #+#/#/#+# ms cpu, #->#-># MB, # MB goal, # MB stacks, # MB globals, # P
static __attribute__((noinline)) void line(const GcCycle *c, uint64_t stacks, uint64_t globals) {
    int64_t since = c->sweep_term_ns - sched.start_ns, stop1 = c->mark_ns - c->sweep_term_ns, stop2 = c->end_ns - c->mark_term_ns;
    say("gc %u @%lu.%03lus %lu%%: %s+%s+%s ms clock, %s+%s/%s/%s+%s ms cpu, %lu->%lu->%lu MB, %lu MB goal, %lu MB stacks, %lu MB globals, %d P%s\n",
        gc.cycle, (unsigned long)(since / 1000000000), (unsigned long)(since / 1000000 % 1000), (unsigned long)(gc_cpu_ppm() / 10000), ms(stop1).s,
        ms(c->mark_term_ns - c->mark_ns).s, ms(stop2).s, ms(stop1 * c->procs).s, ms(load_relaxed(&c->assist_ns)).s, ms(c->dedicated_ns + c->fraction_ns).s,
        ms(c->idle_ns).s, ms(stop2 * c->procs).s, mb(c->heap0), mb(c->heap1), mb(c->heap2), mb(c->goal), mb(stacks), mb(globals), c->procs,
        c->forced ? " (forced)" : "");
}

static __attribute__((noinline)) void stop_line(const char *what, const StopFigures *s) {
    say("gc %u %s: stopped in %s ms, %s ms in all;", gc.cycle, what, ms(s->stopped_ns - s->asked_ns).s, ms(s->started_ns - s->asked_ns).s);
    for (int i = 0; i < STOP_WAYS; i++)
        say(" %s %u", stop_way_names[i], s->ways[i]);
    if (s->last_core >= 0) say("; last core %d, %s\n", s->last_core, stop_way_names[s->last_way]);
    else say("\n");
}

static __attribute__((noinline)) void parts(const GcCycle *c) {
    stop_line("stop 1", &c->stop1);
    say("gc %u mark: %d P, %d dedicated, share %lu/1000, %u returns, longest assist %s ms, scanned %lu KB, roots %lu KB\n", gc.cycle, c->shared, c->dedicated,
        (unsigned long)(c->share * 1000 / SHARE_ONE), c->returns, ms(load_relaxed(&c->assist_longest_ns)).s, (unsigned long)c->scan_work >> 10,
        (unsigned long)gc_root_bytes() >> 10);
    stop_line("stop 2", &c->stop2);
    say("gc %u found: marked %lu objects, %lu bytes; made %lu, %lu; unmarked %lu, %lu\n", gc.cycle, (unsigned long)c->marked_objects, (unsigned long)c->marked_bytes,
        (unsigned long)c->black_objects, (unsigned long)c->black_bytes, (unsigned long)c->unmarked_objects, (unsigned long)c->unmarked_bytes);
}

void gc_trace_cycle(const GcCycle *c) {
    uint64_t roots = gc_root_bytes(), globals = gc_globals_bytes();
    if (rt_knobs.gctrace) line(c, roots > globals ? roots - globals : 0, globals);
    if (rt_knobs.gctrace > 1) parts(c);
}

void gc_trace_sweep(const GcSwept *s) {
    if (rt_knobs.gctrace > 1)
        say("gc %u sweep: freed %lu objects, %lu bytes; kept for finalizers %lu, %lu\n", gc.cycle, (unsigned long)s->objects, (unsigned long)s->bytes,
            (unsigned long)s->kept, (unsigned long)s->kept_bytes);
}

// ---- at the end. System stack; the world may run.

static void spread(const char *what, const Histogram *h) {
    rt_printf("gc summary: %s: %lu, p50 %lu us, p99 %lu us, max %lu us\n", what, (unsigned long)h->n, (unsigned long)histogram_part(h, 500) / 1000,
              (unsigned long)histogram_part(h, 990) / 1000, (unsigned long)h->max / 1000);
}

static void add_living(G *g, void *unused) {
    if (load_relaxed(&g->state) != G_DEAD && g->assist_ns) histogram_add(&assist_sums.per_goroutine, (int64_t)g->assist_ns);
}

static void utilisation(void) {
    TakenSums t;
    taken_end(&t, plat_now_ns());
    if (t.mean < 0 || t.minimum[0] < 0) return; // not even a millisecond
    rt_printf("gc summary: left to the program: %lu.%lu %%; in the worst", (unsigned long)t.mean / 10000, (unsigned long)t.mean / 1000 % 10);
    for (int i = 0; i < UTIL_WINDOWS; i++)
        if (t.minimum[i] >= 0)
            rt_printf("%s %lu ms %lu.%lu %%", i ? "," : "", (unsigned long)util_windows[i] / 1000000, (unsigned long)t.minimum[i] / 10000,
                      (unsigned long)t.minimum[i] / 1000 % 10);
    rt_printf("\n");
}

void gc_summary(void) {
    if (!rt_knobs.gcsummary) return;
    g_for_each(add_living, NULL);
    rt_printf("gc summary: %u cycles, %lu.%lu %% of the machine's time\n", gc.cycle, (unsigned long)(gc_cpu_ppm() / 10000), (unsigned long)(gc_cpu_ppm() / 1000 % 10));
    spread("stops 1 until stopped", &stop_sums.until_stopped[STOP_FOR_MARKING]);
    spread("stops 1", &stop_sums.total[STOP_FOR_MARKING]);
    spread("stops 2 until stopped", &stop_sums.until_stopped[STOP_FOR_END]);
    spread("stops 2", &stop_sums.total[STOP_FOR_END]);
    spread("assists", &assist_sums.piece);
    spread("assists, all of a goroutine", &assist_sums.per_goroutine);
    utilisation();
    rt_printf("gc summary: longest:");
    for (int i = 0; i < STALLS; i++)
        rt_printf("%s %s %lu us", i ? "," : "", stall_names[i], (unsigned long)load_relaxed(&stalls.longest_ns[i]) / 1000);
    rt_printf("\n");
    rt_printf("gc summary: cores came to stops:");
    for (int i = 0; i < STOP_WAYS; i++)
        rt_printf(" %s %lu", stop_way_names[i], (unsigned long)stop_sums.ways[i]);
    rt_printf("\n");
}
