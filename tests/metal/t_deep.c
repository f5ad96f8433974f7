// t_deep.c -- stacks grow under every kind of call.
//
// A chain of 100,000 frames, and at each of its depths one call of every kind: few and many arguments,
// variadic, structures by value and returned, long double, SSE arguments, a large frame. The frames of the
// chain vary in size. Before it the same calls at every distance from the edge of a segment, in steps of 16
// bytes, so that each kind is the one that grows the stack (counted); all arguments differ from depth to
// depth, so that none can be an older call's. Then a million frames of the smallest kind.
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

// (noipa: else the compiler would not pass what it knows already)
#define NOINLINE __attribute__((noipa))

// Each kind notes where its frame is. If that is further below the caller's than both are large, the call has
// gone to another segment: it is the edge's slack away at least.
static uintptr_t entered;
#define ENTER() (entered = (uintptr_t)__builtin_frame_address(0))
typedef enum { BIG, PAIR, MIXED, LONG_DOUBLE, BY_VALUE, MANY, VARIADIC, VARIADIC_DOUBLE, EIGHT, KINDS } Kind;
static const char *const kind_names[KINDS] = {"structure returned in memory",
                                              "structure returned in registers",
                                              "structure of two classes",
                                              "long double",
                                              "structure by value",
                                              "many arguments",
                                              "variadic",
                                              "variadic doubles",
                                              "eight arguments"};
static int64_t edge[KINDS]; // calls of the kind that grew the stack

static NOINLINE Big make_big(uint64_t x) {
    ENTER();
    Big b;
    for (int i = 0; i < 9; i++)
        b.v[i] = x + (uint64_t)i;
    return b;
}
static NOINLINE Pair make_pair(uint64_t x) {
    ENTER();
    return (Pair){x, ~x};
}
static NOINLINE Mixed make_mixed(long x) {
    ENTER();
    return (Mixed){(double)x * 0.5, x + 1};
}
static NOINLINE long double make_long_double(long double x) {
    ENTER();
    return x * 2 + 1;
}
static NOINLINE uint64_t by_value(Big b, uint64_t x) {
    ENTER();
    uint64_t sum = x;
    for (int i = 0; i < 9; i++)
        sum = sum * 3 + b.v[i];
    return sum;
}
// 14 integers (8 on the stack), 10 doubles (2 on the stack), a long double (on the stack)
static NOINLINE double many(long a, long b, long c, long d, long e, long f, double p, double q, double r,
                            double s, double t, double u, double v, double w, double x, double y, long g,
                            long h, long i, long j, long k, long l, long m, long n, long double z) {
    ENTER();
    return (double)(a + 2 * b + 3 * c + 4 * d + 5 * e + 6 * f + 7 * g + 8 * h + 9 * i + 10 * j + 11 * k +
                    12 * l + 13 * m + 14 * n) +
           p + q + r + s + t + u + v + w + 3 * x + 5 * y + (double)z;
}
static NOINLINE long variadic(int n, ...) {
    ENTER();
    va_list ap;
    va_start(ap, n);
    long sum = 0;
    for (int i = 0; i < n; i++)
        sum = sum * 3 + va_arg(ap, long);
    va_end(ap);
    return sum;
}
static NOINLINE double variadic_double(int n, ...) {
    ENTER();
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
    ENTER();
    return a ^ b << 1 ^ c << 2 ^ d << 3 ^ e << 4 ^ f << 5 ^ g << 6 ^ h << 7;
}

static uint64_t wrong;
#define PROBE(cond)                                                                                          \
    do {                                                                                                     \
        CHECK_QUIETLY(cond);                                                                                 \
        wrong += !(cond);                                                                                    \
    } while (0)

#define NEAR         600 // bytes, at most, between the frames of probe and of what it calls in the same segment
#define CALLED(kind) (edge[kind] += (uintptr_t)__builtin_frame_address(0) - entered > NEAR)

static NOINLINE void probe(uint64_t n) {
    long s = (long)n;
    double d = (double)s;
    Big b = make_big(n);
    CALLED(BIG);
    PROBE(b.v[0] == n && b.v[8] == n + 8);
    Pair p = make_pair(n);
    CALLED(PAIR);
    PROBE(p.a == n && p.b == ~n);
    Mixed m = make_mixed(s);
    CALLED(MIXED);
    PROBE(m.d == d * 0.5 && m.n == s + 1);
    long double ld = make_long_double((long double)s);
    CALLED(LONG_DOUBLE);
    PROBE(ld == (long double)s * 2 + 1);
    uint64_t sum = by_value(b, 7); // 9 digits n + i in base 3
    CALLED(BY_VALUE);
    PROBE(sum == 7 * 19683 + 9841 * n + 4916);
    double x = many(s, s + 1, s + 2, s + 3, s + 4, s + 5, d, d, d, d, d, d, d, d, d + 1, d + 2, s + 6, s + 7,
                    s + 8, s + 9, s + 10, s + 11, s + 12, s + 13, (long double)s + 0.5L);
    CALLED(MANY);
    PROBE(x == (double)(105 * s + 910) + 8 * d + 3 * (d + 1) + 5 * (d + 2) + d + 0.5);
    long v = variadic(9, s, s + 1, s + 2, s + 3, s + 4, s + 5, s + 6, s + 7, s + 8);
    CALLED(VARIADIC);
    PROBE(v == 9841 * s + 4916);
    double vd = variadic_double(10, d, d, d, d, d, d, d, d, d + 1, d + 2);
    CALLED(VARIADIC_DOUBLE);
    PROBE(vd == 1023 * d + 4);
    PROBE(large_frame(n) == 180 * n);
    uint64_t e = eight(n, n + 1, n + 2, n + 3, n + 4, n + 5, n + 6, n + 7);
    CALLED(EIGHT);
    PROBE(e == (n ^ (n + 1) << 1 ^ (n + 2) << 2 ^ (n + 3) << 3 ^ (n + 4) << 4 ^ (n + 5) << 5 ^ (n + 6) << 6 ^
                (n + 7) << 7));
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
CHAIN(chain2, 3)
CHAIN(chain3, 6) CHAIN(chain4, 11) CHAIN(chain5, 17) CHAIN(chain6, 29)
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

// probe, n steps further down: frames of the smallest size, which is also what frames are multiples of.
static NOINLINE void down(uint64_t n, uint64_t i) {
    if (n == 0)
        probe(i);
    else
        down(n - 1, i);
    __asm__ volatile("" : : : "memory"); // no tail call
}

static void edges(void) {
    for (uint64_t n = 0; n < 400; n++)
        down(n, 3 * n);
    for (int k = 0; k < KINDS; k++)
        check_at_least(kind_names[k], edge[k], 1);
    check_equal("wrong results at the edges", (int64_t)wrong, 0);
}

static long depth, plain_depth;
static _Atomic int done;
static void deep(void *unused) {
    edges();
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
