// error: case_recv: not a pointer to the channel's type
#include "rt/burrow.h"

int main(void) {
    chan(int) c = chan_make(int, 1);
    short v;
    return chan_select(case_recv(c, &v), case_default());
}
