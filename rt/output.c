// output.c -- a program's formatted output: whole, complete, and without holding up a core.
//
// Problem: the consoles take a byte every 90 us, several goroutines print at once, and their stacks are too
// small to format on.
//
// Idea: formatting is repeatable (format.c), so no copy of the output is kept. A goroutine takes its turn,
// then formats on the system stack straight into plat_write_try; what the console did not take is formatted
// again later, with the bytes that are out skipped. Between the attempts the goroutine sleeps and its core
// runs others. The turn passes in order of arrival, so the text of one call is never mixed with another's.
// Rejected: a buffer per call (allocates, and has a limit), a printing goroutine behind a channel (output is
// lost when the program ends).
//
// Lock: console.lock guards busy and waiting. It is not held while anything is printed.
#include "output.h"
#include "core.h"
#include "format.h"
#include "api/fmt.h"
#include "api/str.h"
#include "api/time.h"

#define RETRY_NS 1000000 // a full console is tried again after this: 11 characters' time at 115200 baud

// ---- the turn

static struct {
    Lock lock;
    bool busy;       // a goroutine has the turn
    G *first, *last; // goroutines parked for it, oldest first
} console = {LOCK_INIT(RANK_SEMA), false, NULL, NULL};

static void turn_take(void) {
    G *g = g_self();
    lock_acquire(&console.lock);
    if (!console.busy) {
        console.busy = true;
        lock_release(&console.lock);
        return;
    }
    g->next = NULL;
    if (console.last)
        console.last->next = g;
    else
        console.first = g;
    console.last = g;
    g_park(WAIT_CONSOLE, &console.lock); // returns with the turn
}

static void turn_give(void) {
    lock_acquire(&console.lock);
    G *g = console.first;
    if (g) {
        console.first = g->next;
        if (!console.first) console.last = NULL;
        g->next = NULL;
    } else
        console.busy = false;
    lock_release(&console.lock);
    if (g) g_ready(g);
}

// ---- the console as a sink

typedef struct ConsoleSink {
    FormatSink sink;
    size_t skip; // bytes of the output that are out already
    size_t done; // bytes that are out now
    bool full;   // the console took less than it was given: the rest of the output waits for the next attempt
    size_t n;
    char chunk[512];
} ConsoleSink;

static void console_hand(ConsoleSink *c, const char *text, size_t n) {
    size_t took = plat_write_try(text, n);
    c->done += took;
    c->full = took < n;
}

static void console_flush(ConsoleSink *c) {
    if (c->n > 0 && !c->full) console_hand(c, c->chunk, c->n);
    c->n = 0;
}

static void console_write_piece(FormatSink *sink, const char *text, size_t n) {
    ConsoleSink *c = (ConsoleSink *)sink;
    if (c->full) return;
    if (c->skip >= n) {
        c->skip -= n;
        return;
    }
    text += c->skip, n -= c->skip, c->skip = 0;
    if (n > sizeof c->chunk - c->n) console_flush(c);
    if (c->full) return;
    if (n > sizeof c->chunk)
        console_hand(c, text, n);
    else
        for (size_t i = 0; i < n; i++)
            c->chunk[c->n++] = text[i];
}

// A va_list as a parameter sees it. The formatter works on a copy, so the same one serves every attempt.
typedef __typeof__(&((va_list *)NULL)[0][0]) VaPointer;

// Lies on the printing goroutine's stack, under the 224 bytes of the door's saved arguments: small.
typedef struct PrintJob {
    const char *text; // a format for ap; ap NULL: n bytes
    VaPointer ap;
    size_t n;
    size_t done; // bytes that are out
    bool newline, complete;
} PrintJob;

// One attempt. System stack.
static void print_attempt(void *arg) {
    PrintJob *job = arg;
    if (job->done > 0) plat_console_drain();
    ConsoleSink c;
    c.sink = (FormatSink){console_write_piece, 0};
    c.skip = c.done = job->done;
    c.full = false;
    c.n = 0;
    if (job->ap)
        format_to(&c.sink, job->text, job->ap);
    else
        format_write(&c.sink, job->text, job->n);
    if (job->newline) format_write(&c.sink, "\n", 1);
    console_flush(&c);
    job->complete = !c.full;
    job->done = c.done;
}

// Inlined: saves a frame under the door.
static inline __attribute__((always_inline)) void print_job(PrintJob *job) {
    turn_take();
    for (;;) {
        size_t before = job->done;
        sys_call(print_attempt, job);
        if (job->complete) break;
        if (job->done == before)
            time_sleep(RETRY_NS);
        else
            RT_DOOR();
    }
    turn_give();
    RT_DOOR();
}

void output_format(const char *fmt, va_list ap, bool newline) {
    if (g_self()) {
        print_job(&(PrintJob){.text = fmt, .ap = ap, .newline = newline});
        return;
    }
    rt_vprintf(fmt, ap); // start or end of the machine
    if (newline) plat_write("\n", 1);
}

void print_bytes(const void *bytes, size_t n) {
    if (g_self())
        print_job(&(PrintJob){.text = bytes, .n = n});
    else
        plat_write(bytes, n);
}

// ---- reports of the program

static void report_attempt(void *arg) {
    PrintJob *job = arg;
    rt_vprintf(job->text, job->ap);
}

void output_report(const char *fmt, va_list ap) {
    PrintJob job = {.text = fmt, .ap = ap};
    if (!g_self()) {
        report_attempt(&job);
        return;
    }
    turn_take();
    sys_call(report_attempt, &job);
    turn_give();
    RT_DOOR();
}

// ---- buffers

typedef struct BufferJob {
    char *buf;
    size_t room, total;
    const char *fmt;
    VaPointer ap;
} BufferJob;

static void buffer_attempt(void *arg) {
    BufferJob *job = arg;
    BufferSink b = buffer_sink(job->buf, job->room ? job->room - 1 : 0);
    format_to(&b.sink, job->fmt, job->ap);
    job->total = b.sink.total;
    if (job->room) job->buf[job->total < job->room ? job->total : job->room - 1] = 0;
}

size_t output_buffer(char *buf, size_t room, const char *fmt, va_list ap) {
    BufferJob job = {.buf = buf, .room = room, .fmt = fmt, .ap = ap};
    sys_call(buffer_attempt, &job);
    RT_DOOR();
    return job.total;
}

// ---- StrBuf

// Room for n more characters and a NUL. The old text stays as it is: Strings of it may be in use.
static void strbuf_reserve(StrBuf *b, size_t n) {
    if (b->room > b->n && n < b->room - b->n) return;
    size_t room = b->room < 32 ? 64 : 2 * b->room;
    if (room < b->n + n + 1) room = b->n + n + 1;
    char *text = heap_alloc(room, NULL, 0);
    if (b->n) mem_copy(text, b->text, b->n);
    b->text = text;
    b->room = room;
}

void strbuf_add(StrBuf *b, const char *bytes, size_t n) {
    strbuf_reserve(b, n);
    mem_copy(b->text + b->n, bytes, n);
    b->n += n;
    b->text[b->n] = 0;
}

void output_strbuf(StrBuf *b, const char *fmt, va_list ap) {
    size_t n = output_buffer(NULL, 0, fmt, ap);
    strbuf_reserve(b, n);
    output_buffer(b->text + b->n, n + 1, fmt, ap);
    b->n += n;
}

String strbuf_string(const StrBuf *b) {
    return (String){b->text, (intptr_t)b->n};
}
