// bounds.h -- panics with Go's texts for indices and bounds (bounds.c). Goroutine context.
#pragma once
#include <stddef.h>
#include <stdint.h>

typedef enum {
    BOUNDS_INDEX,           // [a] with length b
    BOUNDS_HI_CAP,          // s[:a] with capacity b
    BOUNDS_HI_LEN,          // string[:a] with length b
    BOUNDS_LO,              // s[a:b]
    BOUNDS_MAX,             // s[::a] with capacity b
    BOUNDS_HI3,             // s[:a:b]
    BOUNDS_LO3,             // s[a:b:]
    // the same with a negative a
    BOUNDS_INDEX_NEGATIVE,
    BOUNDS_HI_NEGATIVE,
    BOUNDS_LO_NEGATIVE,
    BOUNDS_MAX_NEGATIVE,
    BOUNDS_HI3_NEGATIVE,
    BOUNDS_LO3_NEGATIVE,
} BoundsKind;
_Noreturn void bounds_panic(BoundsKind kind, intptr_t a, intptr_t b);
// string.c: v in decimal, at the end of text; returns how many bytes.
size_t int_text(char text[20], int64_t v);
// "runtime error: " or another beginning, then fmt with two texts. At most 200 bytes.
_Noreturn void panic_texts(const char *fmt, const char *a, const char *b);
