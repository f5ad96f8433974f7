// error: incompatible types when initializing type 'const char *' using type 'Any'
// A map's keys have a type.
#include "rt/burrow.h"

TYPE_MAP(String, int);

int main(void) {
    map(String, int) m = map_make(String, int);
    map_set(m, any_of(int, 3), 1);
    return 0;
}
