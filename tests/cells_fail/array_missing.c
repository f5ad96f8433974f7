// error: D.child[1] is not listed in TYPE_STRUCT(D, ...)
// One element of an array of cells.
#include "rt/burrow.h"

typedef struct D {
    cell(Ptr) child[3];
} D;
TYPE_STRUCT(D, child[0], child[2]);

int main(void) {
    return cell_get(new (D)->child[0]) != NULL;
}
