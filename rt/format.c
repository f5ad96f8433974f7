// format.c -- printf's language, pushed piece by piece into a sink.
//
// Idea: parse one conversion into a FormatSpec, fetch its argument, then lay it out as [spaces] prefix
// [zeros] digits [spaces]. The formatter is pure: the same format and arguments give the same bytes, which
// print (fmt.c) uses to continue an output that the console could take only in part.
//
// Context: any with 2 KB of stack; general registers only. Allocates nothing, takes no lock.
#include "format.h"
#include <limits.h>

// ---- the sink

void format_write(FormatSink *sink, const char *text, size_t n) {
    if (n == 0) return;
    sink->total += n;
    sink->write(sink, text, n);
}

void format_pad(FormatSink *sink, char c, int n) {
    static const char spaces[32] = "                                ";
    static const char zeros[32] = "00000000000000000000000000000000";
    const char *from = c == '0' ? zeros : spaces;
    for (; n > 0; n -= 32)
        format_write(sink, from, n < 32 ? (size_t)n : 32);
}

static void buffer_write(FormatSink *sink, const char *text, size_t n) {
    BufferSink *b = (BufferSink *)sink;
    size_t at = sink->total - n; // total counts these n already
    for (size_t i = 0; i < n && at + i < b->room; i++)
        b->buf[at + i] = text[i];
}

BufferSink buffer_sink(char *buf, size_t room) {
    return (BufferSink){{buffer_write, 0}, buf, room};
}

// ---- arguments

// System V AMD64 ABI, 3.5.7: what a va_list is.
typedef struct VaList {
    uint32_t gp_offset, fp_offset;
    void *overflow;
    char *saved; // 6 general registers, then 8 vector registers of 16 bytes: 176 in all
} VaList;

// va_arg(ap, double) without a vector register. The variadic function itself must have been compiled with
// SSE, or it did not save its vector registers (fmt.c).
static uint64_t arg_double_bits(VaList *ap) {
    if (ap->fp_offset < 176) {
        uint64_t bits = *(uint64_t *)(ap->saved + ap->fp_offset);
        ap->fp_offset += 16;
        return bits;
    }
    uint64_t bits = *(uint64_t *)ap->overflow;
    ap->overflow = (char *)ap->overflow + 8;
    return bits;
}

typedef enum {
    LEN_CHAR,
    LEN_SHORT,
    LEN_INT,
    LEN_LONG
} ArgLength; // long, long long, size_t, intmax_t: all 64 bits

static int64_t arg_signed(va_list *ap, ArgLength len) {
    if (len == LEN_LONG) return va_arg(*ap, int64_t);
    int v = va_arg(*ap, int);
    return len == LEN_CHAR ? (signed char)v : len == LEN_SHORT ? (short)v : v;
}

static uint64_t arg_unsigned(va_list *ap, ArgLength len) {
    if (len == LEN_LONG) return va_arg(*ap, uint64_t);
    unsigned v = va_arg(*ap, unsigned);
    return len == LEN_CHAR ? (unsigned char)v : len == LEN_SHORT ? (unsigned short)v : v;
}

// ---- layout

static int digits_of(uint64_t v, unsigned base, bool upper, char *end) {
    const char *set = upper ? "0123456789ABCDEF" : "0123456789abcdef";
    char *p = end;
    for (; v; v /= base)
        *--p = set[v % base];
    return (int)(end - p);
}

// prefix is "", a sign, "0x" or "0".
static void put_number(FormatSink *sink, const FormatSpec *spec, const char *prefix, uint64_t v,
                       unsigned base) {
    char buf[24];
    int n = digits_of(v, base, spec->conv == 'X', buf + sizeof buf);
    int prefix_len = 0;
    while (prefix[prefix_len])
        prefix_len++;

    int least = spec->precision < 0 ? 1 : spec->precision;                    // digits
    if (base == 8 && spec->alt && least <= n) least = n + (v != 0 || n == 0); // "0" in front, once
    int zeros = least > n ? least - n : 0;
    int pad = spec->width - prefix_len - zeros - n;
    if (spec->zero && !spec->left && spec->precision < 0 && pad > 0) zeros += pad, pad = 0;

    if (!spec->left) format_pad(sink, ' ', pad);
    format_write(sink, prefix, (size_t)prefix_len);
    format_pad(sink, '0', zeros);
    format_write(sink, buf + sizeof buf - n, (size_t)n);
    if (spec->left) format_pad(sink, ' ', pad);
}

static void put_signed(FormatSink *sink, const FormatSpec *spec, int64_t v) {
    const char *sign = v < 0 ? "-" : spec->plus ? "+" : spec->space ? " " : "";
    put_number(sink, spec, sign, v < 0 ? 0 - (uint64_t)v : (uint64_t)v, 10);
}

static void put_text(FormatSink *sink, const FormatSpec *spec, const char *text, size_t n) {
    int pad = n < (size_t)spec->width ? spec->width - (int)n : 0;
    if (!spec->left) format_pad(sink, ' ', pad);
    format_write(sink, text, n);
    if (spec->left) format_pad(sink, ' ', pad);
}

static void put_string(FormatSink *sink, const FormatSpec *spec, const char *s) {
    if (!s) s = "(null)";
    size_t limit = spec->precision < 0 ? SIZE_MAX : (size_t)spec->precision, n = 0;
    while (n < limit && s[n])
        n++;
    put_text(sink, spec, s, n);
}

// ---- parsing

static const char *parse_flags(const char *p, FormatSpec *spec) {
    for (;; p++) {
        if (*p == '-')
            spec->left = true;
        else if (*p == '+')
            spec->plus = true;
        else if (*p == ' ')
            spec->space = true;
        else if (*p == '#')
            spec->alt = true;
        else if (*p == '0')
            spec->zero = true;
        else
            return p;
    }
}

// A decimal number, bounded. A string's precision is no padding and keeps all of int.
static const char *parse_int(const char *p, int *value) {
    int v = 0;
    for (; *p >= '0' && *p <= '9'; p++)
        v = v > (INT_MAX - 9) / 10 ? INT_MAX - 9 : v * 10 + (*p - '0');
    *value = v;
    return p;
}

static const char *parse_length(const char *p, ArgLength *len) {
    *len = LEN_INT;
    if (*p == 'h') {
        *len = p[1] == 'h' ? LEN_CHAR : LEN_SHORT;
        return p + (p[1] == 'h' ? 2 : 1);
    }
    if (*p == 'l' || *p == 'z' || *p == 'j' || *p == 't') {
        *len = LEN_LONG;
        return p + (p[0] == 'l' && p[1] == 'l' ? 2 : 1);
    }
    return p;
}

static void bound_spec(FormatSpec *spec) {
    if (spec->width > FORMAT_MAX_PAD) spec->width = FORMAT_MAX_PAD;
    if (spec->precision > FORMAT_MAX_PAD && spec->conv != 's') spec->precision = FORMAT_MAX_PAD;
}

static void convert(FormatSink *sink, FormatSpec *spec, ArgLength len, va_list *ap) {
    uint64_t v;
    char c;
    switch (spec->conv) {
    case 'd':
    case 'i':
        put_signed(sink, spec, arg_signed(ap, len));
        return;
    case 'u':
        put_number(sink, spec, "", arg_unsigned(ap, len), 10);
        return;
    case 'o':
        put_number(sink, spec, "", arg_unsigned(ap, len), 8);
        return;
    case 'x':
    case 'X':
        v = arg_unsigned(ap, len);
        put_number(sink, spec, !spec->alt || v == 0 ? "" : spec->conv == 'x' ? "0x" : "0X", v, 16);
        return;
    case 'p':
        put_number(sink, spec, "0x", va_arg(*ap, uintptr_t), 16);
        return;
    case 'c':
        c = (char)va_arg(*ap, int);
        put_text(sink, spec, &c, 1);
        return;
    case 's':
        put_string(sink, spec, va_arg(*ap, const char *));
        return;
    case 'e':
    case 'E':
    case 'f':
    case 'F':
    case 'g':
    case 'G':
        format_float(sink, spec, arg_double_bits((VaList *)*ap));
        return;
    default:
        format_write(sink, "%!", 2);
        format_write(sink, &spec->conv, 1);
    }
}

void format_to(FormatSink *sink, const char *fmt, va_list list) {
    va_list ap; // a copy is an array here, not the pointer that the parameter decayed to
    va_copy(ap, list);
    for (const char *p = fmt; *p;) {
        const char *plain = p;
        while (*p && *p != '%')
            p++;
        format_write(sink, plain, (size_t)(p - plain));
        if (!*p++) break;
        if (*p == '%') {
            format_write(sink, p++, 1);
            continue;
        }

        FormatSpec spec = {.precision = -1};
        p = parse_flags(p, &spec);
        if (*p == '*') {
            spec.width = va_arg(ap, int), p++;
            if (spec.width < 0) spec.left = true, spec.width = spec.width == INT_MIN ? INT_MAX : -spec.width;
        } else
            p = parse_int(p, &spec.width);
        if (*p == '.') {
            if (*++p == '*')
                spec.precision = va_arg(ap, int), p++;
            else
                p = parse_int(p, &spec.precision);
            if (spec.precision < 0) spec.precision = -1;
        }
        ArgLength len;
        p = parse_length(p, &len);
        if (!*p) { // the format ends inside a conversion
            format_write(sink, "%!", 2);
            break;
        }
        spec.conv = *p++;
        bound_spec(&spec);
        convert(sink, &spec, len, &ap);
    }
    va_end(ap);
}
