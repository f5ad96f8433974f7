// error: chan_try_send: the value's type is not the channel's
#include "rt/burrow.h"

int main(void) {
    chan(u8) c = chan_make(u8, 1);
    u8 a = 1;
    return chan_try_send(c, a + 1); // an int
}
