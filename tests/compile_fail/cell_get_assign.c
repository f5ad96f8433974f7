// error: assignment of read-only member 'v_'
// cell_get is for reading.
#include "rt/burrow.h"

typedef struct Node {
    cell(String) name;
} Node;
TYPE_STRUCT(Node, name);

int main(void) {
    Node *n = new (Node);
    println("%.*s", str_arg(cell_get(n->name)));
    cell_get(n->name) = string_of("x");
    return 0;
}
