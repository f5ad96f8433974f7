// error: chan_recv_ok: not a pointer to the channel's type
#include "rt/burrow.h"

int main(void) {
    chan(int) c = chan_make(int, 1);
    long v;
    return chan_recv_ok(c, &v);
}
