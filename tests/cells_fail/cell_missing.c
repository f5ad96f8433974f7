// error: B.name is not listed in TYPE_STRUCT(B, ...)
// A cell that the descriptor does not know: what it leads to would be freed.
#include "rt/burrow.h"

typedef struct B {
    cell(struct B *) next;
    cell(String) name;
} B;
TYPE_STRUCT(B, next);

int main(void) {
    return cell_get(new (B)->next) != NULL;
}
