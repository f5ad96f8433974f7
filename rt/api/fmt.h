// api/fmt.h -- formatted text: to the console, into a buffer, into a growing string.
//
// The language is C's printf: flags "-+ #0", width, precision and `*`, lengths hh h l ll z j t, conversions d
// i u o x X c s p % and e E f F g G for double, correct to the last digit. The compiler checks the arguments.
// There is no %n, no long double and no wide text; a conversion that is unknown shows as "%!c". A String is
// printed as print("%.*s", str_arg(s)), s being a variable.
//
// Called from goroutines with any stack; the work is done on the core's own stack. None of them allocates,
// except StrBuf.
#pragma once
#include "../type.h"
#include <stdarg.h>
#include <stddef.h>

#define FMT_CHECK(fmt, first) __attribute__((format(printf, fmt, first)))
// The two arguments that "%.*s" wants for a String (which ends there at a NUL, or after INT_MAX bytes). s is evaluated several
// times and therefore must be an lvalue: a variable, a field, an element, cell_get of one. What a function returns is put into a
// variable first; "lvalue required" says so.
#define str_arg(s) ((void)sizeof(&(s)), (s).n > __INT_MAX__ ? __INT_MAX__ : (int)(s).n), (s).p

// ---- console
// Prints on the consoles (standard output of a hosted process; Go: fmt.Printf). The text of one call stays in
// one piece. Blocks the goroutine, not the core, while the consoles' buffers are full; nothing is lost.
void print(const char *fmt, ...) FMT_CHECK(1, 2);
// The same, with a newline behind it.
void println(const char *fmt, ...) FMT_CHECK(1, 2);
void vprint(const char *fmt, va_list ap) FMT_CHECK(1, 0);
// n bytes as they are, NULs included.
void print_bytes(const void *bytes, size_t n);
// For messages about errors (standard error of a hosted process; Go: println): has left for the device when
// the call returns, or the device does not take it. The core waits; not for the bulk of a program's output.
void eprint(const char *fmt, ...) FMT_CHECK(1, 2);

// ---- buffer
// snprintf: writes at most room - 1 characters and a NUL (nothing when room is 0); returns the length that
// all of it would have had.
size_t str_format(char *buf, size_t room, const char *fmt, ...) FMT_CHECK(3, 4);
size_t str_vformat(char *buf, size_t room, const char *fmt, va_list ap) FMT_CHECK(3, 0);

// ---- growing string (Go: strings.Builder). Starts as StrBuf b = {0}; the text lives on the heap. A local
// variable of one goroutine: its pointer is not a typed cell, so it may not be part of a heap object. Out of
// memory as in mem.h.
typedef struct StrBuf {
    char *text; // n characters and a NUL; NULL while nothing was added
    size_t n, room;
} StrBuf;
void strbuf_add(StrBuf *b, const char *bytes, size_t n);
void strbuf_format(StrBuf *b, const char *fmt, ...) FMT_CHECK(2, 3);
// The text so far. Stays valid and unchanged while b grows.
String strbuf_string(const StrBuf *b);
