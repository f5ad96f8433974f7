// tour.c -- the tour: each property of Go's design, claimed, shown as it happens on this machine with the numbers just measured, and judged.
//
//     tour [slow] [last] [fail]      slow: a pause after each claim; last: only the last one; fail: as if one did not hold
//
// Ends with status 0 if every claim holds, with 1 otherwise. docs/tour.md walks through it.
#include "tour.h"
#include <stdarg.h>

static int number, held, failed;
static bool slow, begun;

static void pause_between(void) {
    if (slow && begun) time_sleep(4 * SECOND);
    begun = true;
}

void claim(const char *what, const char *where) {
    pause_between();
    print("\n%d. %s\n   (%s)\n", ++number, what, where);
}

static void line(const char *mark, const char *fmt, va_list ap) {
    char text[400];
    str_vformat(text, sizeof text, fmt, ap);
    print("   %s %s\n", mark, text);
}

void seen(const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    line(" ", fmt, ap);
    va_end(ap);
}

void holds(bool true_, const char *fmt, ...) {
    if (true_) held++;
    else failed++;
    va_list ap;
    va_start(ap, fmt);
    line(true_ ? "ok" : "DOES NOT HOLD:", fmt, ap);
    va_end(ap);
}

int failures(void) { return failed; }

void landed(const char *what, const void *p, PlaceKind expected) {
    Place at = place_of(p);
    if (at.kind == PLACE_HEAP) holds(at.kind == expected, "%-44s heap, object of %lu bytes at %p", what, (unsigned long)at.bytes, p);
    else holds(at.kind == expected, "%-44s %s, %p", what, place_name(at.kind), p);
}

bool show_file(const char *name) {
    File f;
    FileStat st;
    const void *text;
    size_t n;
    if (file_open(&f, name) || file_fstat(&f, &st) || file_map(&f, &text, &n)) return false;
    for (const char *at = text, *end = at + n; at < end;) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        if (!stop) stop = end;
        seen("| %.*s", (int)(stop - at), at);
        at = stop + 1;
    }
    return true;
}

bool file_says(const char *name, const char *words) {
    File f;
    FileStat st;
    const void *text;
    size_t n, m = strlen(words);
    if (file_open(&f, name) || file_fstat(&f, &st) || file_map(&f, &text, &n)) return false;
    for (size_t i = 0; i + m <= n; i++)
        if (memcmp((const char *)text + i, words, m) == 0) return true;
    return false;
}

// From main.go.
void tour(bool wait, bool last, bool fail) {
    slow = wait;
    print("A tour of Go's runtime on this machine: %d cores, goroutines and nothing below them.\n", cpu_count());
    if (!last) {
        escape_claims();
        heap_claims();
        layout_claims();
        collector_claims();
        stack_claims();
        channel_claims();
        sched_claims();
        build_claims();
    }
    if (fail) holds(false, "asked to fail");
    limit_claim();
}
