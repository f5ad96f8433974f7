// error: C.c is a plain pointer in a heap object
// A channel is a pointer, function pointers and static ones are none.
#include "rt/burrow.h"

typedef struct C {
    void (*fn)(void *);
    static_ptr(const char *) name;
    chan(int) c;
} C;
TYPE_NOSCAN(C);

int main(void) {
    return new (C)->fn != NULL;
}
