// string.c -- strings: concatenation, comparison, conversions to and from bytes and runes.
//
// A result of up to 32 bytes goes into the caller's buffer, where gccgo's escape analysis gives one (buf not NULL).
#include "go.h"
#include "../api/str.h"

#define BUF_BYTES 32
#define RUNE_ERROR 0xfffd
#define RUNE_MAX 0x10ffff

// The caller's buffer, in its frame: not written since some earlier frame lay there. Text over the lower bytes of a pointer makes another one, which nobody has
// ever had: the collector's check must not meet it.
static void *own_room(void *buf, size_t bytes) {
    if (unlikely(gc.verify)) memset(buf, 0, bytes);
    return buf;
}

static char *room(char *buf, intptr_t n) { return buf && n <= BUF_BYTES ? own_room(buf, BUF_BYTES) : go_alloc_noscan((size_t)n); }

intptr_t go_cmpstring(String a, String b) GO("runtime.cmpstring");
intptr_t go_cmpstring(String a, String b) {
    int c = mem_compare(a.p, b.p, (size_t)(a.n < b.n ? a.n : b.n));
    return c ? c : a.n < b.n ? -1 : a.n > b.n;
}

// Always copies, also when all but one are empty: gccgo passes a slice's bytes as they are for string(bytes) inside a concatenation.
String go_concatstrings(char *buf, const String *parts, intptr_t count) GO("runtime.concatstrings");
String go_concatstrings(char *buf, const String *parts, intptr_t count) {
    intptr_t n = 0;
    for (intptr_t i = 0; i < count; i++) {
        if (parts[i].n == 0) continue;
        if (__builtin_add_overflow(n, parts[i].n, &n)) go_throw("string concatenation too long");
    }
    if (n == 0) return (String){NULL, 0};
    char *out = room(buf, n), *at = out;
    for (intptr_t i = 0; i < count; i++) {
        mem_copy(at, parts[i].p, (size_t)parts[i].n);
        at += parts[i].n;
    }
    RT_DOOR();
    return (String){out, n};
}

String go_slicebytetostring(char *buf, const char *p, intptr_t n) GO("runtime.slicebytetostring");
String go_slicebytetostring(char *buf, const char *p, intptr_t n) {
    if (n == 0) return (String){NULL, 0};
    char *out = room(buf, n);
    mem_copy(out, p, (size_t)n);
    RT_DOOR();
    return (String){out, n};
}

// Room that is rounded up as append's is, for those who go on appending.
GoSlice go_stringtoslicebyte(char *buf, String s) GO("runtime.stringtoslicebyte");
GoSlice go_stringtoslicebyte(char *buf, String s) {
    GoSlice out = {buf, s.n, BUF_BYTES};
    if (buf && s.n <= BUF_BYTES) {
        memset(buf, 0, BUF_BYTES);
    } else {
        out.cap = s.n == 0 ? 0 : s.n <= (intptr_t)SMALL_MAX ? (intptr_t)size_class_bytes(size_class((size_t)s.n)) : s.n;
        out.p = go_alloc_noscan((size_t)out.cap);
    }
    mem_copy(out.p, s.p, (size_t)s.n);
    RT_DOOR();
    return out;
}

// ---- UTF-8

typedef struct { int32_t rune; intptr_t next; } RuneAt;

static bool tail(uint8_t c) { return (c & 0xc0) == 0x80; }

static RuneAt decode(const char *text, intptr_t n, intptr_t at) {
    const uint8_t *s = (const uint8_t *)text + at;
    intptr_t left = n - at;
    uint8_t c = s[0];
    if (c < 0x80) return (RuneAt){c, at + 1};
    if (c >= 0xc2 && c <= 0xdf && left >= 2 && tail(s[1])) return (RuneAt){(c & 0x1f) << 6 | (s[1] & 0x3f), at + 2};
    if ((c & 0xf0) == 0xe0 && left >= 3 && tail(s[1]) && tail(s[2])) {
        int32_t r = (c & 0x0f) << 12 | (s[1] & 0x3f) << 6 | (s[2] & 0x3f);
        if (r >= 0x800 && (r < 0xd800 || r > 0xdfff)) return (RuneAt){r, at + 3};
    }
    if (c >= 0xf0 && c <= 0xf4 && left >= 4 && tail(s[1]) && tail(s[2]) && tail(s[3])) {
        int32_t r = (c & 7) << 18 | (s[1] & 0x3f) << 12 | (s[2] & 0x3f) << 6 | (s[3] & 0x3f);
        if (r >= 0x10000 && r <= RUNE_MAX) return (RuneAt){r, at + 4};
    }
    return (RuneAt){RUNE_ERROR, at + 1};
}

static int encode(char *out, int64_t rune) {
    uint32_t r = rune < 0 || rune > RUNE_MAX || (rune >= 0xd800 && rune <= 0xdfff) ? RUNE_ERROR : (uint32_t)rune;
    if (r < 0x80) {
        out[0] = (char)r;
        return 1;
    }
    if (r < 0x800) {
        out[0] = (char)(0xc0 | r >> 6);
        out[1] = (char)(0x80 | (r & 0x3f));
        return 2;
    }
    if (r < 0x10000) {
        out[0] = (char)(0xe0 | r >> 12);
        out[1] = (char)(0x80 | (r >> 6 & 0x3f));
        out[2] = (char)(0x80 | (r & 0x3f));
        return 3;
    }
    out[0] = (char)(0xf0 | r >> 18);
    out[1] = (char)(0x80 | (r >> 12 & 0x3f));
    out[2] = (char)(0x80 | (r >> 6 & 0x3f));
    out[3] = (char)(0x80 | (r & 0x3f));
    return 4;
}

// for range over a string: the rune at `at`, and where the next one begins.
RuneAt go_decoderune(String s, intptr_t at) GO("runtime.decoderune");
RuneAt go_decoderune(String s, intptr_t at) { return decode(s.p, s.n, at); }

String go_intstring(char *buf, int64_t v) GO("runtime.intstring");
String go_intstring(char *buf, int64_t v) {
    char *out = buf ? own_room(buf, 4) : go_alloc_noscan(4);
    return (String){out, encode(out, v)};
}

String go_slicerunetostring(char *buf, GoSlice runes) GO("runtime.slicerunetostring");
String go_slicerunetostring(char *buf, GoSlice runes) {
    const int32_t *p = runes.p;
    intptr_t count = runes.len;
    char piece[4];
    intptr_t n = 0;
    for (intptr_t i = 0; i < count; i++)
        n += encode(piece, p[i]);
    if (n == 0) return (String){NULL, 0};
    char *out = room(buf, n), *at = out;
    for (intptr_t i = 0; i < count; i++) {
        int k = encode(piece, p[i]);
        for (int j = 0; j < k; j++)
            *at++ = piece[j];
    }
    RT_DOOR();
    return (String){out, n};
}

GoSlice go_stringtoslicerune(int32_t *buf, String s) GO("runtime.stringtoslicerune");
GoSlice go_stringtoslicerune(int32_t *buf, String s) {
    intptr_t count = 0;
    for (intptr_t at = 0; at < s.n; count++)
        at = decode(s.p, s.n, at).next;
    GoSlice out = {buf, count, 32};
    if (buf && count <= 32) {
        own_room(buf, 32 * sizeof *buf);
    } else {
        size_t bytes = (size_t)count * 4;
        if (bytes && bytes <= SMALL_MAX) bytes = size_class_bytes(size_class(bytes));
        out.p = go_alloc_noscan(bytes);
        out.cap = (intptr_t)(bytes / 4);
    }
    intptr_t i = 0;
    for (intptr_t at = 0; at < s.n; i++) {
        RuneAt r = decode(s.p, s.n, at);
        ((int32_t *)out.p)[i] = r.rune;
        at = r.next;
    }
    RT_DOOR();
    return out;
}
