// error: N.u: a union of a cell and of something else
#include "rt/burrow.h"

typedef struct N {
    union {
        cell(Ptr) p;
        uintptr_t number;
    } u;
    union { // both are cells
        cell(Ptr) q;
        cell(Ptr) r;
    } v;
} N;
TYPE_STRUCT(N, u.p, v.q);

int main(void) {
    return (int)new (N)->u.number;
}
