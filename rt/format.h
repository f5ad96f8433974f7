// format.h -- the formatter behind rt_printf, print, str_format and StrBuf.
//
// The formatter pushes pieces of text into a sink and never allocates, so the same code serves a panic
// report, a console that is full half-way and a caller's buffer. It uses general registers only (floats are
// converted as integers, from their bits), and needs about 2 KB of stack: any context but a goroutine's own
// stack.
#pragma once
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct FormatSink FormatSink;
struct FormatSink {
    void (*write)(FormatSink *sink, const char *text, size_t n); // n > 0; called in order of the output
    size_t total; // bytes produced so far; the formatter counts
};

// Formats like C's printf: flags "-+ #0", width, precision, `*`, lengths hh h l ll z j t, conversions d i u x
// X o c s p % and e E f F g G for double, correct to the last digit. A conversion it does not know appears as
// "%!c" in the output. Widths and precisions beyond FORMAT_MAX_PAD count as that.
#define FORMAT_MAX_PAD (1 << 20)
void format_to(FormatSink *sink, const char *fmt, va_list ap);

// ---- shared by format.c and format_float.c
typedef struct FormatSpec {
    bool left, plus, space, alt, zero;
    int width;     // 0: none
    int precision; // -1: none
    char conv;
} FormatSpec;

void format_write(FormatSink *sink, const char *text, size_t n);
void format_pad(FormatSink *sink, char c, int n); // n <= 0: nothing
// format_float.c: bits is a double's; spec->conv one of eEfFgG.
void format_float(FormatSink *sink, const FormatSpec *spec, uint64_t bits);

// A sink that fills buf[0..room) and drops the rest; the caller ends the string.
typedef struct BufferSink {
    FormatSink sink;
    char *buf;
    size_t room;
} BufferSink;
BufferSink buffer_sink(char *buf, size_t room);

// rt_printf with a va_list (rt.h).
void rt_vprintf(const char *fmt, va_list ap);
