// error: chan_send: the value's type is not the channel's
// A channel takes values of its own type only: a long is not an int.
#include "rt/burrow.h"

int main(void) {
    chan(int) c = chan_make(int, 1);
    long v = 1;
    chan_send(c, v);
    return 0;
}
