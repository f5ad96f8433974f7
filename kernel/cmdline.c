// cmdline.c -- chooses the command line, says where it came from, and takes the kernel's own knobs out of it.
//
// Sources, the first that exists wins: QEMU's fw_cfg file opt/burrow/cmdline, then what the boot stage found
// (EFI load options, cmdline.txt, PVH's command line). Splitting into knobs and arguments is the runtime's
// (rt_cmdline); only the few knobs that the kernel needs before the runtime runs are recognised here, in the
// same leading position, and blanked.
#include "kernel/cmdline.h"
#include "kernel/fwcfg.h"
#include "kernel/kernel.h"

enum { LINE_BYTES = 4096 };

extern const char blob_program[]; // the program's name, scripts/blobs.asm

static char line[LINE_BYTES];
static const char *source;
static bool malformed;

typedef struct Knob {
    const char *name;
    uint64_t min, max, value;
    bool given;
} Knob;
static Knob knobs[KNOB_COUNT] = {
    [KNOB_HOLD] = {.name = "HOLD", .min = 0, .max = 86400},
    [KNOB_MAXCPUS] = {.name = "MAXCPUS", .min = 1, .max = PLAT_MAX_CPUS},
    [KNOB_TESTDEADAP] = {.name = "TESTDEADAP", .min = 0, .max = UINT32_MAX},
    [KNOB_TESTTSC] = {.name = "TESTTSC", .min = TESTTSC_NOT_INVARIANT, .max = TESTTSC_SKEWED},
    [KNOB_TESTXSAVE] = {.name = "TESTXSAVE", .min = 1, .max = 1},
    [KNOB_TESTMTRR] = {.name = "TESTMTRR", .min = 1, .max = 1},
};

bool cmdline_knob(KernelKnob knob, uint64_t *value) {
    *value = knobs[knob].value;
    return knobs[knob].given;
}

// As in rt/cmdline.c.
static bool is_white(char c) {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

// Decimal digits up to white space or the end. False: anything else, or more than fits.
static bool parse_number(const char *s, uint64_t *out) {
    uint64_t v = 0;
    int digits = 0;
    for (; *s >= '0' && *s <= '9'; s++, digits++) {
        if (v > (UINT64_MAX - 9) / 10) return false;
        v = v * 10 + (uint64_t)(*s - '0');
    }
    *out = v;
    return digits > 0 && (is_white(*s) || *s == 0);
}

static Knob *knob_find(const char *word, size_t name_len) {
    for (int i = 0; i < KNOB_COUNT; i++) {
        size_t n = 0;
        while (n < name_len && knobs[i].name[n] == word[n])
            n++;
        if (n == name_len && knobs[i].name[n] == 0) return &knobs[i];
    }
    return NULL;
}

static void knob_set(Knob *k, const char *text) {
    uint64_t value;
    if (parse_number(text, &value) && value >= k->min && value <= k->max) {
        k->value = value;
        k->given = true;
        return;
    }
    rt_printf("knob %s: not a number from %lu to %lu\n", k->name, k->min, k->max);
    malformed = true;
}

// Walks the leading NAME=value words; blanks those that are ours.
static void take_knobs(void) {
    char *p = line;
    for (;;) {
        while (is_white(*p))
            p++;
        char *word = p;
        while ((*p >= 'A' && *p <= 'Z') || (*p >= '0' && *p <= '9') || *p == '_')
            p++;
        if (*p != '=' || p == word) return; // first other word, or "--"
        size_t name_len = (size_t)(p - word);
        char *value = p + 1;
        bool quoted = false;
        for (; *p && (!is_white(*p) || quoted); p++) {
            if (*p == '"') quoted = !quoted;
            if (*p == '\\' && p[1]) p++;
        }
        Knob *k = knob_find(word, name_len);
        if (!k) continue;
        knob_set(k, value);
        for (char *c = word; c < p; c++)
            *c = ' ';
    }
}

static size_t take_boot_line(const BootInfo *bi) {
    const char *from = phys_to_virt(bi->cmdline); // boot memory, or the image: RAM either way
    size_t n = 0;
    for (; from[n] && n < LINE_BYTES; n++)
        line[n] = from[n];
    return n;
}

void cmdline_init(const BootInfo *bi) {
    int64_t n = fwcfg_read("opt/burrow/cmdline", line, LINE_BYTES);
    if (n >= 0) {
        source = "fw_cfg";
    } else if (bi->cmdline) {
        source = bi->source == BOOT_UEFI ? "boot loader" : "PVH";
        n = (int64_t)take_boot_line(bi);
    } else {
        source = "none";
        n = 0;
    }
    if (n >= LINE_BYTES) {
        rt_printf("command line (%s): longer than %d bytes\n", source, LINE_BYTES - 1);
        malformed = true;
        n = LINE_BYTES - 1;
    }
    for (int64_t i = 0; i < n; i++)
        if (line[i] == 0) line[i] = ' ';
    while (n > 0 && is_white(line[n - 1]))
        n--; // a text file's end
    line[n] = 0;
    if (n > 0) rt_printf("command line (%s): %s\n", source, line);
    take_knobs();
}

bool cmdline_apply(void) {
    return rt_cmdline(blob_program, line) && !malformed;
}
