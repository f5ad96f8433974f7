// error: 'type_Node' undeclared
// What has no type descriptor cannot be allocated.
#include "rt/burrow.h"

typedef struct Node {
    cell(struct Node *) next;
} Node;

int main(void) {
    Node *n = new (Node);
    return cell_get(n->next) != NULL;
}
