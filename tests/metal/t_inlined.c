// t_inlined.c -- a trace names the program's line, not the one of the public header's inline function.
//
// status: 2
// expect: fatal error: all goroutines are asleep - deadlock!
// expect:
// expect: goroutine 1 [sync.Mutex.Lock]:
// expect: main(...)
// expect-re: \ttests/metal/t_inlined.c:16 \+0x[0-9a-f]+
// expect:
#include "rt/burrow.h"

int main(int argc, char **argv) {
    static Mutex a;
    if (argc > 5) mutex_lock(&a);
    mutex_lock(&a);
    mutex_lock(&a);
}
