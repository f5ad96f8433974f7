// error: chan_send: the value's type is not the channel's
// A floating constant does not become an integer by the way.
#include "rt/burrow.h"

int main(void) {
    chan(int) c = chan_make(int, 1);
    chan_send(c, 1.5);
    return 0;
}
