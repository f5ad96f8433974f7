// driver.c -- runs test programs of Go that are linked into one image, one after another.
//
//     IMAGE [knobs] -- NUMBER[,ARGUMENT...]...       numbers of the image's table, which scripts/go_pack.py makes
//
// Each program keeps its package main to itself (its names are local to its object) and brings its own start, which calls the init functions of all
// packages it needs: those of the library run again for each program. Between two programs the knobs that Go code can turn get their values
// back; goroutines that a program leaves behind go on, as rubbish does that it made. A program that needs a machine to itself is run in one boot of its own
// (scripts/go_tests.py). The lines written here, beginning with @@go, tell the harness which program the output between them belongs to.
#include "rt/burrow.h"

typedef struct GoString { const char *p; long n; } GoString;
typedef struct GoStrings { GoString *p; long len, cap; } GoStrings;
typedef struct Program { void (*init)(void), (*main)(void); } Program;
typedef struct Entry { const char *name; const Program *program; } Entry;

extern const Entry pack_programs[];
extern const long pack_count;

GoStrings go_args(void) __asm__("os.runtime__args");
long go_gomaxprocs(long n) __asm__("runtime.GOMAXPROCS");
int go_gc_percent(int percent) __asm__("runtime_1debug.setGCPercent");
long go_max_stack(long bytes) __asm__("runtime_1debug.setMaxStack");
void go_gc(void) __asm__("runtime.GC");
extern GoStrings go_os_args __asm__("os.Args");
extern void *go_stdin __asm__("os.Stdin"), *go_stdout __asm__("os.Stdout"), *go_stderr __asm__("os.Stderr");

void init(void) __asm__("__go_init_main");
void run(void) __asm__("main.main");

void init(void) {}

static long length(const char *s) {
    long n = 0;
    while (s[n])
        n++;
    return n;
}

// Splits "7,a,b" at its commas, the words behind the number into words[1...]; returns how many words there are with the first.
static long split(GoString s, long *number, GoString *words, long room) {
    long n = 1, i = 0;
    *number = 0;
    for (; i < s.n && s.p[i] >= '0' && s.p[i] <= '9'; i++)
        *number = *number * 10 + s.p[i] - '0';
    while (i < s.n && s.p[i] == ',' && n < room) {
        long from = ++i;
        while (i < s.n && s.p[i] != ',')
            i++;
        words[n++] = (GoString){s.p + from, i - from};
    }
    return i == s.n && i > 0 ? n : 0;
}

static GoString words[8]; // of the program that runs

// The files that package os has made so far. Its init functions replace them for each program; a replaced one is garbage, whose finalizer would
// close descriptor 1 for all programs behind it.
void *pack_files[512][3]; // not static: nobody reads it but the collector, and gcc would leave it out

static void keep_files(long n) {
    if (n >= (long)(sizeof pack_files / sizeof *pack_files)) {
        println("@@go: more than %ld programs in a boot", n);
        program_exit(1);
    }
    pack_files[n][0] = go_stdin, pack_files[n][1] = go_stdout, pack_files[n][2] = go_stderr;
}

void run(void) {
    GoStrings args = go_args();
    long procs = go_gomaxprocs(0), stack = go_max_stack(1 << 30);
    int percent = go_gc_percent(100);
    go_gc_percent(percent);
    go_max_stack(stack);
    for (long i = 1; i < args.len; i++) {
        long number, n = split(args.p[i], &number, words, 8);
        if (n == 0 || number >= pack_count) {
            println("@@go: argument %ld is not the number of a program", i);
            program_exit(1);
        }
        const Entry *p = &pack_programs[number];
        words[0] = (GoString){p->name, length(p->name)};
        keep_files(i);
        println("@@go begin %s", p->name);
        p->program->init();
        go_os_args = (GoStrings){words, n, n};
        p->program->main();
        println("@@go end %s", p->name);
        go_gomaxprocs(procs);
        go_gc_percent(percent);
        go_max_stack(stack);
    }
}
