// test_str.c -- the machine's string functions against glibc's, at every size, alignment and overlap that is
// small, and the functions with doors at sizes around a piece.
//
// The machine's versions are compiled here under other names; their headers come first, under the real ones.
#include "test.h"
#include "rt/core.h"
#include "rt/api/str.h"

#define memcpy  my_memcpy
#define memmove my_memmove
#define memset  my_memset
#define memcmp  my_memcmp
#define memchr  my_memchr
#define strlen  my_strlen
#define strnlen my_strnlen
#define strcmp  my_strcmp
#define strncmp my_strncmp
#define strchr  my_strchr
#define strrchr my_strrchr
#define strstr  my_strstr
void *my_memcpy(void *restrict dst, const void *restrict src, size_t n);
void *my_memmove(void *dst, const void *src, size_t n);
void *my_memset(void *dst, int byte, size_t n);
int my_memcmp(const void *a, const void *b, size_t n);
void *my_memchr(const void *s, int byte, size_t n);
size_t my_strlen(const char *s);
size_t my_strnlen(const char *s, size_t most);
int my_strcmp(const char *a, const char *b);
int my_strncmp(const char *a, const char *b, size_t n);
char *my_strchr(const char *s, int c);
char *my_strrchr(const char *s, int c);
char *my_strstr(const char *text, const char *word);
#include "kernel/string.c"

// str.c with a door that counts; %gs is not ours in a test.
static unsigned doors;
#undef RT_DOOR
#define RT_DOOR() (doors++)
#include "rt/str.c"
#undef memcpy
#undef memmove
#undef memset
#undef memcmp
#undef memchr
#undef strlen
#undef strnlen
#undef strcmp
#undef strncmp
#undef strchr
#undef strrchr
#undef strstr

enum { N = 96 };
static unsigned char ours[N], theirs[N];

static void fill(void) {
    for (int i = 0; i < N; i++)
        ours[i] = theirs[i] = (unsigned char)test_rand();
}
static int sign(int v) {
    return (v > 0) - (v < 0);
}

static void copies(void) {
    for (size_t n = 0; n < 40; n++)
        for (size_t from = 0; from<48; from += n> 20 ? 3 : 1)
            for (size_t to = 0; to < 48; to++) {
                fill();
                CHECK_PTR(my_memmove(ours + to, ours + from, n), ours + to);
                memmove(theirs + to, theirs + from, n);
                CHECK_MEM(ours, theirs, N);
                if (from + n <= to || to + n <= from) {
                    CHECK_PTR(my_memcpy(ours + to, ours + from, n), ours + to);
                    CHECK_MEM(ours, theirs, N);
                }
                CHECK_PTR(my_memset(ours + to, (int)n + 200, n), ours + to);
                memset(theirs + to, (int)n + 200, n);
                CHECK_MEM(ours, theirs, N);
            }
}

static void compares(void) {
    for (int i = 0; i < 50000; i++) {
        size_t n = test_below(24), a = test_below(24), b = 48 + test_below(24);
        for (int k = 0; k < N; k++)
            ours[k] = (unsigned char)(test_below(2) ? 0x80 : 1);
        if (test_below(2)) memcpy(ours + b, ours + a, n);
        CHECK_EQ(sign(my_memcmp(ours + a, ours + b, n)), sign(memcmp(ours + a, ours + b, n)));
        CHECK_EQ(sign(mem_compare(ours + a, ours + b, n)), sign(memcmp(ours + a, ours + b, n)));
    }
}

static void texts(void) {
    for (int i = 0; i < 50000; i++) {
        char a[16], b[16];
        size_t n = test_below(16), m = test_below(6);
        for (size_t k = 0; k < n; k++)
            a[k] = "ab\xc3"[test_below(3)];
        for (size_t k = 0; k < m; k++)
            b[k] = "ab\xc3"[test_below(3)];
        a[n] = b[m] = 0;
        int c = "abc\0\xc3"[test_below(5)];
        size_t most = test_below(18);
        CHECK_EQ(my_strlen(a), n);
        CHECK_EQ(my_strnlen(a, most), strnlen(a, most));
        CHECK_EQ(sign(my_strcmp(a, b)), sign(strcmp(a, b)));
        CHECK_EQ(sign(my_strncmp(a, b, most)), sign(strncmp(a, b, most)));
        CHECK_PTR(my_strchr(a, c), strchr(a, c));
        CHECK_PTR(my_strrchr(a, c), strrchr(a, c));
        CHECK_PTR(my_strstr(a, b), strstr(a, b));
        CHECK_PTR(my_memchr(a, c, n), memchr(a, c, n));
        const char *hit = strstr(a, b);
        CHECK_EQ(string_index(string_of(a), string_of(b)), hit ? hit - a : -1);
        CHECK_EQ(sign(string_compare(string_of(a), string_of(b))), sign(strcmp(a, b)));
        CHECK_EQ(string_equal(string_of(a), string_of(b)), strcmp(a, b) == 0);
    }
    CHECK_EQ(string_of(NULL).n, 0);
    CHECK_EQ(string_index(string_of("abc"), string_of("")), 0);
    CHECK_EQ(string_index(string_of(""), string_of("a")), -1);
}

static void large(void) {
    static const size_t sizes[] = {0, 1, PIECE - 1, PIECE, PIECE + 1, 3 * PIECE + 7};
    size_t room = 4 * PIECE;
    unsigned char *a = malloc(room), *b = malloc(room);
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
        for (int shift = -9; shift <= 9; shift += 3) {
            size_t n = sizes[s];
            for (size_t i = 0; i < room; i++)
                a[i] = b[i] = (unsigned char)(i * 7 + i / 251);
            doors = 0;
            mem_move(a + 16 + shift, a + 16, n);
            CHECK_EQ(doors, (n + PIECE - 1) / PIECE);
            memmove(b + 16 + shift, b + 16, n);
            CHECK_MEM(a, b, room);
            mem_set(a + 3, shift, n);
            memset(b + 3, shift, n);
            CHECK_MEM(a, b, room);
            mem_copy(b, a, n);
            CHECK_EQ(mem_compare(a, b, n), 0);
            if (n > 0) {
                b[n - 1]++;
                CHECK_EQ(sign(mem_compare(a, b, n)), sign(memcmp(a, b, n)));
            }
        }
    memset(a, 'a', room); // a match across two pieces, and none at the very end
    memcpy(a + PIECE - 2, "needle", 6);
    CHECK_EQ(string_index((String){(char *)a, (intptr_t)room}, string_of("needle")), PIECE - 2);
    CHECK_EQ(string_index((String){(char *)a, PIECE + 3}, string_of("needle")), -1);
    free(a);
    free(b);
}

static void numbers(void) {
    static const struct {
        const char *text;
        int base;
        bool ok;
        int64_t v;
    } cases[] = {
        {"0", 10, true, 0},
        {"-0", 10, true, 0},
        {"+7", 10, true, 7},
        {"9223372036854775807", 10, true, INT64_MAX},
        {"-9223372036854775808", 10, true, INT64_MIN},
        {"9223372036854775808", 10, false, 0},
        {"-9223372036854775809", 10, false, 0},
        {"99999999999999999999", 10, false, 0},
        {"", 10, false, 0},
        {"-", 10, false, 0},
        {"--1", 10, false, 0},
        {" 1", 10, false, 0},
        {"1 ", 10, false, 0},
        {"1x", 10, false, 0},
        {"ff", 16, true, 255},
        {"FF", 16, true, 255},
        {"0xff", 0, true, 255},
        {"-0X10", 0, true, -16},
        {"017", 0, true, 15},
        {"0", 0, true, 0},
        {"08", 0, false, 0},
        {"0x", 0, false, 0},
        {"zz", 36, true, 1295},
        {"12", 2, false, 0},
        {"1", 1, false, 0},
        {"1", 37, false, 0},
        {"[", 36, false, 0},
        {"@", 36, false, 0},
        {"`", 36, false, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t v = 42;
        CHECK_EQ(parse_int(string_of(cases[i].text), cases[i].base, &v), cases[i].ok);
        CHECK_EQ(v, cases[i].ok ? cases[i].v : 42);
    }
    uint64_t u = 1;
    CHECK(parse_uint(string_of("18446744073709551615"), 10, &u));
    CHECK_EQ(u, UINT64_MAX);
    CHECK(!parse_uint(string_of("18446744073709551616"), 10, &u));
    CHECK(!parse_uint(string_of("-1"), 10, &u));
}

int main(void) {
    RUN(copies);
    RUN(compares);
    RUN(texts);
    RUN(large);
    RUN(numbers);
    return test_done();
}
