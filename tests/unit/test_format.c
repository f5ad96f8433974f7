// test_format.c -- the formatter against glibc's printf: a table of edges, then random formats and values.
#include "test.h"
#include "rt/format.c"
#include "rt/format_float.c"
#include <float.h>
#include <math.h>

#pragma GCC diagnostic ignored "-Wformat"
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
#pragma GCC diagnostic ignored "-Wformat-security"
#pragma GCC diagnostic ignored "-Wformat-truncation"

enum { ROOM = 4096 };

static size_t ours(char *buf, size_t room, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    BufferSink b = buffer_sink(buf, room - 1);
    format_to(&b.sink, fmt, ap);
    va_end(ap);
    buf[b.sink.total < room - 1 ? b.sink.total : room - 1] = 0;
    return b.sink.total;
}

#define SAME(...)                                                                                            \
    do {                                                                                                     \
        static char got_text[ROOM], want_text[ROOM];                                                         \
        int want_n = snprintf(want_text, ROOM, __VA_ARGS__);                                                 \
        size_t got_n = ours(got_text, ROOM, __VA_ARGS__);                                                    \
        CHECK_STR(got_text, want_text);                                                                      \
        CHECK_EQ(got_n, want_n);                                                                             \
    } while (0)

static const char *const int_flags[] = {"",   "-",  "0",  "+",  " ",  "#", "-0",
                                        "+0", " 0", "#0", "-#", "+-", "+ "};
static const char *const widths[] = {"", "1", "5", "20", "41", "*"};
static const char *const precisions[] = {"", ".", ".0", ".1", ".7", ".25", ".*"};
#define COUNT(a) (sizeof(a) / sizeof *(a))

// One conversion with every flag, width and precision; `arg` is passed after the stars' values.
#define ALL_FORMS(flags, letter, arg)                                                                        \
    do {                                                                                                     \
        for (size_t f = 0; f < COUNT(flags); f++)                                                            \
            for (size_t w = 0; w < COUNT(widths); w++)                                                       \
                for (size_t p = 0; p < COUNT(precisions); p++) {                                             \
                    char fmt[64];                                                                            \
                    sprintf(fmt, "<%%%s%s%s%s>", flags[f], widths[w], precisions[p], letter);                \
                    int star = (int)test_below(40) - 20;                                                     \
                    bool sw = widths[w][0] == '*', sp = precisions[p][0] && precisions[p][1] == '*';         \
                    if (sw && sp)                                                                            \
                        SAME(fmt, star, star / 2, arg);                                                      \
                    else if (sw || sp)                                                                       \
                        SAME(fmt, star, arg);                                                                \
                    else                                                                                     \
                        SAME(fmt, arg);                                                                      \
                }                                                                                            \
    } while (0)

static const char *const sign_flags[] = {"", "-", "0", "+", " ", "-0", "+0", " 0", "+-", "+ "};
static const char *const hash_flags[] = {"", "-", "0", "#", "-0", "#0", "-#"};
static const char *const text_flags[] = {"", "-"};

static void integers(void) {
    static const long long edges[] = {
        0,   1,   -1,    9,     10,      42,      -100,     127,       128,       -128,
        255, 256, 32767, 32768, INT_MAX, INT_MIN, UINT_MAX, LLONG_MAX, LLONG_MIN, 0xdeadbeefcafe,
        -8};
    for (size_t i = 0; i < COUNT(edges); i++) {
        ALL_FORMS(sign_flags, "d", (int)edges[i]);
        ALL_FORMS(sign_flags, "i", (int)edges[i]);
        ALL_FORMS(sign_flags, "hhd", (int)edges[i]);
        ALL_FORMS(sign_flags, "hd", (int)edges[i]);
        ALL_FORMS(sign_flags, "ld", (long)edges[i]);
        ALL_FORMS(sign_flags, "lld", edges[i]);
        ALL_FORMS(sign_flags, "jd", (intmax_t)edges[i]);
        ALL_FORMS(sign_flags, "zd", (ssize_t)edges[i]);
        ALL_FORMS(sign_flags, "td", (ptrdiff_t)edges[i]);
        ALL_FORMS(hash_flags, "x", (unsigned)edges[i]);
        ALL_FORMS(hash_flags, "X", (unsigned)edges[i]);
        ALL_FORMS(hash_flags, "o", (unsigned)edges[i]);
        ALL_FORMS(hash_flags, "lx", (unsigned long)edges[i]);
        ALL_FORMS(hash_flags, "llo", (unsigned long long)edges[i]);
        ALL_FORMS(hash_flags, "hhx", (unsigned)edges[i]);
        ALL_FORMS(text_flags, "u", (unsigned)edges[i]);
        ALL_FORMS(text_flags, "hu", (unsigned)edges[i]);
        ALL_FORMS(text_flags, "zu", (size_t)edges[i]);
    }
}

static void texts(void) {
    ALL_FORMS(text_flags, "s", "");
    ALL_FORMS(text_flags, "s", "hello, w\xc3\xb6rld");
    SAME("%c%c%5c%-5c|", 'a', 0x80, 'b', 'c');
    SAME("100%% of %d%%", 7);
    SAME("plain");
    SAME("%s %d %s %d %s %d %s %d %s", "a", 1, "b", 2, "c", 3, "d", 4, "e"); // beyond the registers
    SAME("%p|%20p|%-20p|", (void *)0x1234, (void *)&texts, (void *)1);
    char unterminated[3] = {'a', 'b', 'c'};
    SAME("%.3s|%.2s", unterminated, unterminated);

    char buf[32];
    CHECK_EQ(ours(buf, 32, "%p", NULL), 3);
    CHECK_STR(buf, "0x0");
    ours(buf, 32, "%s", NULL);
    CHECK_STR(buf, "(null)");
    ours(buf, 32, "a %y b", 1);
    CHECK_STR(buf, "a %!y b");
    ours(buf, 32, "end %-5", 1);
    CHECK_STR(buf, "end %!");
    CHECK_EQ(ours(buf, 4, "abcdefgh"), 8); // cut, counted in full
    CHECK_STR(buf, "abc");
    CHECK_EQ(ours(buf, 4, "%99999999999999999999d", 1), FORMAT_MAX_PAD);
    CHECK_EQ(ours(buf, 4, "%*d", INT_MIN, 1), FORMAT_MAX_PAD);
}

static double from_bits(uint64_t bits) {
    double v;
    memcpy(&v, &bits, 8);
    return v;
}

static const char *const float_letters[] = {"e", "f", "g", "E", "F", "G"};

// "%#g" from its definition in the C standard: glibc 2.36 prints "1.e+06" for 999999.5, which has too few
// digits.
static void hash_general(double v, int precision) {
    char e_form[ROOM], want[ROOM], got[ROOM];
    int p = precision ? precision : 1;
    snprintf(e_form, ROOM, "%.*e", p - 1, v);
    int x = isfinite(v) ? atoi(strchr(e_form, 'e') + 1) : 0;
    if (p > x && x >= -4)
        snprintf(want, ROOM, "%#.*f", p - 1 - x, v);
    else
        snprintf(want, ROOM, "%#.*e", p - 1, v);
    ours(got, ROOM, "%#.*g", precision, v);
    CHECK_STR(got, want);
}

static void float_all_forms(double v) {
    for (size_t k = 0; k < COUNT(float_letters); k++) {
        if ((float_letters[k][0] | 0x20) == 'g')
            ALL_FORMS(sign_flags, float_letters[k], v);
        else
            ALL_FORMS(int_flags, float_letters[k], v);
    }
    for (int p = 0; p < 25; p++)
        hash_general(v, p);
}

static void float_edges(void) {
    static const double edges[] = {
        0.0,
        -0.0,
        1,
        -1,
        0.5,
        1.5,
        2.5,
        0.25,
        0.125,
        0.1,
        0.3,
        9.5,
        9.9999995,
        99.5,
        999999.5,
        1e6,
        999999,
        123456789,
        0.0001,
        0.00001,
        0.00009999995,
        1e15,
        1e16,
        1e17,
        1e22,
        1e23,
        1e100,
        DBL_MAX,
        -DBL_MAX,
        DBL_MIN,
        DBL_TRUE_MIN,
        -DBL_TRUE_MIN,
        DBL_EPSILON,
        1.7976931348623157e308,
        2.2250738585072011e-308,
        4503599627370496.5,
        9007199254740993.0,
        5e-324,
        0.045,
        1.005,
        2.675,
        1e-5,
        123456.5,
        1234567.5,
        0.000123456789,
        INFINITY,
        -INFINITY,
        NAN,
    };
    for (size_t i = 0; i < COUNT(edges); i++) {
        float_all_forms(edges[i]);
        SAME("%.400f", edges[i]);
        SAME("%.800e", edges[i]);
        SAME("%.1100f", edges[i]); // all digits of the smallest
        hash_general(edges[i], 770);
    }
    SAME("%f %d %g %s %e %f %f %f %f %f %f %f", 1.5, 3, 2.25, "x", 1e10, 1., 2., 3., 4., 5., 6.,
         7.); // beyond xmm7
}

static double random_double(void) {
    switch (test_below(6)) {
    case 0:
        return from_bits(test_rand());
    case 1:
        return (double)(int64_t)test_rand() / (double)(1ull << test_below(60));
    case 2:
        return (double)test_below(100000) / 1000;
    case 3:
        return (double)test_below(1000) + 0.5; // ties
    case 4:
        return ldexp((double)test_below(1 << 20), (int)test_below(80) - 60);
    default:
        return from_bits(test_rand() & 0x800fffffffffffff); // denormal
    }
}

static void float_random(void) {
    for (int i = 0; i < 60000; i++) {
        char fmt[64];
        double v = random_double();
        int precision = (int)test_below(test_below(20) ? 20 : 400);
        const char *flags = int_flags[test_below(COUNT(int_flags))],
                   *letter = float_letters[test_below(COUNT(float_letters))];
        hash_general(v, precision);
        if (strchr(flags, '#') && (*letter | 0x20) == 'g') continue;
        sprintf(fmt, "%%%s%d.%d%s", flags, (int)test_below(40), precision, letter);
        SAME(fmt, v);
    }
    for (int i = 0; i < 20000; i++) { // 17 digits read back as the same double
        double v = random_double();
        char text[64];
        ours(text, 64, "%.17g", v);
        CHECK(isnan(v) || strtod(text, NULL) == v);
    }
}

// Random bytes as a format never crash it or write beyond the room.
static void junk(void) {
    static const char set[] = "%%%%-+ #0123456789.*hlzjtLq$diuxXocpeEfgGn\x80 ab";
    for (int i = 0; i < 50000; i++) {
        char fmt[16], buf[40];
        size_t n = test_below(sizeof fmt);
        for (size_t k = 0; k < n; k++)
            fmt[k] = set[test_below(sizeof set - 1)];
        fmt[n] = 0;
        memset(buf, 0x55, sizeof buf);
        ours(buf, 32, fmt, 1L, 2L, 3L, 4L, 5L, 6L, 7L, 8L, 9L, 1.5, 2.5, 3.5, 4.5, 5.5, 6.5, 7.5, 8.5, 9.5);
        for (size_t k = 32; k < sizeof buf; k++)
            CHECK_EQ(buf[k], 0x55);
    }
}

int main(void) {
    RUN(integers);
    RUN(texts);
    RUN(float_edges);
    RUN(float_random);
    RUN(junk);
    return test_done();
}
