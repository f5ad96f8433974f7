// error: invalid initializer
// A slice is of one type.
#include "rt/burrow.h"

int main(void) {
    slice(long) s = slice_make(long, 3);
    slice(int) t = slice_append(int, s, 1);
    return (int)t.n;
}
