// echo.c -- says back each line that is typed at the console, until the end of input (Ctrl-D) or "quit".
//
//     make run APP=echo QEMU_ARGS='-device qemu-xhci -device usb-kbd'
//
// judged by: tests/test_input.py
#include "rt/burrow.h"

// A read of a terminal brings one line, of a file or pipe whatever is there.
static char buffer[256];
static size_t have, used;

static int next_byte(void) {
    if (used == have) {
        intptr_t n = console_read(buffer, sizeof buffer);
        if (n == 0) return -1;
        have = (size_t)n;
        used = 0;
    }
    return (unsigned char)buffer[used++];
}

// Bytes of the next line, cut to `room`; -1: no more.
static int next_line(char *line, int room) {
    int n = 0, c;
    while ((c = next_byte()) >= 0 && c != '\n')
        if (n < room) line[n++] = (char)c;
    return c < 0 && n == 0 ? -1 : n;
}

int main(int argc, char **argv) {
    char line[200];
    int lines = 0, n;
    println("type something");
    while ((n = next_line(line, sizeof line)) >= 0) {
        if (n == 4 && memcmp(line, "quit", 4) == 0) break;
        lines++;
        print("you typed: ");
        print_bytes(line, (size_t)n);
        print("\n");
    }
    println("%d lines", lines);
    return 0;
}
