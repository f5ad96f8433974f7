// error: assignment of read-only member 'next'
// From one cell to another.
#include "rt/burrow.h"

typedef struct Node {
    cell(struct Node *) next;
    cell(String) name;
    long count;
} Node;
TYPE_STRUCT(Node, next, name);

int main(void) {
    Node *n = new (Node);
    n->next = n->next;
    return 0;
}
