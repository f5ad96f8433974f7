// error: incompatible types when initializing
// What is received has the channel's type.
#include "rt/burrow.h"

int main(void) {
    chan(String) c = chan_make(String, 1);
    int v = chan_recv(c);
    return v;
}
