// error: lvalue required
// str_arg evaluates its argument several times: no calls.
#include "rt/burrow.h"

int main(void) {
    println("%.*s", str_arg(string_of_int(42)));
    return 0;
}
