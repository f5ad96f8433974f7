// fuzz_cmdline.c -- the command line, as the kernel takes it apart and as the runtime does.
//
// units: rt/cmdline.c
#include "fuzz.h"
#include "kernel/cmdline.c"
#include "rt/cmdline.h"
#include <stdarg.h>

static unsigned said;
__attribute__((format(printf, 1, 2))) void rt_printf(const char *fmt, ...) {
    static char text[2 * LINE_BYTES];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap); // reads every string to its end
    va_end(ap);
    said++;
}

const char blob_program[] = "fuzzed";

// ---- what the kernel reads it from
static const uint8_t *file;
static size_t file_bytes;
int64_t fwcfg_read(const char *name, void *dst, size_t max) {
    if (!file) return -1;
    memcpy(dst, file, file_bytes < max ? file_bytes : max);
    return (int64_t)file_bytes;
}
void *phys_to_virt(uint64_t phys) {
    return (void *)phys;
}

static void check(const Cmdline *c, bool ok) {
    MUST(c->argc >= 1 && c->argc <= CMDLINE_ARGS);
    MUST(c->argv[c->argc] == NULL);
    const char *end = c->text + sizeof c->text, *before = c->text;
    for (int i = 1; i < c->argc; i++) {
        const char *word = c->argv[i];
        MUST(word >= before && word < end && memchr(word, 0, (size_t)(end - word)));
        before = word + strlen(word) + 1;
    }
    MUST(c->knobs.gomaxprocs >= 0 && c->knobs.gomaxprocs <= PLAT_MAX_CPUS);
    MUST(c->knobs.gogc >= -1);
    MUST(c->knobs.slice_ns == 0 || (c->knobs.slice_ns >= 100000 && c->knobs.slice_ns <= 60000000000ll));
    MUST(ok || said); // what is refused is named
}

static void as_runtime(const char *text) {
    static Cmdline c;
    memset(&c, 0xaa, sizeof c);
    said = 0;
    check(&c, cmdline_parse(&c, "fuzz", text));
}

static void as_kernel(const uint8_t *data, size_t size, const char *text) {
    memset(line, 0xaa, sizeof line);
    for (int i = 0; i < KNOB_COUNT; i++)
        knobs[i].given = false;
    malformed = false;
    said = 0;
    bool from_file = size && data[0] & 1;
    file = from_file ? data : NULL;
    file_bytes = size;
    BootInfo bi = {.cmdline = (uint64_t)text, .source = BOOT_UEFI};
    cmdline_init(&bi);
    MUST(memchr(line, 0, sizeof line));
    uint64_t v;
    MUST(!cmdline_knob(KNOB_MAXCPUS, &v) || (v >= 1 && v <= PLAT_MAX_CPUS));
    MUST(cmdline_apply() || said);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char *text = malloc(size + 1); // exactly as long as it is
    memcpy(text, data, size);
    text[size] = 0;
    as_runtime(text);
    as_kernel(data, size, text);
    free(text);
    return 0;
}
