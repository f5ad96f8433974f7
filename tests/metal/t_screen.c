// t_screen.c -- says numbered lines, then what is typed: tests/test_screen.py looks at the screen.
//
// judged by: tests/test_screen.py
#include "metal.h"

int main(int argc, char **argv) {
    char line[80];
    long n = arg_number(argc, argv, 1, 300);
    for (long i = 0; i < n; i++)
        println("line %ld of %ld: The quick brown fox jumps over the lazy dog, 0123456789 {[(<>)]} "
                "#$%%&*+-/=?@^_|~",
                i, n);
    println("ready");
    for (intptr_t got; (got = console_read(line, sizeof line)) > 0;) {
        print("typed: ");
        print_bytes(line, (size_t)got);
    }
    return 0;
}
