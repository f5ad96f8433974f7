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
#include "timer.h"

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

// Returns the goroutine that has the turn now and is to be made ready; NULL: nobody waits.
static G *turn_pass(void) {
    lock_acquire(&console.lock);
    G *g = console.first;
    if (g) {
        console.first = g->next;
        if (!console.first) console.last = NULL;
        g->next = NULL;
    } else
        console.busy = false;
    lock_release(&console.lock);
    return g;
}

// A macro: saves a frame under the doors.
#define TURN_GIVE()                                                                                          \
    do {                                                                                                     \
        G *next_ = turn_pass();                                                                              \
        if (next_) g_ready(next_);                                                                           \
    } while (0)

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

typedef enum { PRINT_START, PRINT_END, PRINT_PARK, PRINT_YIELD } PrintNext;

// Lies on the printing goroutine's stack, under the 224 bytes of the door's saved arguments: small.
typedef struct PrintJob {
    const char *text; // a format for ap; ap NULL: n bytes
    VaPointer ap;
    size_t n;
    size_t done; // bytes that are out
    bool newline;
    uint8_t next; // PrintNext
} PrintJob;

static void wake_printer(const struct Timer *copy, int64_t now) {
    g_ready(copy->arg);
}

// Arms the timer that wakes this goroutine from the park that it is about to enter; timers of a core fire in
// its scheduler, so not before. Not time_sleep, which goes too deep under print, and panics when there is no
// memory. False: no memory.
static bool arm_retry(void) {
    static struct Timer timer = {.fire = wake_printer}; // belongs to who has the turn
    timer.arg = g_self();
    return timer_arm(&timer, timer_deadline(RETRY_NS), 0) != ARM_NO_MEMORY;
}

// One attempt. System stack.
static void print_attempt(void *arg) {
    PrintJob *job = arg;
    if (job->next != PRINT_START) plat_console_drain();
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

    if (!c.full)
        job->next = PRINT_END;
    else
        job->next = c.done == job->done && arm_retry() ? PRINT_PARK : PRINT_YIELD;
    job->done = c.done;
}

// Inlined: saves a frame under the door.
static inline __attribute__((always_inline)) void print_job(PrintJob *job) {
    turn_take();
    for (;;) {
        sys_call(print_attempt, job);
        if (job->next == PRINT_END) break;
        if (job->next == PRINT_PARK)
            g_park(WAIT_CONSOLE, NULL);
        else
            g_yield();
    }
    TURN_GIVE();
    RT_DOOR();
}

// Standard error of a hosted process, and what the machine says while no goroutine runs.
static void report_attempt(void *arg) {
    PrintJob *job = arg;
    rt_vprintf(job->text, job->ap);
    if (job->newline) plat_write("\n", 1);
}

void output_format(const char *fmt, va_list ap, bool newline) {
    PrintJob job = {.text = fmt, .ap = ap, .newline = newline};
    if (g_self())
        print_job(&job);
    else
        sys_call(report_attempt, &job);
}

void print_bytes(const void *bytes, size_t n) {
    if (g_self())
        print_job(&(PrintJob){.text = bytes, .n = n});
    else
        plat_write(bytes, n);
}

void output_report(const char *fmt, va_list ap) {
    PrintJob job = {.text = fmt, .ap = ap};
    bool goroutine = g_self() != NULL;
    if (goroutine) turn_take();
    sys_call(report_attempt, &job);
    if (!goroutine) return;
    TURN_GIVE();
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

// Not inlined: its job would lie under strbuf_format's allocation.
__attribute__((noinline)) size_t output_buffer(char *buf, size_t room, const char *fmt, va_list ap) {
    BufferJob job = {.buf = buf, .room = room, .fmt = fmt, .ap = ap};
    sys_call(buffer_attempt, &job);
    RT_DOOR();
    return job.total;
}

// ---- StrBuf: growing is cut in two, so that the allocation, which goes deep, has few frames above it

// Bytes to allocate before n more characters and a NUL fit; 0: they fit already.
static size_t strbuf_want(const StrBuf *b, size_t n) {
    if (b->room > b->n && n < b->room - b->n) return 0;
    size_t room = b->room < 32 ? 64 : 2 * b->room, least = b->n + n + 1;
    return room < least ? least : room;
}

// text has b->room bytes. The old text stays as it is: Strings of it may be in use.
static void strbuf_move(StrBuf *b, char *text) {
    if (b->n) mem_copy(text, b->text, b->n);
    gc_shade(b->text); // b may be in the heap
    b->text = text;
}

void strbuf_add(StrBuf *b, const char *bytes, size_t n) {
    size_t room = strbuf_want(b, n);
    if (room) strbuf_move(b, heap_alloc(b->room = room, NULL, 0)); // does not return without memory
    mem_copy(b->text + b->n, bytes, n);
    b->n += n;
    b->text[b->n] = 0;
}

void output_strbuf(StrBuf *b, const char *fmt, va_list ap) {
    size_t room = strbuf_want(b, output_buffer(NULL, 0, fmt, ap));
    if (room) strbuf_move(b, heap_alloc(b->room = room, NULL, 0));
    b->n += output_buffer(b->text + b->n, b->room - b->n, fmt, ap);
}

String strbuf_string(const StrBuf *b) {
    return (String){b->text, (intptr_t)b->n};
}
