// error: missing initializer for field 'n' of 'String'
// A C string is no String: string_of.
#include "rt/burrow.h"

TYPE_MAP(String, int);

int main(void) {
    map(String, int) m = map_make(String, int);
    return map_get(m, "x");
}
