// print.c -- rt_printf: the report path. Straight to plat_write, no allocation, no lock, any context, general
// registers only.
//
// Text is gathered in small pieces, because plat_write pays per call. Reports of several cores may
// interleave; a program's own output goes through print (fmt.c), which does not.
#include "core.h"
#include "format.h"
#include "report.h"

typedef struct ReportSink {
    FormatSink sink;
    size_t n;
    char chunk[128];
} ReportSink;

// A core that writes into memory for a while. The count is read first: before there are Ps it is 0. Both are written by the core itself and read by it.
static _Atomic uint32_t captures;

void report_capture(ReportCapture *c) {
    p_self()->capture = c;
    fetch_add(&captures, 1);
}
void report_release(void) {
    fetch_add(&captures, (uint32_t)-1);
    p_self()->capture = NULL;
}

static void report_flush(ReportSink *r) {
    ReportCapture *c = load_relaxed(&captures) ? p_self()->capture : NULL;
    if (c)
        for (size_t i = 0; i < r->n && c->n < c->room; i++)
            c->out[c->n++] = r->chunk[i];
    else if (r->n > 0) plat_write(r->chunk, r->n);
    r->n = 0;
}

static void report_write(FormatSink *sink, const char *text, size_t n) {
    ReportSink *r = (ReportSink *)sink;
    for (size_t i = 0; i < n; i++) {
        r->chunk[r->n++] = text[i];
        if (r->n == sizeof r->chunk) report_flush(r);
    }
}

void rt_vprintf(const char *fmt, va_list ap) {
    ReportSink r;
    r.sink = (FormatSink){report_write, 0};
    r.n = 0;
    format_to(&r.sink, fmt, ap);
    report_flush(&r);
}

void rt_printf(const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    rt_vprintf(fmt, ap);
    va_end(ap);
}
