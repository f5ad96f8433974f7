// text.c -- see text.h.
#include "boot/text.h"

typedef struct {
    char *at, *end; // end: the place of the last possible NUL
} Out;

static bool put(Out *out, uint32_t byte) {
    if (out->at == out->end) return false;
    *out->at++ = (char)byte;
    return true;
}

static bool put_utf8(Out *out, uint32_t c) {
    if (c < 0x80) return put(out, c);
    if (c < 0x800) return put(out, 0xc0 | c >> 6) && put(out, 0x80 | (c & 63));
    if (c < 0x10000)
        return put(out, 0xe0 | c >> 12) && put(out, 0x80 | (c >> 6 & 63)) && put(out, 0x80 | (c & 63));
    return put(out, 0xf0 | c >> 18) && put(out, 0x80 | (c >> 12 & 63)) && put(out, 0x80 | (c >> 6 & 63)) &&
           put(out, 0x80 | (c & 63));
}

static bool is_control(uint32_t c) {
    return (c < 0x20 && c != '\t') || c == 0x7f;
}

static bool is_ascii(const uint8_t *in, size_t bytes) {
    for (size_t i = 0; i < bytes; i++)
        if (in[i] >= 0x7f || is_control(in[i])) return false;
    return true;
}

static uint32_t unit(const uint8_t *in, size_t i) {
    return in[2 * i] | (uint32_t)in[2 * i + 1] << 8;
}

TextResult text_from_load_options(const uint8_t *in, size_t bytes, char *out_text, size_t out_bytes) {
    Out out = {out_text, out_text + out_bytes - 1};
    *out.at = 0;

    // UTF-16 of plain text has a zero in every other byte; a run of printable bytes is ASCII.
    size_t ascii_bytes = bytes;
    while (ascii_bytes > 0 && in[ascii_bytes - 1] == 0)
        ascii_bytes--;
    if (ascii_bytes > 1 && is_ascii(in, ascii_bytes)) {
        for (size_t i = 0; i < ascii_bytes; i++)
            if (!put(&out, in[i])) return TEXT_TOO_LONG;
        *out.at = 0;
        return TEXT_OK;
    }

    size_t units = bytes / 2;
    while (units > 0 && unit(in, units - 1) == 0)
        units--;
    if (units == 0 && ascii_bytes == 0) return TEXT_OK;
    if (bytes % 2) return TEXT_BINARY;
    bool any_ascii = false;
    for (size_t i = 0; i < units; i++) {
        uint32_t c = unit(in, i);
        if (c < 0x80) any_ascii = true;
        if (c >= 0xd800 && c < 0xdc00 && i + 1 < units) {
            uint32_t low = unit(in, i + 1);
            if (low < 0xdc00 || low > 0xdfff) return TEXT_BINARY;
            c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
            i++;
        } else if (c >= 0xd800 && c <= 0xdfff) {
            return TEXT_BINARY;
        }
        if (is_control(c)) return TEXT_BINARY;
        if (!put_utf8(&out, c)) return TEXT_TOO_LONG;
    }
    if (!any_ascii) return TEXT_BINARY; // a GUID often reads as eight rare characters
    *out.at = 0;
    return TEXT_OK;
}

TextResult text_from_file(const uint8_t *in, size_t bytes, char *out_text, size_t out_bytes) {
    Out out = {out_text, out_text + out_bytes - 1};
    *out.at = 0;
    size_t i = bytes >= 3 && in[0] == 0xef && in[1] == 0xbb && in[2] == 0xbf ? 3 : 0;
    while (bytes > i && (in[bytes - 1] == '\n' || in[bytes - 1] == '\r' || in[bytes - 1] == ' '))
        bytes--;
    for (; i < bytes; i++) {
        uint32_t c = in[i];
        if (c == '\r' || c == '\n') c = ' ';
        if (is_control(c) || c >= 0xfe) return TEXT_BINARY; // 0xfe, 0xff: UTF-16 with its mark
        if (!put(&out, c)) return TEXT_TOO_LONG;
    }
    *out.at = 0;
    return TEXT_OK;
}

const char *text_skip_program(const char *line, bool from_shell) {
    const char *end = line;
    if (*line == '"') {
        do
            end++;
        while (*end && *end != '"');
        if (*end) end++;
    } else {
        while (*end && *end != ' ' && *end != '\t')
            end++;
    }

    const char *name_end = end > line && end[-1] == '"' ? end - 1 : end;
    static const char suffix[] = ".efi";
    bool named = name_end - line >= 4;
    for (int i = 0; named && i < 4; i++) {
        char c = name_end[i - 4];
        if ((c >= 'A' && c <= 'Z' ? c + 32 : c) != suffix[i]) named = false;
    }
    if (!named && !from_shell) return line;
    while (*end == ' ' || *end == '\t')
        end++;
    return end;
}
