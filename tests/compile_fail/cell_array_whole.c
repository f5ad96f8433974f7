// error: Node.child is not a cell
// An array of cells is listed as each(child).
#include "rt/burrow.h"

typedef struct Node {
    cell(struct Node *) child[4];
} Node;
TYPE_STRUCT(Node, child);

int main(void) {
    return 0;
}
