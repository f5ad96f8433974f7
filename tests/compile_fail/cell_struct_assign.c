// error: assignment of read-only location '*n'
// A whole struct with cells in it: value_copy.
#include "rt/burrow.h"

typedef struct Node {
    cell(struct Node *) next;
    cell(String) name;
    long count;
} Node;
TYPE_STRUCT(Node, next, name);

int main(void) {
    Node *n = new (Node), *m = new (Node);
    *n = *m;
    return 0;
}
