// output.h -- what the variadic doors in fmt.c hand their arguments to. A file of its own, because fmt.c is
// compiled with vector registers and nothing else is.
#pragma once
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

struct StrBuf;

// On a goroutine's stack (or, at start and end, on the system stack, where they go the way of rt_printf).
void output_format(const char *fmt, va_list ap, bool newline); // parks while the console is full
void output_report(const char *fmt, va_list ap);               // waits for the device
size_t output_buffer(char *buf, size_t room, const char *fmt, va_list ap);
void output_strbuf(struct StrBuf *b, const char *fmt, va_list ap);
