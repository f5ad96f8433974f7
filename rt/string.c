// string.c -- Strings that are made, and their characters (api/str.h).
//
// A String's bytes are never written to after the String exists, so parts share them. UTF-8 is decoded as Go does: a byte that begins no
// shortest encoding of a character outside of the surrogates counts as one 0xfffd.
//
// Locks: none. Goroutine's stack.
#include "api/str.h"
#include "bounds.h"
#include "core.h"

#define RUNE_ERROR 0xfffdu

static char *bytes_new(size_t n) {
    return heap_alloc(n, NULL, 0);
}

String string_copy(const void *bytes, size_t n) {
    if (n == 0) return (String){NULL, 0};
    char *p = bytes_new(n);
    mem_copy(p, bytes, n);
    return (String){p, (intptr_t)n};
}

String string_concat(const String *v, size_t n) {
    intptr_t total = 0;
    const String *only = NULL; // the one that is not empty
    for (size_t i = 0; i < n; i++) {
        if (v[i].n == 0) continue;
        only = total == 0 ? &v[i] : NULL;
        if (__builtin_add_overflow(total, v[i].n, &total)) panic_runtime("runtime error: string concatenation too long");
    }
    if (total == 0) return (String){NULL, 0};
    if (only) return *only;
    char *p = bytes_new((size_t)total), *to = p;
    for (size_t i = 0; i < n; i++) {
        mem_copy(to, v[i].p, (size_t)v[i].n);
        to += v[i].n;
    }
    return (String){p, total};
}

String string_sub(String s, intptr_t lo, intptr_t hi) {
    if (unlikely((size_t)hi > (size_t)s.n)) bounds_panic(hi < 0 ? BOUNDS_HI_NEGATIVE : BOUNDS_HI_LEN, hi, s.n);
    if (unlikely((size_t)lo > (size_t)hi)) bounds_panic(lo < 0 ? BOUNDS_LO_NEGATIVE : BOUNDS_LO, lo, hi);
    // An empty part must not point behind its string: to the collector that would be the next object.
    return lo == hi ? (String){NULL, 0} : (String){s.p + lo, hi - lo};
}

size_t int_text(char text[20], int64_t v) {
    char *end = text + 20, *p = end;
    uint64_t u = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;
    do
        *--p = (char)('0' + u % 10);
    while ((u /= 10) != 0);
    if (v < 0) *--p = '-';
    return (size_t)(end - p);
}

String string_of_int(int64_t v) {
    char text[20];
    size_t n = int_text(text, v);
    return string_copy(text + sizeof text - n, n);
}

// ---- UTF-8

String string_of_rune(uint32_t r) {
    char text[4];
    return string_copy(text, rune_encode(text, r));
}

size_t rune_encode(char out[4], uint32_t r) {
    if (r > 0x10ffff || (r >= 0xd800 && r < 0xe000)) r = RUNE_ERROR;
    if (r < 0x80) {
        out[0] = (char)r;
        return 1;
    }
    size_t n = r < 0x800 ? 2 : r < 0x10000 ? 3 : 4;
    for (size_t i = n - 1; i > 0; i--, r >>= 6)
        out[i] = (char)(0x80 | (r & 0x3f));
    out[0] = (char)(0xf00u >> n | r); // n ones and a zero ahead
    return n;
}

uint32_t rune_next(String s, intptr_t *at) {
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000}; // of an encoding of that length
    const uint8_t *p = (const uint8_t *)s.p + *at;
    intptr_t left = s.n - *at;
    uint32_t r = p[0];
    intptr_t n = r < 0x80 ? 1 : r < 0xc0 ? 0 : r < 0xe0 ? 2 : r < 0xf0 ? 3 : r < 0xf8 ? 4 : 0;
    if (n == 1) {
        ++*at;
        return r;
    }
    if (n != 0 && n <= left) {
        r &= 0x7fu >> n;
        intptr_t i = 1;
        for (; i < n && (p[i] & 0xc0) == 0x80; i++)
            r = r << 6 | (p[i] & 0x3f);
        if (i == n && r >= least[n] && r <= 0x10ffff && !(r >= 0xd800 && r < 0xe000)) {
            *at += n;
            return r;
        }
    }
    ++*at;
    return RUNE_ERROR;
}

intptr_t rune_count(String s) {
    intptr_t count = 0;
    for (intptr_t at = 0; at < s.n; count++) {
        rune_next(s, &at);
        if (count % 65536 == 65535) RT_DOOR();
    }
    return count;
}
