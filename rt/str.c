// str.c -- memory and text functions with a door in them; Strings; numbers.
//
// A core is not preempted in runtime text, so what may be long is done in pieces with RT_DOOR() between them
// (design: large copies are chunked). The plain functions of C are the machine's (kernel/string.c; glibc in
// the hosted build). Context: goroutine's stack; nothing here needs more than 100 bytes.
#include "api/str.h"
#include "core.h"

#define PIECE ((size_t)64 << 10)

static size_t piece_of(size_t n) {
    return n < PIECE ? n : PIECE;
}

void mem_copy(void *dst, const void *src, size_t n) {
    char *d = dst;
    const char *s = src;
    for (size_t k; n > 0; n -= k, d += k, s += k) {
        k = piece_of(n);
        memcpy(d, s, k);
        RT_DOOR();
    }
}

void mem_move(void *dst, const void *src, size_t n) {
    char *d = dst;
    const char *s = src;
    if ((uintptr_t)d - (uintptr_t)s >= n) { // forward does not overwrite what is still to be read
        for (size_t k; n > 0; n -= k, d += k, s += k) {
            k = piece_of(n);
            memmove(d, s, k);
            RT_DOOR();
        }
        return;
    }
    while (n > 0) {
        size_t k = piece_of(n);
        n -= k;
        memmove(d + n, s + n, k);
        RT_DOOR();
    }
}

void mem_set(void *dst, int byte, size_t n) {
    char *d = dst;
    for (size_t k; n > 0; n -= k, d += k) {
        k = piece_of(n);
        memset(d, byte, k);
        RT_DOOR();
    }
}

int mem_compare(const void *a, const void *b, size_t n) {
    const char *x = a, *y = b;
    for (size_t k; n > 0; n -= k, x += k, y += k) {
        k = piece_of(n);
        int r = memcmp(x, y, k);
        RT_DOOR();
        if (r) return r;
    }
    return 0;
}

// ---- String

String string_of(const char *s) {
    return (String){s, s ? (intptr_t)strlen(s) : 0};
}

bool string_equal(String a, String b) {
    return a.n == b.n && mem_compare(a.p, b.p, (size_t)a.n) == 0;
}

int string_compare(String a, String b) {
    int r = mem_compare(a.p, b.p, (size_t)(a.n < b.n ? a.n : b.n));
    return r ? r : a.n < b.n ? -1 : a.n > b.n;
}

intptr_t string_index(String s, String sub) {
    if (sub.n == 0) return 0;
    intptr_t places = s.n - sub.n + 1; // where sub could begin
    for (intptr_t at = 0; at < places;) {
        size_t k = piece_of((size_t)(places - at));
        const char *hit = memchr(s.p + at, sub.p[0], k);
        if (hit && mem_compare(hit, sub.p, (size_t)sub.n) == 0) return hit - s.p;
        at = hit ? hit - s.p + 1 : at + (intptr_t)k;
        RT_DOOR();
    }
    return -1;
}

// ---- numbers

static int digit_value(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'z' ? c - 'a' + 10 : 99;
}

bool parse_uint(String s, int base, uint64_t *out) {
    if (base == 0) {
        base = 10;
        if (s.n > 1 && s.p[0] == '0') {
            base = (s.p[1] | 0x20) == 'x' ? 16 : 8;
            intptr_t prefix = base == 16 ? 2 : 1;
            s.p += prefix, s.n -= prefix;
        }
    }
    if (s.n <= 0 || base < 2 || base > 36) return false;
    uint64_t v = 0;
    for (intptr_t i = 0; i < s.n; i++) {
        int d = digit_value(s.p[i]);
        if (d >= base || __builtin_mul_overflow(v, (uint64_t)base, &v) ||
            __builtin_add_overflow(v, (uint64_t)d, &v))
            return false;
    }
    *out = v;
    return true;
}

bool parse_int(String s, int base, int64_t *out) {
    bool negative = s.n > 0 && s.p[0] == '-';
    if (s.n > 0 && (s.p[0] == '-' || s.p[0] == '+')) s.p++, s.n--;
    uint64_t v;
    if (!parse_uint(s, base, &v) || v > (uint64_t)INT64_MAX + negative) return false;
    *out = negative ? (int64_t)(0 - v) : (int64_t)v;
    return true;
}
