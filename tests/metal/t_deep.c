// t_deep.c -- stacks grow under every kind of call.
//
// A chain of 100,000 frames, and at each of its depths one call of every kind: few and many arguments,
// variadic, structures by value and returned, long double, SSE arguments, a large frame. The frames of the
// chain vary in size, so each kind meets the edge of a segment somewhere, at every alignment. Then a million
// frames of the smallest kind.
//
// smp: 2
#include "metal.h"

typedef struct Big {
    uint64_t v[9];
} Big; // returned through memory
typedef struct Pair {
    uint64_t a, b;
} Pair; // returned in rax, rdx
typedef struct Mixed {
    double d;
    long n;
} Mixed; // returned in xmm0, rax

#define NOINLINE __attribute__((noinline, noclone))

static NOINLINE Big make_big(uint64_t x) {
    Big b;
    for (int i = 0; i < 9; i++)
        b.v[i] = x + (uint64_t)i;
    return b;
}
static NOINLINE Pair make_pair(uint64_t x) {
    return (Pair){x, ~x};
}
static NOINLINE Mixed make_mixed(long x) {
    return (Mixed){(double)x * 0.5, x + 1};
}
static NOINLINE long double make_long_double(long double x) {
    return x * 2 + 1;
}
static NOINLINE uint64_t by_value(Big b, uint64_t x) {
    uint64_t sum = x;
    for (int i = 0; i < 9; i++)
        sum += b.v[i];
    return sum;
}
// 14 integers (8 on the stack), 10 doubles (2 on the stack), a long double (on the stack)
static NOINLINE double many(long a, long b, long c, long d, long e, long f, double p, double q, double r,
                            double s, double t, double u, double v, double w, double x, double y, long g,
                            long h, long i, long j, long k, long l, long m, long n, long double z) {
    return (double)(a + 2 * b + 3 * c + 4 * d + 5 * e + 6 * f + 7 * g + 8 * h + 9 * i + 10 * j + 11 * k +
                    12 * l + 13 * m + 14 * n) +
           p + q + r + s + t + u + v + w + 3 * x + 5 * y + (double)z;
}
static NOINLINE long variadic(int n, ...) {
    va_list ap;
    va_start(ap, n);
    long sum = 0;
    for (int i = 0; i < n; i++)
        sum = sum * 3 + va_arg(ap, long);
    va_end(ap);
    return sum;
}
static NOINLINE double variadic_double(int n, ...) {
    va_list ap;
    va_start(ap, n);
    double sum = 0;
    for (int i = 0; i < n; i++)
        sum = sum * 2 + va_arg(ap, double);
    va_end(ap);
    return sum;
}
static NOINLINE uint64_t large_frame(uint64_t x) { // over the 256 bytes that a prologue checks by rsp alone
    volatile uint64_t room[180];
    for (int i = 0; i < 180; i++)
        room[i] = x ^ (uint64_t)i;
    uint64_t sum = 0;
    for (int i = 0; i < 180; i++)
        sum += room[i] ^ (uint64_t)i;
    return sum;
}
// The static chain travels in r10, which prologues and __morestack use as well; rax counts vector registers
// above.
static NOINLINE uint64_t eight(uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e, uint64_t f,
                               uint64_t g, uint64_t h) {
    return a ^ b << 1 ^ c << 2 ^ d << 3 ^ e << 4 ^ f << 5 ^ g << 6 ^ h << 7;
}

static uint64_t wrong;
#define PROBE(cond)                                                                                          \
    do {                                                                                                     \
        CHECK_QUIETLY(cond);                                                                                 \
        wrong += !(cond);                                                                                    \
    } while (0)

static NOINLINE void probe(uint64_t n) {
    long s = (long)n;
    Big b = make_big(n);
    PROBE(b.v[0] == n && b.v[8] == n + 8);
    Pair p = make_pair(n);
    PROBE(p.a == n && p.b == ~n);
    Mixed m = make_mixed(s);
    PROBE(m.d == (double)s * 0.5 && m.n == s + 1);
    PROBE(make_long_double((long double)s) == (long double)s * 2 + 1);
    PROBE(by_value(b, 7) == 9 * n + 36 + 7);
    PROBE(many(s, 1, 1, 1, 1, 1, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 1, 1, 1, 1, 1, 1, 1, s,
               0.5L) == (double)(15 * s + 90) + 36 + 27 + 50 + 0.5);
    PROBE(variadic(9, s, 2l, 3l, 4l, 5l, 6l, 7l, 8l, 9l) ==
          6561 * s + 2 * 2187 + 3 * 729 + 4 * 243 + 5 * 81 + 6 * 27 + 7 * 9 + 8 * 3 + 9);
    PROBE(variadic_double(10, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, (double)s) == 2026.0 + (double)s);
    PROBE(large_frame(n) == 180 * n);
    PROBE(eight(n, 1, 2, 3, 4, 5, 6, 7) == (n ^ 2 ^ 8 ^ 24 ^ 64 ^ 160 ^ 384 ^ 896));
}

// Each returns the depth below it, computed on the way back: a frame that was overrun shows.
static NOINLINE uint64_t chain(uint64_t n);
#define CHAIN(name, words)                                                                                   \
    static NOINLINE uint64_t name(uint64_t n) {                                                              \
        volatile uint64_t room[words];                                                                       \
        for (int i = 0; i < words; i++)                                                                      \
            room[i] = n * 31 + (uint64_t)i;                                                                  \
        uint64_t below = chain(n - 1);                                                                       \
        for (int i = 0; i < words; i++)                                                                      \
            PROBE(room[i] == n * 31 + (uint64_t)i);                                                          \
        return below + 1;                                                                                    \
    }
CHAIN(chain1, 1)
CHAIN(chain2, 3) CHAIN(chain3, 6) CHAIN(chain4, 11) CHAIN(chain5, 17) CHAIN(chain6, 29)
    CHAIN(chain7, 64) static NOINLINE uint64_t chain(uint64_t n) {
    if (n == 0) return 0;
    probe(n);
    switch (n % 7) {
    case 0:
        return chain1(n);
    case 1:
        return chain2(n);
    case 2:
        return chain3(n);
    case 3:
        return chain4(n);
    case 4:
        return chain5(n);
    case 5:
        return chain6(n);
    default:
        return chain7(n);
    }
}

static NOINLINE uint64_t plain(uint64_t n) {
    if (n == 0) return 0;
    uint64_t below = plain(n - 1);
    __asm__ volatile("" : "+r"(below)); // no tail call, no loop
    return below + 1;
}

static long depth, plain_depth;
static _Atomic int done;
static void deep(void *unused) {
    int64_t splits = SUM_OVER_CORES(n_splits);
    check_equal("depth of the mixed chain", (int64_t)chain((uint64_t)depth), depth);
    check_equal("wrong results on the way", (int64_t)wrong, 0);
    check_at_least("segments entered", SUM_OVER_CORES(n_splits) - splits, depth / 2000);
    check_equal("depth of the plain chain", (int64_t)plain((uint64_t)plain_depth), plain_depth);
    check_equal("the same a second time, over the kept segment", (int64_t)plain(1000), 1000);
    store_release(&done, 1); // pairs with main's load
}

int main(int argc, char **argv) {
    depth = arg_number(argc, argv, 1, 100000);
    plain_depth = arg_number(argc, argv, 2, 1000000);
    PageStats before = pages_now();
    go(deep, NULL);
    check_true("the deep goroutine ends", WAIT_UNTIL(load_acquire(&done) && goroutine_count() == 1, 60));
    PageStats after = pages_now();
    // what the cores may keep in their caches
    check_at_most("bytes not given back", (int64_t)before.free - (int64_t)after.free,
                  (int64_t)cpu_count() << 20);
    return check_end("t_deep");
}
