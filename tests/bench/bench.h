// bench.h -- what the programs of the head-to-head share: how they measure, and their command line.
//
//     PROGRAM [-ms N] [-reps N] [-p N] [-mib N] [-scale PERCENT] [-only FIGURE] NAME...     (no name: list)
//
// One line per result: name <TAB> median <TAB> unit <TAB> lowest <TAB> highest. Under -icount shift=0 a nanosecond of the clock is
// one guest instruction, so ns/op are instructions per operation; hosted they are nanoseconds.
#pragma once
#include "rt/burrow.h"

static int64_t budget_ms = 100;
static int reps = 3;
static int64_t option_p, option_mib, scale = 100;
static const char *option_only; // of the figures of per_op: this one alone
static bool collects; // per_op begins each measurement with a collection, as Go's does: for what allocates
static inline void start_clean(void) {
    if (collects) gc_collect();
}

static inline void emit(const char *name, double v, const char *unit) { print("%s\t%.1f\t%s\n", name, v, unit); }

static inline void sort_doubles(double *v, int n) {
    for (int i = 1; i < n; i++)
        for (int j = i; j > 0 && v[j] < v[j - 1]; j--) {
            double t = v[j];
            v[j] = v[j - 1];
            v[j - 1] = t;
        }
}

// Finds n so that one repetition lasts budget / reps, then reports the median time per operation. f(n) does n operations.
static inline void per_op_from(const char *name, int64_t n0, void (*f)(int64_t n)) {
    if (option_only && strcmp(option_only, name) != 0) return;
    int64_t want = budget_ms * MILLISECOND / reps, n = n0;
    for (;;) {
        start_clean();
        int64_t s = time_now_ns();
        f(n);
        int64_t d = time_now_ns() - s;
        if (d >= want / 2 || n >= 1 << 30) {
            n = (int64_t)((double)n * (double)want / (double)(d + 1)) + 1;
            break;
        }
        if (d < 1000) d = 1000;
        int64_t m = (int64_t)((double)n * (double)want / (double)d);
        if (m > n * 50) m = n * 50;
        n = m <= n ? n + 1 : m;
    }
    double v[16];
    for (int r = 0; r < reps; r++) {
        start_clean();
        int64_t s = time_now_ns();
        f(n);
        v[r] = (double)(time_now_ns() - s) / (double)n;
    }
    sort_doubles(v, reps);
    print("%s\t%.1f\tns/op\t%.1f\t%.1f\n", name, v[reps / 2], v[0], v[reps - 1]);
}
static inline void per_op(const char *name, void (*f)(int64_t n)) { per_op_from(name, 1, f); }

// A job of fixed size, k times: the median in ms.
static inline void once(const char *name, int k, void (*f)(void)) {
    double v[16];
    for (int r = 0; r < k; r++) {
        start_clean();
        int64_t s = time_now_ns();
        f();
        v[r] = (double)(time_now_ns() - s) / 1e6;
    }
    sort_doubles(v, k);
    print("%s\t%.3f\tms\t%.3f\t%.3f\n", name, v[k / 2], v[0], v[k - 1]);
}

// ---- random numbers: xorshift64*
static inline uint64_t rng_next(uint64_t *r) {
    uint64_t x = *r;
    x ^= x >> 12, x ^= x << 25, x ^= x >> 27;
    *r = x;
    return x * 2685821657736338717ull;
}

// ---- histogram: 32 steps for each power of two
typedef struct Hist {
    uint64_t n;
    int64_t max;
    uint32_t b[60 * 32];
} Hist;
TYPE_NOSCAN(Hist);
static inline void hist_add(Hist *h, int64_t v) {
    uint64_t u = v < 0 ? 0 : (uint64_t)v;
    if (v > h->max) h->max = v;
    h->n++;
    int e = u < 64 ? 0 : 63 - __builtin_clzll(u) - 5;
    h->b[e == 0 ? u : 64 + (uint64_t)(e - 1) * 32 + (u >> e) - 32]++;
}
static inline double hist_at(const Hist *h, double p) {
    uint64_t want = (uint64_t)(p * (double)h->n), sum = 0;
    for (int i = 0; i < 60 * 32; i++) {
        sum += h->b[i];
        if (sum <= want) continue;
        if (i < 64) return i;
        int e = (i - 64) / 32 + 1;
        return (double)((uint64_t)((i - 64) % 32 + 32) << e) + (double)(1ull << e) / 2;
    }
    return (double)h->max;
}
static inline void hist_merge(Hist *h, const Hist *o) {
    h->n += o->n;
    if (o->max > h->max) h->max = o->max;
    for (int i = 0; i < 60 * 32; i++)
        h->b[i] += o->b[i];
}
static inline void hist_emit(const char *name, const Hist *h) {
    print("%s.p50\t%.1f\tus\n%s.p99\t%.1f\tus\n%s.p999\t%.1f\tus\n%s.max\t%.1f\tus\n%s.samples\t%lu\tcount\n", name, hist_at(h, 0.5) / 1e3, name,
          hist_at(h, 0.99) / 1e3, name, hist_at(h, 0.999) / 1e3, name, (double)h->max / 1e3, name, (ulong)h->n);
}

// ---- the command line
typedef struct Bench {
    const char *name;
    void (*run)(void);
} Bench;

static inline int64_t number(const char *s) {
    int64_t v = 0;
    for (; *s >= '0' && *s <= '9'; s++)
        v = v * 10 + (*s - '0');
    return v;
}

static inline int bench_main(int argc, char **argv, const Bench *benches, size_t n) {
    int i = 1;
    for (; i + 1 < argc && argv[i][0] == '-'; i += 2) {
        if (strcmp(argv[i], "-mib") == 0) option_mib = number(argv[i + 1]);
        else if (argv[i][1] == 'm') budget_ms = number(argv[i + 1]);
        else if (argv[i][1] == 'r') reps = (int)number(argv[i + 1]);
        else if (argv[i][1] == 's') scale = number(argv[i + 1]);
        else if (argv[i][1] == 'o') option_only = argv[i + 1];
        else if (argv[i][1] == 'p') option_p = number(argv[i + 1]);
    }
    if (reps < 1 || reps > 16) reps = 3;
    int ran = 0;
    for (; i < argc; i++)
        for (size_t k = 0; k < n; k++)
            if (strcmp(argv[i], benches[k].name) == 0) {
                benches[k].run();
                ran++;
            }
    if (ran) return 0;
    for (size_t k = 0; k < n; k++)
        print("%s\n", benches[k].name);
    return 2;
}
