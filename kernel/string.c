// string.c -- the few functions of <string.h> that compilers call and api/str.h offers, for a machine without
// a libc.
//
// General registers only and no calls, so they serve everything from interrupt handlers to applications, on
// any stack. Copies go by words, eight bytes at a time: pointers move as a whole whenever source and
// destination are aligned alike, and emulators run `rep movsq` eight times faster than `rep movsb`. The
// direction flag is never set: nothing that interrupts could find it so. Compiled with
// -fno-tree-loop-distribute-patterns, or the loops would become calls of themselves.
#include "rt/api/str.h"

typedef uint64_t __attribute__((may_alias, aligned(1))) Word;

// Ascending; correct for overlapping blocks if dst is below src.
static void copy_up(void *dst, const void *src, size_t n) {
    size_t words = n / 8;
    __asm__ volatile("rep movsq" : "+D"(dst), "+S"(src), "+c"(words) : : "memory");
    n &= 7;
    __asm__ volatile("rep movsb" : "+D"(dst), "+S"(src), "+c"(n) : : "memory");
}

static void copy_down(char *dst, const char *src, size_t n) {
    for (; n & 7; n--)
        dst[n - 1] = src[n - 1];
    for (; n > 0; n -= 8)
        *(Word *)(dst + n - 8) = *(const Word *)(src + n - 8);
}

void *memcpy(void *restrict dst, const void *restrict src, size_t n) {
    copy_up(dst, src, n);
    return dst;
}

void *memmove(void *dst, const void *src, size_t n) {
    if ((uintptr_t)dst - (uintptr_t)src >= n)
        copy_up(dst, src, n);
    else
        copy_down(dst, src, n);
    return dst;
}

void *memset(void *dst, int byte, size_t n) {
    void *d = dst;
    size_t words = n / 8;
    uint64_t fill = (uint8_t)byte * 0x0101010101010101ull;
    __asm__ volatile("rep stosq" : "+D"(d), "+c"(words) : "a"(fill) : "memory");
    n &= 7;
    __asm__ volatile("rep stosb" : "+D"(d), "+c"(n) : "a"(fill) : "memory");
    return dst;
}

int memcmp(const void *a, const void *b, size_t n) {
    const uint8_t *x = a, *y = b;
    while (n >= 8 && *(const Word *)x == *(const Word *)y)
        x += 8, y += 8, n -= 8;
    for (; n > 0; x++, y++, n--)
        if (*x != *y) return *x < *y ? -1 : 1;
    return 0;
}

void *memchr(const void *s, int byte, size_t n) {
    for (const uint8_t *p = s; n > 0; p++, n--)
        if (*p == (uint8_t)byte) return (void *)p;
    return NULL;
}

size_t strlen(const char *s) {
    size_t n = 0;
    while (s[n])
        n++;
    return n;
}

size_t strnlen(const char *s, size_t most) {
    size_t n = 0;
    while (n < most && s[n])
        n++;
    return n;
}

int strcmp(const char *a, const char *b) {
    for (; *a && *a == *b; a++, b++) {
    }
    return (uint8_t)*a - (uint8_t)*b;
}

int strncmp(const char *a, const char *b, size_t n) {
    for (; n > 0; a++, b++, n--)
        if (*a != *b || !*a) return (uint8_t)*a - (uint8_t)*b;
    return 0;
}

char *strchr(const char *s, int c) {
    for (;; s++) {
        if (*s == (char)c) return (char *)s;
        if (!*s) return NULL;
    }
}

char *strrchr(const char *s, int c) {
    const char *last = NULL;
    for (;; s++) {
        if (*s == (char)c) last = s;
        if (!*s) return (char *)last;
    }
}

char *strstr(const char *text, const char *word) {
    size_t n = strlen(word);
    for (;; text++) {
        if (strncmp(text, word, n) == 0) return (char *)text;
        if (!*text) return NULL;
    }
}
