// error: N.part.p is a plain pointer in a heap object
// In a struct or union inside.
#include "rt/burrow.h"

typedef struct N {
    cell(Ptr) q;
    struct {
        union {
            long number;
            int *p;
        };
    } part;
} N;
TYPE_STRUCT(N, q);

int main(void) {
    return new (N)->part.p != NULL;
}
