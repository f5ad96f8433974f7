// error: chan_send: the value's type is not the channel's
// Pointers to other types are other types.
#include "rt/burrow.h"

typedef int *IntPtr;
TYPE_POINTER(IntPtr);

int main(void) {
    chan(IntPtr) c = chan_make(IntPtr, 1);
    chan_send(c, "text");
    return 0;
}
