// error: V.name is not listed in TYPE_VALUE(V, ...)
// A value type lists its plain pointers.
#include "rt/burrow.h"

typedef struct V {
    String name;
    int *p;
} V;
TYPE_VALUE(V, p);

int main(void) {
    chan(V) c = chan_make(V, 1);
    V v = chan_recv(c);
    return v.p != NULL;
}
