// test_symtab.c -- a small symbol blob, looked up; then broken in every byte, cut at every length.
//
// The blob is built here from the description in scripts/symbols.py; what that script makes is read by the
// image's own tests.
#include "test.h"
#include "rt/crc32.c"
#include "rt/symtab.c"
#include <stdarg.h>

static char said[256];
void rt_printf(const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(said, sizeof said, fmt, ap);
    va_end(ap);
}

static PlatBlob blob;
PlatBlob plat_blob_symbols(void) {
    return blob;
}

enum { BASE = 0x200000 };
static const SymFunc funcs[] = {{0, 0x10, 10}, {0x10, 0x20, 15}, {0x30, 0x31, 10}};
static const SymLine lines[] = {{0, 0, 7}, {4, 1, 8}, {0x10, 0, 0}, {0x18, 1, 99}, {0x30, 5, 3}};
static const uint32_t files[] = {20, 26};
static const SymInlined inlined[] = {{4, 2}, {8, 1}, {0xc, 0}, {0x18, 9}, {0x1c, 3}};
static const SymCall calls[] = {{0, 0, 0, 0}, {15, 0, 40, 0}, {10, 1, 50, 1}, {15, 7, 60, 3}};
//                               0   1         10   15   20    26
static const char strings[] = "\0"
                              "abc+1234\0"
                              "main\0"
                              "leaf\0"
                              "a/b.c\0"
                              "rt/x.c";

// The blob in memory of exactly its size, so that AddressSanitizer sees what lies outside.
static unsigned char *make(size_t *bytes) {
    SymHeader h = {.magic = "BRWSYMS1",
                   .version = 2,
                   .text_base = BASE,
                   .text_bytes = 0x40,
                   .func_count = 3,
                   .line_count = 5,
                   .file_count = 2,
                   .strings_bytes = sizeof strings,
                   .inlined_count = 5,
                   .call_count = 4,
                   .funcs_off = 96,
                   .lines_off = 136,
                   .files_off = 176,
                   .inlined_off = 184,
                   .calls_off = 224,
                   .strings_off = 272,
                   .build_id = 1};
    h.total_bytes = h.strings_off + sizeof strings;
    *bytes = h.total_bytes;
    unsigned char *b = calloc(1, *bytes);
    memcpy(b, &h, sizeof h);
    memcpy(b + 96, funcs, sizeof funcs);
    memcpy(b + 136, lines, sizeof lines);
    memcpy(b + 176, files, sizeof files);
    memcpy(b + 184, inlined, sizeof inlined);
    memcpy(b + 224, calls, sizeof calls);
    memcpy(b + 272, strings, sizeof strings);
    h.crc = crc32(0, b + 16, *bytes - 16);
    memcpy(b, &h, sizeof h);
    return b;
}

static void expect(uintptr_t pc, bool known, const char *name, unsigned offset, const char *file,
                   unsigned line) {
    RtSymbol s;
    CHECK_EQ(rt_symbolize(pc, &s), known);
    CHECK_STR(s.name, name);
    CHECK_EQ(s.offset, offset);
    CHECK_STR(s.file, file);
    CHECK_EQ(s.line, line);
}

static void expect_level(uintptr_t pc, unsigned level, bool known, const char *name, const char *file, unsigned line) {
    RtSymbol s;
    CHECK_EQ(rt_symbolize_level(pc, level, &s), known);
    if (!known) return;
    CHECK_STR(s.name, name);
    CHECK_STR(s.file, file);
    CHECK_EQ(s.line, line);
}

static void levels(void) {
    expect_level(BASE, 0, true, "main", "a/b.c", 7); // before the first row
    expect_level(BASE, 1, false, "", "", 0);
    expect_level(BASE + 4, 0, true, "main", "rt/x.c", 8); // main in leaf in main
    expect_level(BASE + 7, 1, true, "leaf", "rt/x.c", 50);
    expect_level(BASE + 7, 2, true, "main", "a/b.c", 40);
    expect_level(BASE + 7, 3, false, "", "", 0);
    expect_level(BASE + 8, 0, true, "leaf", "rt/x.c", 8);
    expect_level(BASE + 8, 1, true, "main", "a/b.c", 40);
    expect_level(BASE + 8, 2, false, "", "", 0);
    expect_level(BASE + 0xc, 0, true, "main", "rt/x.c", 8);
    expect_level(BASE + 0xc, 1, false, "", "", 0);
    expect_level(BASE + 0x18, 0, true, "leaf", "rt/x.c", 99); // a call that is not there
    expect_level(BASE + 0x18, 1, false, "", "", 0);
    expect_level(BASE + 0x1c, 1, true, "leaf", "", 0); // a file that is not there; the call is its own outer one
    expect_level(BASE + 0x1c, 2, false, "", "", 0);
    expect_level(BASE + 0x20, 0, false, "", "", 0);
}

static void lookups(void) {
    expect(BASE, true, "main", 0, "a/b.c", 7);
    expect(BASE + 3, true, "main", 3, "a/b.c", 7);
    expect(BASE + 4, true, "main", 4, "rt/x.c", 8);
    expect(BASE + 0xf, true, "main", 0xf, "rt/x.c", 8);
    expect(BASE + 0x10, true, "leaf", 0, "", 0);
    expect(BASE + 0x18, true, "leaf", 8, "rt/x.c", 99);
    expect(BASE + 0x20, false, "", 0, "", 0);    // a gap
    expect(BASE + 0x30, true, "main", 0, "", 0); // a file number out of range
    expect(BASE + 0x31, false, "", 0, "", 0);
    expect(BASE - 1, false, "", 0, "", 0);
    expect(BASE + 0x40, false, "", 0, "", 0);
    expect(0, false, "", 0, "", 0);
    expect(UINTPTR_MAX, false, "", 0, "", 0);
    CHECK_STR(rt_build_id(), "abc+1234");
}

static void lookup_all(void) {
    for (uintptr_t pc = BASE - 2; pc < BASE + 0x44; pc++) {
        RtSymbol s;
        rt_symbolize(pc, &s);
        CHECK(strlen(s.name) < 100 && strlen(s.file) < 100);
        unsigned level = 0;
        for (; rt_symbolize_level(pc, level, &s); level++)
            CHECK(strlen(s.name) < 100 && strlen(s.file) < 100 && level <= 4);
    }
    CHECK(strlen(rt_build_id()) < 100);
}

static void damage(unsigned char *good, size_t bytes) {
    for (size_t i = 0; i < bytes; i++) {
        unsigned char *bad = malloc(bytes);
        memcpy(bad, good, bytes);
        bad[i] ^= (unsigned char)(1u << test_below(8));
        blob = (PlatBlob){bad, bytes};
        lookup_all(); // never outside, checked by the sanitizer
        said[0] = 0;
        symtab_init();
        CHECK(strstr(said, "symbol table") != NULL);
        CHECK(checksum_bad);
        expect(BASE, false, "", 0, "", 0);
        checksum_bad = false;
        free(bad);
    }
    for (size_t n = 1; n < bytes; n++) {
        unsigned char *cut = malloc(n);
        memcpy(cut, good, n);
        blob = (PlatBlob){cut, n};
        lookup_all();
        CHECK_STR(rt_build_id(), "");
        free(cut);
    }
    for (int i = 0; i < 20000; i++) { // several wild words
        unsigned char *bad = malloc(bytes);
        memcpy(bad, good, bytes);
        for (int k = 0; k < 3; k++) {
            uint32_t v = (uint32_t)(test_rand() >> test_below(32));
            memcpy(bad + 16 + 4 * test_below((bytes - 16) / 4), &v, 4);
        }
        blob = (PlatBlob){bad, bytes};
        lookup_all();
        free(bad);
    }
}

int main(void) {
    CHECK_EQ(crc32(0, "123456789", 9), 0xcbf43926);
    CHECK_EQ(crc32(crc32(0, "The quick brown fox", 19), " jumps over the lazy dog", 24), 0x414fa339);

    lookup_all(); // no blob at all
    symtab_init();
    CHECK_STR(said, "");
    size_t bytes;
    unsigned char *good = make(&bytes);
    blob = (PlatBlob){good, bytes};
    symtab_init();
    CHECK_STR(said, "");
    RUN(lookups);
    RUN(levels);
    damage(good, bytes);
    free(good);
    return test_done();
}
