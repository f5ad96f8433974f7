// error: case_send: the value's type is not the channel's
#include "rt/burrow.h"

int main(void) {
    chan(int) c = chan_make(int, 1);
    double v = 1;
    return chan_select(case_send(c, v), case_default());
}
