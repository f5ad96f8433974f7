// panic.c -- panics: one that a deferred call recovers, and one that ends the program with a goroutine's
// trace; status 2.
//
// expect: careful: recovered: runtime error: index out of range [5] with length 3
// expect: -1
// expect: panic: runtime error: index out of range [5] with length 3
// expect:
// expect: goroutine 1 [running]:
// expect-re: main\(.*\)
// expect-re: \tapps/panic.c:\d+ \+0x[0-9a-f]+
// expect:
// status: 2
#include "rt/burrow.h"

static void report(void *what) {
    Any value = recover();
    println("%s: recovered: %s", (const char *)what, panic_text(value));
}

static int element(const int *v, int n, int i) {
    return v[check_index(i, n)];
}

// Returns -1 if the index is out of range.
static int careful(const int *v, int n, int i) {
    catch_panics(-1);
    defer(report, "careful");
    return element(v, n, i);
}

int main(int argc, char **argv) {
    static const int primes[] = {2, 3, 5};
    println("%d", careful(primes, 3, 5));
    println("%d", element(primes, 3, 5));
    return 0;
}
