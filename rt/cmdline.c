// cmdline.c -- splits the command line into knobs and the program's arguments.
//
//     GOMAXPROCS=2 GODEBUG=trapstep=3 ENV=LANG=C -- FOO=1 "two words" back\\slash
//
// Words are separated by blanks; "..." groups, backslash takes the next character as it is, both anywhere in
// a word. A leading word of the form NAME=value, NAME in capitals, digits and underscores, is a knob. The
// first other word ends the knobs and belongs to the program, except "--", which ends them and vanishes. An
// unknown knob ends the boot as a malformed value does: it is a misspelt one, or was meant for the program
// and needs the "--"; so does a knob's name in other letters (gogc=10). ENV=NAME=value is no setting of the
// runtime but a variable of the program's environment; of several with one name the last counts.
//
// cmdline_parse is a function of its strings alone, so tests and fuzzers call it directly.
#include "cmdline.h"
#include "rt.h"

#define HOLD_MAX_S   86400u
#define SLICE_MIN_NS 100000ll      // 0.1 ms: below, a core does little but switch
#define SLICE_MAX_NS 60000000000ll // 1 min
#define CPUPROF_MAX  10000u        // samples a second
#define GCFORCE_MS   120000u       // Go: forcegcperiod
#define STACK_MIN    (64ull << 10) // a report needs some
#define STACK_MAX    (1ull << 40)

// ---- values

// Decimal digits at *p, at least one; leaves *p behind them.
static bool take_number(const char **p, uint64_t *out) {
    const char *s = *p;
    uint64_t v = 0;
    for (; *s >= '0' && *s <= '9'; s++) {
        uint64_t digit = (uint64_t)(*s - '0');
        if (v > (UINT64_MAX - digit) / 10) return false;
        v = v * 10 + digit;
    }
    if (s == *p) return false;
    *p = s;
    *out = v;
    return true;
}

static bool text_equal(const char *a, const char *b) {
    for (; *a && *a == *b; a++, b++) {
    }
    return *a == *b;
}

static bool parse_number(const char *s, uint64_t lo, uint64_t hi, uint64_t *out) {
    return take_number(&s, out) && *s == 0 && *out >= lo && *out <= hi;
}

// A number and a unit out of a table.
typedef struct Unit {
    const char *name;
    uint64_t factor;
} Unit;

static bool parse_quantity(const char *s, const Unit *units, uint64_t lo, uint64_t hi, uint64_t *out) {
    uint64_t n;
    if (!take_number(&s, &n)) return false;
    for (; units->name; units++)
        if (text_equal(s, units->name))
            return !__builtin_mul_overflow(n, units->factor, out) && *out >= lo && *out <= hi;
    return false;
}

static const Unit size_units[] = {
    {"", 1},           {"B", 1},
    {"K", 1ull << 10}, {"KiB", 1ull << 10},
    {"M", 1ull << 20}, {"MiB", 1ull << 20},
    {"G", 1ull << 30}, {"GiB", 1ull << 30},
    {"T", 1ull << 40}, {"TiB", 1ull << 40},
    {NULL, 0},
};
static const Unit time_units[] = {
    {"ns", 1}, {"us", 1000}, {"\xc2\xb5s", 1000}, {"ms", 1000000}, {"s", 1000000000}, {NULL, 0},
};

// ---- knobs

static bool set_gomaxprocs(Knobs *k, const char *s) {
    uint64_t v;
    if (!parse_number(s, 1, PLAT_MAX_CPUS, &v)) return false;
    k->gomaxprocs = (int)v;
    return true;
}

static bool set_gogc(Knobs *k, const char *s) {
    uint64_t v;
    if (text_equal(s, "off")) {
        k->gogc = -1;
        return true;
    }
    if (!parse_number(s, 0, INT32_MAX, &v)) return false;
    k->gogc = (int)v;
    return true;
}

static bool set_gomemlimit(Knobs *k, const char *s) {
    k->gomemlimit_given = true;
    if (text_equal(s, "off")) {
        k->gomemlimit = UINT64_MAX;
        return true;
    }
    return parse_quantity(s, size_units, 0, UINT64_MAX, &k->gomemlimit);
}

// The kernel takes its own out of the line before; here it stands in the command line of a process.
static bool set_maxcpus(Knobs *k, const char *s) {
    uint64_t v;
    if (!parse_number(s, 1, PLAT_MAX_CPUS, &v)) return false;
    rt_printf("command line: MAXCPUS counts on a machine; a process takes its cores from BURROW_CPUS "
              "(make host SMP=%s)\n",
              s);
    return true;
}

// Likewise: a process ends when its program does, and the terminal keeps what it said.
static bool set_hold(Knobs *k, const char *s) {
    uint64_t v;
    if (!parse_number(s, 0, HOLD_MAX_S, &v)) return false;
    rt_printf("command line: HOLD counts on a machine; a process ends with its program\n");
    return true;
}

static bool set_slice(Knobs *k, const char *s) {
    uint64_t v;
    if (!parse_quantity(s, time_units, SLICE_MIN_NS, SLICE_MAX_NS, &v)) return false;
    k->slice_ns = (int64_t)v;
    return true;
}

static bool set_maxstack(Knobs *k, const char *s) {
    return parse_quantity(s, size_units, STACK_MIN, STACK_MAX, &k->max_stack);
}

// GODEBUG: name=number pairs, separated by commas.
static bool set_debug_pair(Knobs *k, const char *name, const char *value) {
    struct {
        const char *name;
        uint32_t *where, most;
    } known[] = {{"trapstep", &k->trapstep, UINT32_MAX}, {"gctrace", &k->gctrace, 2}, {"schedtrace", &k->schedtrace_ms, UINT32_MAX}, {"gcsummary", &k->gcsummary, 1},
                 {"gcverify", &k->gcverify, 1}, {"gcpoison", &k->gcpoison, 1}, {"gcstress", &k->gcstress, UINT32_MAX}, {"gcforce", &k->gcforce_ms, UINT32_MAX},
                 {"oomat", &k->oomat, UINT32_MAX}, {"oomfor", &k->oomfor, UINT32_MAX}, {"oomkind", &k->oomkind, UINT32_MAX},
                 {"scheddetail", &k->scheddetail, 1}, {"leak", &k->leak, 1}, {"trace", &k->trace, 1}, {"tracebuf", &k->tracebuf, UINT32_MAX}, {"cpuprof", &k->cpuprof, CPUPROF_MAX}, {"heapprof", &k->heapprof, UINT32_MAX},
                 {"goprof", &k->goprof, 1}, {"mutexprof", &k->mutexprof, UINT32_MAX}, {"blockprof", &k->blockprof, UINT32_MAX}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        uint64_t v;
        if (!text_equal(name, known[i].name)) continue;
        if (!parse_number(value, 0, known[i].most, &v)) return false;
        *known[i].where = (uint32_t)v;
        return true;
    }
    return false;
}

static char wrong_pair[40]; // of GODEBUG: to be named, as far as it has room

static bool set_godebug(Knobs *k, const char *s) {
    while (*s) {
        size_t p = 0;
        for (const char *at = s; *at && *at != ',' && p < sizeof wrong_pair - 1; at++)
            wrong_pair[p++] = *at;
        wrong_pair[p] = 0;
        char name[16], value[16];
        size_t n = 0, v = 0;
        for (; *s && *s != '=' && *s != ','; s++)
            if (n < sizeof name - 1) name[n++] = *s;
        if (*s != '=') return false;
        for (s++; *s && *s != ','; s++)
            if (v < sizeof value - 1) value[v++] = *s;
        if (n == sizeof name - 1 || v == sizeof value - 1) return false; // perhaps cut
        name[n] = value[v] = 0;
        if (!set_debug_pair(k, name, value)) return false;
        wrong_pair[0] = 0;
        if (*s == ',' && *++s == 0) return false;
    }
    return true;
}

static const struct KnobRule {
    const char *name;
    bool (*set)(Knobs *k, const char *value);
    const char *expected;
} rules[] = {
    {"GOMAXPROCS", set_gomaxprocs, "a number of cores from 1 to 256"},
    {"GODEBUG", set_godebug, "trapstep=k, gctrace=1 or 2, gcsummary=1, gcverify=1, gcpoison=1, gcstress=n, gcforce=ms, schedtrace=ms, scheddetail=1, leak=1, trace=1, tracebuf=KB, cpuprof=hz up to 10000, heapprof=bytes, goprof=1, mutexprof=n, blockprof=ns, oomat=n, oomfor=k, oomkind=m, separated by commas"},
    {"GOGC", set_gogc, "a percentage or \"off\""},
    {"GOMEMLIMIT", set_gomemlimit, "a size like 512MiB or \"off\""},
    {"SLICE", set_slice, "a duration from 100us to 60s, like 10ms"},
    {"MAXSTACK", set_maxstack, "a size from 64KiB to 1TiB, like 256MiB"},
    {"MAXCPUS", set_maxcpus, "a number of cores from 1 to 256"},
    {"HOLD", set_hold, "a number of seconds up to 86400"},
};
enum { RULES = sizeof rules / sizeof *rules };

static void report_unknown(const char *word) {
    rt_printf("command line: unknown knob \"%s\". Known are", word);
    for (int i = 0; i < RULES; i++)
        rt_printf(" %s", rules[i].name);
    rt_printf(" ENV; words after \"--\" go to the program\n");
}

// name_len characters of word, then '=' and the value. False: it was named.
static bool set_knob(Knobs *k, const char *word, size_t name_len) {
    for (int i = 0; i < RULES; i++) {
        size_t n = 0;
        while (n < name_len && rules[i].name[n] == word[n])
            n++;
        if (n != name_len || rules[i].name[n]) continue;
        if (rules[i].set(k, word + name_len + 1)) return true;
        if (wrong_pair[0] && !text_equal(word + name_len + 1, wrong_pair)) rt_printf("command line: \"%s\": \"%s\": expected %s\n", word, wrong_pair, rules[i].expected);
        else rt_printf("command line: \"%s\": expected %s\n", word, rules[i].expected);
        wrong_pair[0] = 0;
        return false;
    }
    report_unknown(word);
    return false;
}

// Length of NAME if the word is NAME=value; else 0.
static size_t knob_name(const char *word) {
    size_t n = 0;
    while ((word[n] >= 'A' && word[n] <= 'Z') || word[n] == '_' ||
           (n > 0 && word[n] >= '0' && word[n] <= '9'))
        n++;
    return word[n] == '=' ? n : 0;
}

static char capital(char c) {
    return c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
}

// The knob that a leading word is, but for its letters; NULL: none.
static const char *knob_in_other_letters(const char *word) {
    for (int i = 0; i < RULES; i++) {
        const char *name = rules[i].name;
        size_t n = 0;
        while (name[n] && name[n] == capital(word[n]))
            n++;
        if (!name[n] && word[n] == '=') return name;
    }
    return NULL;
}

// ---- the environment

// Length of the name in NAME=value; 0: it is none.
static size_t variable_name(const char *text) {
    size_t n = 0;
    while (text[n] && text[n] != '=')
        n++;
    return text[n] == '=' ? n : 0;
}

static bool same_variable(const char *a, const char *b) {
    size_t n = variable_name(a);
    for (size_t i = 0; i <= n; i++) // with the '='
        if (a[i] != b[i]) return false;
    return true;
}

// text stays where it is. False: it was named.
static bool set_variable(Cmdline *c, char *text) {
    if (!variable_name(text)) {
        rt_printf("command line: \"ENV=%s\": expected ENV=NAME=value\n", text);
        return false;
    }
    int i = 0;
    while (i < c->envc && !same_variable(c->envp[i], text))
        i++;
    if (i == CMDLINE_ENV) {
        rt_printf("command line: \"ENV=%s\": more than %d variables\n", text, CMDLINE_ENV);
        return false;
    }
    c->envp[i] = text;
    if (i == c->envc) c->envp[++c->envc] = NULL;
    return true;
}

// ---- words

static bool is_blank(char c) {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

typedef struct Splitter {
    const char *in;
    char *out, *end; // where the next word's text goes
} Splitter;

// The next word, unquoted and NUL-terminated; NULL: none left, or *why says what is wrong with it.
static char *next_word(Splitter *s, const char **why) {
    *why = NULL;
    while (is_blank(*s->in))
        s->in++;
    if (!*s->in) return NULL;
    char *word = s->out;
    bool quoted = false;
    for (; *s->in && (quoted || !is_blank(*s->in)); s->in++) {
        char c = *s->in;
        if (c == '"') {
            quoted = !quoted;
            continue;
        }
        if (c == '\\' && !(c = *++s->in)) *why = "ends in a backslash";
        if (s->out + 1 >= s->end) *why = "too long";
        if (*why) return NULL;
        *s->out++ = c;
    }
    if (quoted)
        *why = "a quotation mark is not closed";
    else if (s->out >= s->end)
        *why = "too long";
    if (*why) return NULL;
    *s->out++ = 0;
    return word;
}

bool cmdline_parse(Cmdline *c, const char *name, const char *line) {
    c->knobs = (Knobs){.gogc = 100, .gomemlimit = UINT64_MAX, .gcforce_ms = GCFORCE_MS};
    c->argc = 0;
    c->argv[c->argc++] = (char *)name;
    c->argv[c->argc] = NULL;
    c->envp[c->envc = 0] = NULL;

    Splitter s = {line, c->text, c->text + sizeof c->text};
    const char *why;
    bool ok = true, leading = true;
    for (char *word; (word = next_word(&s, &why));) {
        size_t name_len = leading ? knob_name(word) : 0;
        if (name_len == 3 && word[0] == 'E' && word[1] == 'N' && word[2] == 'V') {
            ok &= set_variable(c, word + 4);
            continue;
        }
        if (name_len > 0) {
            ok &= set_knob(&c->knobs, word, name_len);
            s.out = word; // its text is not needed any more
            continue;
        }
        const char *meant = leading ? knob_in_other_letters(word) : NULL;
        if (meant) {
            rt_printf("command line: \"%s\": the knob is %s, in capitals; words after \"--\" go to the program\n", word, meant);
            ok = false;
            s.out = word;
            continue;
        }
        bool ends_knobs = leading && word[0] == '-' && word[1] == '-' && !word[2];
        leading = false;
        if (ends_knobs) continue;
        if (c->argc == CMDLINE_ARGS) {
            why = "too many words";
            break;
        }
        c->argv[c->argc++] = word;
        c->argv[c->argc] = NULL;
    }
    if (why)
        rt_printf("command line: %s (at most %d bytes and %d words): %s\n", why, CMDLINE_BYTES, CMDLINE_ARGS,
                  line);
    return ok && !why;
}

// ---- the one command line of the machine

static Cmdline cmdline = {.argc = 1, .argv = {"main"}, .knobs = {.gogc = 100, .gomemlimit = UINT64_MAX, .gcforce_ms = GCFORCE_MS}};
Knobs rt_knobs = {.gogc = 100, .gomemlimit = UINT64_MAX, .gcforce_ms = GCFORCE_MS};
int rt_argc = 1;
char **rt_argv = cmdline.argv;
char **rt_envp = cmdline.envp;

bool rt_cmdline(const char *name, const char *line) {
    bool ok = cmdline_parse(&cmdline, name, line);
    rt_knobs = cmdline.knobs;
    rt_argc = cmdline.argc;
    return ok;
}
