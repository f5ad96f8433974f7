// deadlock.c -- main waits for a message that nobody can send any more. The runtime notices and says who
// waits where; status 2.
//
// expect: fatal error: all goroutines are asleep - deadlock!
// expect:
// expect: goroutine 1 [chan receive]:
// expect-re: main\(.*\)
// expect-re: \tapps/deadlock.c:\d+ \+0x[0-9a-f]+
// expect:
// status: 2
#include "rt/burrow.h"

static void forgetful(void *arg) {
    // returns without sending
}

int main(int argc, char **argv) {
    chan(int) answer = chan_make(int, 0);
    go(forgetful, answer);
    println("the answer is %d", chan_recv(answer));
    return 0;
}
