// error: from incompatible pointer type
// The type given to chan_make is the variable's.
#include "rt/burrow.h"

int main(void) {
    chan(int) c = chan_make(u8, 1);
    return chan_len(c) != 0;
}
