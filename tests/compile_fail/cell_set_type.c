// error: incompatible pointer type 'int *'
// A cell has a type.
#include "rt/burrow.h"

typedef struct Node {
    cell(struct Node *) next;
    cell(String) name;
    long count;
} Node;
TYPE_STRUCT(Node, next, name);

int main(void) {
    Node *n = new (Node);
    cell_set(n->next, new (int));
    return 0;
}
