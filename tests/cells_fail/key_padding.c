// error: TYPE_KEY(K): padding, floating point or a pointer; use TYPE_KEY_WITH or TYPE_KEY_BY (rt/api/map.h)
// Bytes that nobody sets would decide whether keys are equal.
#include "rt/burrow.h"

typedef struct K {
    int a;
    long b;
} K;
TYPE_KEY(K);
TYPE_MAP(K, int);

int main(void) {
    map(K, int) m = map_make(K, int);
    return map_get(m, ((K){1, 2}));
}
