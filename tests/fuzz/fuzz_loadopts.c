// fuzz_loadopts.c -- EFI load options and cmdline.txt: any bytes become a command line or a refusal.
#include "fuzz.h"
#include "boot/text.c"

static void check(TextResult r, const char *out, size_t room) {
    if (r != TEXT_OK) return;
    const char *end = memchr(out, 0, room);
    MUST(end);
    for (const char *p = out; p < end; p++)
        MUST(*p == '\t' || ((unsigned char)*p >= 0x20 && *p != 0x7f));
    for (int shell = 0; shell < 2; shell++) {
        const char *rest = text_skip_program(out, shell);
        MUST(rest >= out && rest <= end);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    size_t room = size ? 1 + data[0] : 1;
    char *out = malloc(room);
    memset(out, 0xaa, room);
    check(text_from_load_options(data, size, out, room), out, room);
    memset(out, 0xaa, room);
    check(text_from_file(data, size, out, room), out, room);
    free(out);
    return 0;
}
