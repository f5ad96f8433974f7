// t_print.c -- more output than any console buffers, from several goroutines at once, and formats of all
// kinds. Its lines come in no fixed order. Arguments: goroutines lines.
//
// judged by: tests/test_print.py
#include "rt/burrow.h"

TYPE_NOSCAN(WaitGroup);

typedef struct Writer {
    int id, lines;
    cell(WaitGroup *) running;
} Writer;
TYPE_STRUCT(Writer, running);

// "line ID N L xxx...": L letters.
static void writer(void *arg) {
    Writer *w = arg;
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz";
    for (int i = 0; i < w->lines; i++) {
        StrBuf b = {0};
        int n = (i * 37 + w->id * 101) % 600;
        while (b.n < (size_t)n)
            strbuf_add(&b, letters, (size_t)n - b.n < 26 ? (size_t)n - b.n : 26);
        String text = strbuf_string(&b);
        println("line %d %d %d %.*s", w->id, i, n, str_arg(text));
    }
    waitgroup_done(cell_get(w->running));
}

static void formats(void) {
    println("numbers %g %g %.16g %f %5.1e|%-8d|%08x|%c|%%", 0.5, 1e100, 3.141592653589793, -1.0, 12345.678,
            42, 0xbeef, 'x');
    println("spilled %d %d %d %d %d %d %d %g %g %g %g %g %g %g %g %g %g", 1, 2, 3, 4, 5, 6, 7, .5, 1.5, 2.5,
            3.5, 4.5, 5.5, 6.5, 7.5, 8.5, 9.5);
    StrBuf b = {0};
    for (int i = 0; i < 20; i++)
        strbuf_format(&b, "%d,", i);
    println("growing %s %zu", b.text, b.n);
    char cut[8];
    size_t n = str_format(cut, sizeof cut, "%s", "0123456789");
    println("cut %s %zu", cut, n);
    print_bytes("bytes a\0b\n", 10);
    println("%*d|", 300000, 7); // longer than any buffer, from one format
}

int main(int argc, char **argv) {
    int64_t goroutines = 0, lines = 0;
    if (argc != 3 || !parse_int(string_of(argv[1]), 10, &goroutines) ||
        !parse_int(string_of(argv[2]), 10, &lines))
        return 1;
    formats();
    WaitGroup *running = new (WaitGroup);
    waitgroup_add(running, (int)goroutines);
    for (int i = 0; i < goroutines; i++) {
        Writer *w = new (Writer);
        w->id = i;
        w->lines = (int)lines;
        cell_set(w->running, running);
        go(writer, w);
    }
    waitgroup_wait(running);
    println("print ok");
    return 0;
}
