// error: 'type_Node' undeclared
// What has no type descriptor cannot be allocated.
#include "rt/burrow.h"

typedef struct Node {
    struct Node *next;
} Node;

int main(void) {
    Node *n = new (Node);
    return n->next != NULL;
}
