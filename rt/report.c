// report.c -- fatal errors: one report, other cores frozen, status 2.
//
// The first core to come here freezes the others: an IPI makes them spin in the interrupt, so that what they run stays where it
// is and the report is not mixed with their output. Frozen cores hold whatever locks they held: reports take none, allocate nothing.
#include "report.h"
#include "sched.h"
#include "format.h"
#include "watch.h"
#include "api/str.h"
#include <stdarg.h>

static _Atomic uint32_t reporting; // core + 1; 0: nobody
static _Atomic uint32_t frozen_count;

bool report_frozen(void) {
    uint32_t r = load_acquire(&reporting);
    return r != 0 && r != p_self()->id + 1;
}

// Interrupt context of a core that is not the reporter: stays here until the machine ends.
void report_wait_frozen(void) {
    fetch_add(&frozen_count, 1);
    for (unsigned turns = 0;; turns++)
        plat_spin(turns);
}

void report_begin(void) {
    P *self = p_self();
    uint32_t nobody = 0;
    if (!cas(&reporting, &nobody, self->id + 1)) {
        if (nobody == self->id + 1) { // the report itself failed
            plat_write("\nfatal error during a report\n", 29);
            plat_exit(2);
        }
        report_wait_frozen();
    }
    watch_close(); // a trace of the report, and samples of it, would be longer than the program's end that one looks for
    plat_report_begins();
    for (int i = 0; i < sched.ncpu; i++)
        if (rt_ps[i] != self) plat_ipi(i);
    // Bounded: a core that cannot be interrupted is reported as running.
    for (unsigned t = 0; t < 100000 && (int)load_relaxed(&frozen_count) < sched.ncpu - 1; t++)
        plat_spin(t);
}

void report_end(int status) {
    watch_end();
    plat_exit(status);
}

// Read by the one that reports; a program that lets several goroutines set it has itself to blame.
static const char *expected_text;
static int expected_status;
void fatal_expect(const char *text, int status) {
    expected_text = NULL;
    expected_status = status;
    expected_text = text;
}
int fatal_status(const char *message) { return expected_text && strstr(message, expected_text) ? expected_status & 255 : 2; }

// Reports need more stack than a goroutine may have left; interrupts and the scheduler stay where they are.
static void run_report(void (*fn)(void *), void *arg) {
    G *g = p_self()->g;
    if (g && stack_find(g, (uintptr_t)__builtin_frame_address(0))) sys_call(fn, arg);
    else fn(arg);
    __builtin_unreachable();
}

typedef struct { const char *fmt; va_list *ap; } FatalArgs;
static void fatal(void *a) {
    FatalArgs *f = a;
    report_begin();
    rt_printf("fatal error: ");
    rt_vprintf(f->fmt, *f->ap);
    rt_printf("\n");
    traceback_all(true);
    report_end(fatal_status(f->fmt));
}

void rt_fatal(const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    FatalArgs f = {fmt, &ap};
    run_report(fatal, &f);
    __builtin_unreachable();
}

static void throw(void *msg) {
    report_begin();
    rt_printf("fatal error: %s\n\n", (const char *)msg);
    traceback_self();
    rt_report();
    report_end(2);
}

void rt_throw(const char *msg) {
    run_report(throw, (void *)msg);
    __builtin_unreachable();
}
