// symtab.c -- from a code address to "chan_send, rt/chan.c:120", out of the symbol blob in the image.
//
// The format is described once, at the head of scripts/symbols.py; the structs here repeat it. The blob is
// read in place, in the middle of a crash, perhaps by several cores, perhaps while memory is damaged: so
// nothing is cached or allocated, and every offset is checked against the blob's size at every use. The
// checksum is verified once, at start (symtab_init).
//
// Context: any, except symtab_init. General registers only.
#include "rt.h"
#include "lib.h"
#include "crc32.h"

typedef struct SymHeader {
    char magic[8];
    uint32_t version;
    uint32_t crc;
    uint64_t total_bytes;
    uint64_t text_base;
    uint64_t text_bytes;
    uint32_t func_count, line_count, file_count, strings_bytes;
    uint32_t funcs_off, lines_off, files_off, strings_off;
    uint32_t build_id;
    uint32_t inlined_count, call_count;
    uint32_t inlined_off, calls_off;
    uint32_t reserved;
} SymHeader;
_Static_assert(sizeof(SymHeader) == 96, "format of scripts/symbols.py");

typedef struct SymFunc {
    uint32_t start, end;
    uint32_t name;
} SymFunc;

typedef struct SymLine {
    uint32_t addr;
    uint16_t file;
    uint16_t line;
} SymLine;

typedef struct SymInlined {
    uint32_t addr;
    uint32_t call;
} SymInlined;

typedef struct SymCall {
    uint32_t name;
    uint16_t file, line;
    uint32_t outer;
} SymCall;

enum { SYM_VERSION = 2, SYM_CRC_FROM = 16 };

static bool checksum_bad; // symtab_init: do not use the blob

static bool magic_ok(const SymHeader *h) {
    static const char magic[8] = "BRWSYMS1";
    for (int i = 0; i < 8; i++)
        if (h->magic[i] != magic[i]) return false;
    return true;
}

static bool table_ok(const SymHeader *h, uint64_t off, uint64_t count, uint64_t size) {
    return off % 4 == 0 && off >= sizeof *h && off <= h->total_bytes &&
           count <= (h->total_bytes - off) / size;
}

// The header, if the blob is there and every table lies within it; else NULL, and *why says what is wrong
// (NULL: no blob).
static const SymHeader *symtab_header(const char **why) {
    PlatBlob blob = plat_blob_symbols();
    const SymHeader *h = blob.data;
    *why = NULL;
    if (blob.bytes == 0) return NULL;
    *why = "not a symbol table";
    if (blob.bytes < sizeof *h || (uintptr_t)h % 8 != 0 || !magic_ok(h)) return NULL;
    *why = "unknown version";
    if (h->version != SYM_VERSION) return NULL;
    *why = "truncated";
    if (h->total_bytes > blob.bytes || h->total_bytes < sizeof *h) return NULL;
    *why = "a table lies outside";
    if (!table_ok(h, h->funcs_off, h->func_count, sizeof(SymFunc)) ||
        !table_ok(h, h->lines_off, h->line_count, sizeof(SymLine)) ||
        !table_ok(h, h->inlined_off, h->inlined_count, sizeof(SymInlined)) || !table_ok(h, h->calls_off, h->call_count, sizeof(SymCall)) ||
        !table_ok(h, h->files_off, h->file_count, 4) || !table_ok(h, h->strings_off, h->strings_bytes, 1))
        return NULL;
    // Every string ends before the table does, if the table's last byte is NUL.
    *why = "unterminated string";
    const char *strings = (const char *)h + h->strings_off;
    if (h->strings_bytes == 0 || strings[h->strings_bytes - 1] != 0) return NULL;
    *why = NULL;
    return h;
}

static const char *string_at(const SymHeader *h, uint32_t off) {
    return off < h->strings_bytes ? (const char *)h + h->strings_off + off : NULL;
}

// The last function that starts at or before addr, if it reaches beyond addr.
static const SymFunc *func_at(const SymHeader *h, uint32_t addr) {
    const SymFunc *funcs = (const SymFunc *)((const char *)h + h->funcs_off);
    uint32_t lo = 0, hi = h->func_count; // funcs[lo - 1].start <= addr < funcs[hi].start
    while (lo < hi) {
        uint32_t mid = lo + (hi - lo) / 2;
        if (funcs[mid].start <= addr)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo > 0 && addr < funcs[lo - 1].end ? &funcs[lo - 1] : NULL;
}

static const SymLine *line_at(const SymHeader *h, uint32_t addr) {
    const SymLine *lines = (const SymLine *)((const char *)h + h->lines_off);
    uint32_t lo = 0, hi = h->line_count;
    while (lo < hi) {
        uint32_t mid = lo + (hi - lo) / 2;
        if (lines[mid].addr <= addr)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo > 0 ? &lines[lo - 1] : NULL;
}

// The call that inlined the code at addr; NULL: none.
static const SymCall *call_at(const SymHeader *h, uint32_t n) { return n > 0 && n < h->call_count ? (const SymCall *)((const char *)h + h->calls_off) + n : NULL; }
static const SymCall *inlined_at(const SymHeader *h, uint32_t addr) {
    const SymInlined *rows = (const SymInlined *)((const char *)h + h->inlined_off);
    uint32_t lo = 0, hi = h->inlined_count;
    while (lo < hi) {
        uint32_t mid = lo + (hi - lo) / 2;
        if (rows[mid].addr <= addr)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo > 0 ? call_at(h, rows[lo - 1].call) : NULL;
}

static const char *file_at(const SymHeader *h, uint32_t n) {
    return n < h->file_count ? string_at(h, ((const uint32_t *)((const char *)h + h->files_off))[n]) : NULL;
}

bool rt_symbolize_level(uintptr_t pc, unsigned level, RtSymbol *out) {
    const char *why;
    if (!rt_symbolize(pc, out)) return false;
    const SymHeader *h = symtab_header(&why);
    const SymCall *c = inlined_at(h, (uint32_t)(pc - h->text_base));
    for (; level > 0; level--) {
        if (!c) return false;
        const char *file = file_at(h, c->file);
        out->file = file ? file : "";
        out->line = file ? c->line : 0;
        uint32_t self = (uint32_t)(c - (const SymCall *)((const char *)h + h->calls_off));
        c = c->outer < self ? call_at(h, c->outer) : NULL;
    }
    const char *name = c ? string_at(h, c->name) : NULL;
    if (name) out->name = name;
    return true;
}

bool rt_symbolize(uintptr_t pc, RtSymbol *out) {
    const char *why;
    const SymHeader *h = checksum_bad ? NULL : symtab_header(&why);
    *out = (RtSymbol){"", "", 0, 0};
    if (!h || pc < h->text_base || pc - h->text_base >= h->text_bytes || pc - h->text_base > UINT32_MAX)
        return false;

    uint32_t addr = (uint32_t)(pc - h->text_base);
    const SymFunc *f = func_at(h, addr);
    const char *name = f ? string_at(h, f->name) : NULL;
    if (!name) return false;
    out->name = name;
    out->offset = addr - f->start;

    const SymLine *l = line_at(h, addr);
    if (!l || l->line == 0 || l->addr < f->start || l->file >= h->file_count) return true;
    const char *file = file_at(h, l->file);
    if (!file) return true;
    out->file = file;
    out->line = l->line;
    return true;
}

const char *rt_build_id(void) {
    const char *why;
    const SymHeader *h = checksum_bad ? NULL : symtab_header(&why);
    const char *id = h ? string_at(h, h->build_id) : NULL;
    return id ? id : "";
}

void symtab_init(void) {
    const char *why;
    const SymHeader *h = symtab_header(&why);
    if (h && crc32(0, (const char *)h + SYM_CRC_FROM, h->total_bytes - SYM_CRC_FROM) != h->crc)
        why = "checksum mismatch";
    if (!why) return;
    checksum_bad = true;
    rt_printf("burrow: symbol table of the image: %s; reports will show addresses only\n", why);
}
