// fmt.c -- the variadic doors of api/fmt.h.
//
// The one file of rt with vector registers: a variadic function without them does not save its caller's
// doubles. So it does nothing but pass the saved arguments on (the formatter reads doubles as integers, see
// format.c), and no interrupt handler may reach it. The saved registers cost 208 bytes of the goroutine's
// stack.
#include "api/fmt.h"
#include "output.h"

void print(const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    output_format(fmt, ap, false);
    va_end(ap);
}

void println(const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    output_format(fmt, ap, true);
    va_end(ap);
}

void vprint(const char *fmt, va_list ap) {
    output_format(fmt, ap, false);
}

void eprint(const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    output_report(fmt, ap);
    va_end(ap);
}

size_t str_format(char *buf, size_t room, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    size_t n = output_buffer(buf, room, fmt, ap);
    va_end(ap);
    return n;
}

size_t str_vformat(char *buf, size_t room, const char *fmt, va_list ap) {
    return output_buffer(buf, room, fmt, ap);
}

void strbuf_format(StrBuf *b, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    output_strbuf(b, fmt, ap);
    va_end(ap);
}
