// test_cmdline.c -- knobs, quoting, and what is refused with which words; then random lines.
#include "test.h"
#include "rt/cmdline.c"
#include <stdarg.h>

static char said[4096];
void rt_printf(const char *fmt, ...) {
    va_list ap;
    size_t n = strlen(said);
    va_start(ap, fmt);
    vsnprintf(said + n, sizeof said - n, fmt, ap);
    va_end(ap);
}

static Cmdline c;
static bool parse(const char *line) {
    said[0] = 0;
    memset(&c, 0xaa, sizeof c);
    return cmdline_parse(&c, "prog", line);
}

// The arguments, each in <>.
static const char *args(void) {
    static char text[2 * CMDLINE_BYTES];
    char *p = text;
    *p = 0;
    for (int i = 1; i < c.argc; i++)
        p += sprintf(p, "<%s>", c.argv[i]);
    CHECK_PTR(c.argv[c.argc], NULL);
    CHECK_STR(c.argv[0], "prog");
    return text;
}

static void words(void) {
    static const struct {
        const char *line, *want;
    } cases[] = {
        {"", ""},
        {" \t\n ", ""},
        {"a", "<a>"},
        {"  a   b\tc\n", "<a><b><c>"},
        {"\"a b\" c", "<a b><c>"},
        {"a\"b c\"d", "<ab cd>"},
        {"\"\"", "<>"},
        {"a\\ b", "<a b>"},
        {"\\\"a\\\"", "<\"a\">"},
        {"\"a\\\"b\\\\c\"", "<a\"b\\c>"},
        {"GOMAXPROCS=2 a GOMAXPROCS=3", "<a><GOMAXPROCS=3>"},
        {"GOMAXPROCS=2 -- GOMAXPROCS=3 -- x", "<GOMAXPROCS=3><--><x>"},
        {"--", ""},
        {"-- --", "<-->"},
        {"--stats", "<--stats>"},
        {"mode=fast FOO=1", "<mode=fast><FOO=1>"}, // small letters: a word of the program
        {"-- gogc=10", "<gogc=10>"},
        {"a gogc=10", "<a><gogc=10>"},
        {"gogcc=10 gog=1 gogc env=x", "<gogcc=10><gog=1><gogc><env=x>"},
        {"=x", "<=x>"},
        {"1A=x", "<1A=x>"},
        {"\"GOMAXPROCS=2\" \"--\" \"FOO=1\"", "<FOO=1>"}, // the hosted build quotes every word
        {"\xc3\xa4\xc3\xb6", "<\xc3\xa4\xc3\xb6>"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        CHECK(parse(cases[i].line));
        CHECK_STR(args(), cases[i].want);
        CHECK_STR(said, "");
    }
}

static void knobs(void) {
    CHECK(parse(""));
    CHECK_EQ(c.knobs.gomaxprocs, 0);
    CHECK_EQ(c.knobs.gogc, 100);
    CHECK_EQ(c.knobs.gomemlimit, UINT64_MAX);
    CHECK_EQ(c.knobs.slice_ns, 0);
    CHECK_EQ(c.knobs.max_stack, 0);
    CHECK(parse("GOMAXPROCS=3 GOGC=50 GOMEMLIMIT=512MiB SLICE=5ms MAXSTACK=64M "
                "GODEBUG=trapstep=7,gctrace=1,schedtrace=1000 x"));
    CHECK_EQ(c.knobs.gomaxprocs, 3);
    CHECK_EQ(c.knobs.gogc, 50);
    CHECK_EQ(c.knobs.gomemlimit, 512 << 20);
    CHECK_EQ(c.knobs.slice_ns, 5000000);
    CHECK_EQ(c.knobs.max_stack, 64 << 20);
    CHECK_EQ(c.knobs.trapstep, 7);
    CHECK_EQ(c.knobs.gctrace, 1);
    CHECK_EQ(c.knobs.schedtrace_ms, 1000);
    CHECK_STR(args(), "<x>");
    CHECK_STR(said, "");
    CHECK(c.knobs.gomemlimit_given);
    CHECK(parse("GODEBUG=gcsummary=1,gcverify=1,gcpoison=1,gcstress=9"));
    CHECK(!c.knobs.gomemlimit_given);
    CHECK_EQ(c.knobs.gcsummary, 1);
    CHECK_EQ(c.knobs.gcverify, 1);
    CHECK_EQ(c.knobs.gcpoison, 1);
    CHECK_EQ(c.knobs.gcstress, 9);
    CHECK(parse("GODEBUG=trapstep=0 SLICE=1ms"));
    CHECK_STR(said, "");
    CHECK(parse("GOGC=off GOMEMLIMIT=off GODEBUG= SLICE=100us"));
    CHECK_EQ(c.knobs.gogc, -1);
    CHECK_EQ(c.knobs.gomemlimit, UINT64_MAX);
    CHECK_EQ(c.knobs.slice_ns, 100000);
    CHECK(parse("SLICE=1s GOMAXPROCS=1 GOMAXPROCS=256 MAXSTACK=1000000000 GOMEMLIMIT=0"));
    CHECK_EQ(c.knobs.gomaxprocs, 256); // the last one counts
    CHECK_EQ(c.knobs.slice_ns, 1000000000);
    CHECK_EQ(c.knobs.max_stack, 1000000000);
    CHECK_EQ(c.knobs.gomemlimit, 0);
}

static void refused(void) {
    static const char *const bad[] = {
        "GOMAXPROCS=0",
        "GOMAXPROCS=257",
        "GOMAXPROCS=",
        "GOMAXPROCS=two",
        "GOMAXPROCS=2x",
        "GOMAXPROCS=-1",
        "GOMAXPROCS=18446744073709551617",
        "GOGC=on",
        "GOGC=",
        "GOGC=99999999999",
        "GOMEMLIMIT=12XB",
        "GOMEMLIMIT=MiB",
        "GOMEMLIMIT=99999999999999999999",
        "GOMEMLIMIT=17179869184GiB",
        "SLICE=10",
        "SLICE=1ns",
        "SLICE=2m",
        "SLICE=61s",
        "MAXSTACK=1",
        "MAXSTACK=2TiB",
        "GODEBUG=trapstep",
        "GODEBUG=trapstep=",
        "GODEBUG=trapstep=1,",
        "GODEBUG=,",
        "GODEBUG=,,x",
        "GODEBUG=gcverify=2",
        "GODEBUG=gcpoison=2",
        "GODEBUG=gcsummary=2",
        "GODEBUG=gctrace=3",
        "GODEBUG=foo=1",
        "GODEBUG=trapstep=4294967296",
        "GODEBUG=trapstep=00000000000000001",
        "GOMAXPROC=2",
        "FOO=",
        "gogc=10",
        "GOGc=10",
        "gODEBUG=gctrace=1",
        "hold=1",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char line[64];
        snprintf(line, sizeof line, "GOGC=33 %s word", bad[i]);
        CHECK(!parse(line));
        CHECK(strstr(said, bad[i]) != NULL); // it is named
        CHECK_EQ(c.knobs.gogc, 33);
        CHECK_STR(args(), "<word>");
    }
    CHECK(!parse("FOO=1"));
    CHECK_STR(said, "command line: unknown knob \"FOO=1\". Known are GOMAXPROCS GODEBUG GOGC GOMEMLIMIT "
                    "SLICE MAXSTACK MAXCPUS HOLD ENV; words after \"--\" go to the program\n");
    CHECK(parse("MAXCPUS=2 word")); // the kernel's; a process is told so
    CHECK(strstr(said, "BURROW_CPUS") != NULL);
    CHECK_STR(args(), "<word>");
    CHECK(!parse("MAXCPUS=0"));
    CHECK(parse("HOLD=5 word"));
    CHECK(strstr(said, "HOLD counts on a machine") != NULL);
    CHECK(!parse("HOLD=soon"));
    CHECK(strstr(said, "\"HOLD=soon\": expected a number of seconds") != NULL);
    CHECK(!parse("GODEBUG=gcverify=1,gctrac=1,leak=1")); // which of them
    CHECK(strstr(said, "leak=1\": \"gctrac=1\": expected trapstep=k, ") != NULL);
    CHECK(strstr(said, " oomkind=m, separated by commas\n") != NULL);
    CHECK(!parse("SLICE=1")); // and nothing of it later
    CHECK(strstr(said, "\"SLICE=1\": expected a duration") != NULL);
    CHECK(!parse("Gomaxprocs=2"));
    CHECK_STR(said, "command line: \"Gomaxprocs=2\": the knob is GOMAXPROCS, in capitals; words after \"--\" go to the program\n");
    CHECK(!parse("GOMAXPROCS=x"));
    CHECK_STR(said, "command line: \"GOMAXPROCS=x\": expected a number of cores from 1 to 256\n");
    CHECK(!parse("a \"b c"));
    CHECK(strstr(said, "not closed") != NULL);
    CHECK(!parse("a b\\"));
    CHECK(strstr(said, "backslash") != NULL);
}

static void environment(void) {
    CHECK(parse("ENV=A=1 GOMAXPROCS=3 ENV=B= \"ENV=C=two words\" ENV=A=x=y word ENV=D=1"));
    CHECK_EQ(c.envc, 3);
    CHECK_STR(c.envp[0], "A=x=y"); // the last one counts
    CHECK_STR(c.envp[1], "B=");
    CHECK_STR(c.envp[2], "C=two words");
    CHECK_PTR(c.envp[3], NULL);
    CHECK_EQ(c.knobs.gomaxprocs, 3);
    CHECK_STR(args(), "<word><ENV=D=1>");
    CHECK(parse("ENV=AB=1 ENV=A=2 ENV=ABC=3")); // names, not beginnings
    CHECK_EQ(c.envc, 3);
    static const char *const bad[] = {"ENV=", "ENV=A", "ENV==1"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        CHECK(!parse(bad[i]));
        CHECK(strstr(said, bad[i]) != NULL);
        CHECK_EQ(c.envc, 0);
    }
    char line[16 * (CMDLINE_ENV + 1)], *p = line;
    for (int i = 0; i < CMDLINE_ENV; i++)
        p += sprintf(p, "ENV=V%d=1 ", i);
    CHECK(parse(line));
    CHECK_EQ(c.envc, CMDLINE_ENV);
    sprintf(p, "ENV=W=1");
    CHECK(!parse(line));
    CHECK(strstr(said, "more than 64 variables") != NULL);
}

static void limits(void) {
    static char line[3 * CMDLINE_BYTES];
    memset(line, 'x', CMDLINE_BYTES - 1);
    line[CMDLINE_BYTES - 1] = 0;
    CHECK(parse(line));
    CHECK_EQ(strlen(c.argv[1]), CMDLINE_BYTES - 1);
    line[CMDLINE_BYTES - 1] = 'x', line[CMDLINE_BYTES] = 0;
    CHECK(!parse(line));
    CHECK(strstr(said, "too long") != NULL);
    char *p = line;
    for (int i = 1; i < CMDLINE_ARGS; i++)
        p += sprintf(p, "a ");
    CHECK(parse(line));
    CHECK_EQ(c.argc, CMDLINE_ARGS);
    sprintf(p, "a");
    CHECK(!parse(line));
    CHECK(strstr(said, "too many words") != NULL);
}

static void the_machines(void) {
    said[0] = 0;
    CHECK_EQ(rt_argc, 1);
    CHECK_STR(rt_argv[0], "main");
    CHECK(rt_cmdline("burrow", "GOMAXPROCS=2 --stats"));
    CHECK_EQ(rt_argc, 2);
    CHECK_STR(rt_argv[0], "burrow");
    CHECK_STR(rt_argv[1], "--stats");
    CHECK_PTR(rt_argv[2], NULL);
    CHECK_EQ(rt_knobs.gomaxprocs, 2);
    CHECK_PTR(rt_envp[0], NULL);
    CHECK(rt_cmdline("burrow", "ENV=A=1"));
    CHECK_STR(rt_envp[0], "A=1");
}

// Quoting any words and parsing them gives them back; random bytes do no harm.
static void random_lines(void) {
    static const char set[] = "GOMAXPROCSDEBUGLINV=0123456789 \"\\-,trapstep\t\n\xc3";
    for (int i = 0; i < 100000; i++) {
        char line[80];
        size_t n = test_below(sizeof line);
        for (size_t k = 0; k < n; k++)
            line[k] = set[test_below(sizeof set - 1)];
        line[n] = 0;
        parse(line);
        CHECK(c.argc >= 1 && c.argc <= CMDLINE_ARGS);
        args();
    }
    for (int i = 0; i < 20000; i++) {
        char words[4][8], line[128], want[64], *p = line, *w = want;
        int count = 1 + (int)test_below(4);
        p += sprintf(p, "-- ");
        *w = 0;
        for (int k = 0; k < count; k++) {
            size_t n = test_below(8), j = 0;
            for (; j < n; j++)
                words[k][j] = set[test_below(sizeof set - 1)];
            words[k][j] = 0;
            *p++ = '"';
            for (j = 0; words[k][j]; j++) {
                if (words[k][j] == '"' || words[k][j] == '\\') *p++ = '\\';
                *p++ = words[k][j];
            }
            p += sprintf(p, "\" ");
            w += sprintf(w, "<%s>", words[k]);
        }
        CHECK(parse(line));
        CHECK_STR(args(), want);
    }
}

int main(void) {
    RUN(words);
    RUN(knobs);
    RUN(refused);
    RUN(environment);
    RUN(limits);
    RUN(the_machines);
    RUN(random_lines);
    return test_done();
}
