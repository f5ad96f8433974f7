// metal.h -- what the stress programs share: checks that print what was expected and got, and looks inside
// the runtime.
//
// These programs include the inside of the runtime (core.h) beside the public header. They run booted and as
// a process alike; each ends with status 0 only if every check held. Functions marked ON_SYSTEM_STACK are
// entered by sys_call: no split-stack prologue, which would compare the system stack with a goroutine's
// guard.
#pragma once
#include "rt/burrow.h"
#include "rt/core.h"
#include <stdarg.h>

#define ON_SYSTEM_STACK __attribute__((no_split_stack))

// ---- saying
typedef struct SayArgs {
    const char *fmt;
    va_list *ap;
} SayArgs;
void rt_vprintf(const char *fmt, va_list ap);
static ON_SYSTEM_STACK void say_here(void *arg) {
    SayArgs *a = arg;
    rt_vprintf(a->fmt, *a->ap);
}
// The runtime's report printf: depends on nothing that is under test.
static inline __attribute__((format(printf, 1, 2))) void say(const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    SayArgs a = {fmt, &ap};
    sys_call(say_here, &a);
    va_end(ap);
}

// ---- checking
static _Atomic int check_failures;

static inline void check_true(const char *what, bool ok) {
    if (!ok) fetch_add(&check_failures, 1);
    say("%s %s: %s, expected true\n", ok ? "ok  " : "FAIL", what, ok ? "true" : "false");
}
static inline void check_range(const char *what, int64_t got, int64_t lo, int64_t hi) {
    bool ok = got >= lo && got <= hi;
    if (!ok) fetch_add(&check_failures, 1);
    if (lo == INT64_MIN)
        say("%s %s: %ld, expected at most %ld\n", ok ? "ok  " : "FAIL", what, got, hi);
    else if (hi == INT64_MAX)
        say("%s %s: %ld, expected at least %ld\n", ok ? "ok  " : "FAIL", what, got, lo);
    else
        say("%s %s: %ld, expected %ld to %ld\n", ok ? "ok  " : "FAIL", what, got, lo, hi);
}
static inline void check_at_least(const char *what, int64_t got, int64_t least) {
    check_range(what, got, least, INT64_MAX);
}
static inline void check_at_most(const char *what, int64_t got, int64_t most) {
    check_range(what, got, INT64_MIN, most);
}
static inline void check_equal(const char *what, int64_t got, int64_t want) {
    bool ok = got == want;
    if (!ok) fetch_add(&check_failures, 1);
    say("%s %s: %ld, expected %ld\n", ok ? "ok  " : "FAIL", what, got, want);
}
// Last statement of main.
static inline int check_end(const char *name) {
    int n = load_seq(&check_failures);
    if (n)
        say("%s: FAILED, %d checks\n", name, n);
    else
        say("%s: passed\n", name);
    return n ? 1 : 0;
}
// For checks inside of loops: counts, speaks once per place.
#define CHECK_QUIETLY(cond)                                                                                  \
    do {                                                                                                     \
        static _Atomic int said_;                                                                            \
        if (unlikely(!(cond))) {                                                                             \
            fetch_add(&check_failures, 1);                                                                   \
            if (!exchange(&said_, 1)) say("FAIL line %d: expected %s\n", __LINE__, #cond);                   \
        }                                                                                                    \
    } while (0)

// ---- waiting for another goroutine's progress, without what is under test
#define WAIT_UNTIL(cond, seconds)                                                                            \
    ({                                                                                                       \
        int64_t give_up_ = plat_now_ns() + (seconds)*SECOND;                                                 \
        bool held_;                                                                                          \
        while (!(held_ = (cond)) && plat_now_ns() < give_up_)                                                \
            gosched();                                                                                       \
        held_;                                                                                               \
    })

// ---- sizes and seeds from the command line: argument number i, or a default
static inline long arg_number(int argc, char **argv, int i, long otherwise) {
    if (i >= argc) return otherwise;
    long n = 0;
    for (const char *s = argv[i]; *s >= '0' && *s <= '9'; s++)
        n = n * 10 + (*s - '0');
    return n;
}

// ---- looks inside
static ON_SYSTEM_STACK void page_stats_here(void *out) {
    *(PageStats *)out = page_stats();
}
static ON_SYSTEM_STACK void seg_stats_here(void *out) {
    *(SegStats *)out = seg_stats();
}
static inline PageStats pages_now(void) {
    PageStats s;
    sys_call(page_stats_here, &s);
    return s;
}
static inline SegStats segments_now(void) {
    SegStats s;
    sys_call(seg_stats_here, &s);
    return s;
}
// Sum of one statistics field over all cores.
#define SUM_OVER_CORES(field)                                                                                \
    ({                                                                                                       \
        int64_t sum_ = 0;                                                                                    \
        for (int i_ = 0; i_ < cpu_count(); i_++)                                                             \
            sum_ += (int64_t)rt_ps[i_]->field;                                                               \
        sum_;                                                                                                \
    })
