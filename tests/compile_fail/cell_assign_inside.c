// error: assignment of read-only member 'v_'
// Nor through the member of the cell.
#include "rt/burrow.h"

typedef struct Node {
    cell(struct Node *) next;
    cell(String) name;
    long count;
} Node;
TYPE_STRUCT(Node, next, name);

int main(void) {
    Node *n = new (Node);
    n->next.v_ = n;
    return 0;
}
