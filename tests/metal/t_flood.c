// t_flood.c -- what a program has printed when it ends comes out whole, whichever core feeds the console by then.
//
// The text fills most of the console's ring, so the devices take it while the machine is ending, and another core's timer feeds them as well.
//
// judged by: tests/test_print.py
#include "metal.h"

enum { LINES = 3000, WIDTH = 40 };
static char block[LINES * WIDTH + 1];
static WaitGroup wg;

// On another core: its timer is the one that feeds the console.
static void begin(void *unused) {
    goroutine_pin(gomaxprocs(0) - 1);
    print_bytes(block, LINES / 2 * WIDTH);
    waitgroup_done(&wg);
}

int main(int argc, char **argv) {
    for (int i = 0; i < LINES; i++)
        str_format(block + i * WIDTH, WIDTH + 1, "line %-33d.\n", i);
    goroutine_pin(0);
    waitgroup_add(&wg, 1);
    go(begin, NULL);
    waitgroup_wait(&wg);
    print_bytes(block + LINES / 2 * WIDTH, LINES / 2 * WIDTH);
    return 0;
}
