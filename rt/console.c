// console.c -- reading the consoles: lines that can be edited, or bytes as they come.
//
// Bytes are edited and shown by the goroutine that reads, not by the interrupt that brought them: so showing
// them may wait for the console like any output, and what is typed before anybody reads waits in the ring
// (input.c).
//
// Lock: `reader`, a Mutex: one goroutine has the line and the ring's reading end; it parks with it.
#include "api/console.h"
#include "api/fmt.h"
#include "api/sync.h"
#include "core.h"
#include "input.h"

#define LINE_BYTES 4096u // as Linux's terminals: what does not fit is not taken
#define CTRL(c)    ((c) - '@')
#define DELETE     0x7f

static Mutex reader;
static struct {
    char text[LINE_BYTES];
    size_t n;       // bytes of the line, or of what is left of it
    size_t at;      // of these, handed over
    uint8_t escape; // 1: ESC was typed, 2: inside of a sequence
    bool complete;  // a line's end was typed: the rest of it is handed over before more is taken
} line;
static _Atomic uint32_t mode = CONSOLE_LINES;
static _Atomic uint32_t echo_off;
static bool started;
static PlatInput source; // under reader

static void start(void *unused) {
    source = plat_input_start();
}

static void show(const char *s, size_t n) {
    if (!load_relaxed(&echo_off)) print_bytes(s, n);
}

static bool take_back(void) {
    if (line.n == 0) return false;
    while (line.n > 1 && ((uint8_t)line.text[line.n - 1] & 0xc0) == 0x80) // the rest of a UTF-8 sequence
        line.n--;
    line.n--;
    return true;
}

static void add(char c) {
    if (line.n == LINE_BYTES - 1) { // room for the '\n'
        show("\a", 1);
        return;
    }
    line.text[line.n++] = c;
    char shown[2] = {'^', (char)(c + '@')};
    if ((uint8_t)c < ' ' && c != '\t')
        show(shown, 2);
    else
        show(&c, 1);
}

static void end_line(bool newline) {
    if (newline) {
        line.text[line.n++] = '\n';
        show("\n", 1);
    }
    line.complete = true;
}

// Cursor and function keys send ESC, '[' or 'O', parameters, a letter or '~' (ECMA-48): nothing that belongs
// into a line. True: c is part of that.
static bool skip_sequence(char c) {
    uint8_t before = line.escape;
    line.escape = 0;
    if (before == 1 && (c == '[' || c == 'O')) line.escape = 2;
    if (before == 2 && c >= ' ' && c < '@') line.escape = 2;
    if (c == CTRL('[')) line.escape = 1;
    return line.escape || (before == 2 && c >= '@');
}

// One byte of a line that is being typed.
static void edit(char c) {
    if (skip_sequence(c)) return;
    switch (c) {
    case '\r':
    case '\n':
        end_line(true);
        break;
    case '\b':
    case DELETE:
        if (take_back()) show("\b \b", 3);
        break;
    case CTRL('U'):
        while (take_back())
            show("\b \b", 3);
        break;
    case CTRL('C'):
        line.n = 0;
        show("^C\n", 3);
        break;
    case CTRL('D'):
        end_line(false);
        break;
    default:
        add(c);
        break;
    }
}

// A byte, or -1 at the end of input.
static int next_byte(void) {
    for (;;) {
        bool over = input_over();
        int b = input_take();
        if (b >= 0 || over) return b;
        input_wait();
    }
}

static intptr_t read_line(char *buf, size_t n) {
    while (!line.complete) {
        int b = next_byte();
        if (b < 0)
            end_line(false);
        else
            edit((char)b);
    }
    size_t i = 0;
    while (i < n && line.at < line.n)
        buf[i++] = line.text[line.at++];
    if (line.at == line.n) {
        line.at = line.n = 0;
        line.complete = false;
    }
    return (intptr_t)i;
}

static intptr_t read_raw(char *buf, size_t n) {
    size_t i = 0;
    int b = next_byte();
    for (; b >= 0; b = i < n ? input_take() : -1)
        buf[i++] = (char)b;
    return (intptr_t)i;
}

intptr_t console_read(void *buf, size_t n) {
    if (n == 0) return 0;
    mutex_lock(&reader);
    if (!started) {
        sys_call(start, NULL);
        started = true;
    }
    if (source == PLAT_INPUT_NONE) input_end();
    bool raw = source == PLAT_INPUT_HOST || load_relaxed(&mode) == CONSOLE_RAW;
    intptr_t got = raw && !line.complete ? read_raw(buf, n) : read_line(buf, n);
    mutex_unlock(&reader);
    RT_DOOR();
    return got;
}

ConsoleMode console_mode(ConsoleMode m) {
    return exchange(&mode, m);
}
bool console_echo(bool on) {
    return !exchange(&echo_off, !on);
}
