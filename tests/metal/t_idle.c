// t_idle.c -- sleeps for as many seconds as its argument says, on every core: tests/test_idle.py measures what that costs.
//
// smp: 8
// expect: slept
#include "rt/burrow.h"

int main(int argc, char **argv) {
    int64_t seconds = 0;
    if (argc > 1 && !parse_int(string_of(argv[1]), 10, &seconds)) return 1;
    time_sleep(seconds * SECOND);
    println("slept");
    return 0;
}
