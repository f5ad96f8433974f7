// fuzz_symtab.c -- the symbol blob. It is read in the middle of a crash: even with a good checksum over
// nonsense, a look-up stays inside and gives strings that end.
#include "fuzz.h"
#include "rt/crc32.c"
#include "rt/symtab.c"

static unsigned said;
__attribute__((format(printf, 1, 2))) void rt_printf(const char *fmt, ...) {
    said++;
}
static PlatBlob blob;
PlatBlob plat_blob_symbols(void) {
    return blob;
}

static void check_string(const char *s) {
    const char *lo = blob.data, *hi = lo + blob.bytes;
    size_t n = strlen(s);
    MUST(n == 0 || (s >= lo && s + n < hi));
}

static void look_up(uintptr_t pc) {
    RtSymbol s;
    bool known = rt_symbolize(pc, &s);
    check_string(s.name);
    check_string(s.file);
    MUST(known || (!*s.name && !*s.file && s.line == 0));
    MUST(!known || s.offset <= pc);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    blob = (PlatBlob){data, size};
    checksum_bad = false;
    said = 0;
    symtab_init();
    MUST(!checksum_bad || said);
    for (int pass = 0; pass < 2; pass++) { // also before the checksum is known to be bad
        check_string(rt_build_id());
        SymHeader h = {.text_base = 0x200000, .text_bytes = 0x100};
        if (size >= sizeof h) memcpy(&h, data, sizeof h);
        look_up(0);
        look_up(UINTPTR_MAX);
        look_up(h.text_base - 1);
        look_up(h.text_base + h.text_bytes);
        for (unsigned i = 0; i < 64; i++)
            look_up(h.text_base + i);
        checksum_bad = false;
    }
    return 0;
}

static void mend(uint8_t *data, size_t size) {
    SymHeader h;
    if (size < sizeof h) return;
    memcpy(&h, data, sizeof h);
    if (h.total_bytes > size || h.total_bytes < sizeof h) return;
    h.crc = crc32(0, data + SYM_CRC_FROM, h.total_bytes - SYM_CRC_FROM);
    memcpy(data, &h, sizeof h);
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed) {
    return mutate_and_mend(data, size, max_size, seed, mend);
}
