// t_hugeroom.c -- more room than there are addresses is what any too large stack is: an overflow, not a sum that wraps.
//
// status: 2
// contains: runtime: goroutine stack exceeds 1000000000-byte limit
// contains: fatal error: stack overflow
#include "check.h"

static void never(void *unused) { println("it ran"); }

int main(void) {
    call_with_stack((size_t)-1, never, NULL);
    return 0;
}
