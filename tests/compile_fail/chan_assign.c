// error: from incompatible pointer type
// Channels of different types are different types.
#include "rt/burrow.h"

int main(void) {
    chan(int) c = chan_make(int, 1);
    chan(long) d = c;
    return chan_len(d) != 0;
}
