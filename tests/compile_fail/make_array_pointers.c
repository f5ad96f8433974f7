// error: in the heap, pointers are cells: TYPE_CELL(NameCell, Name)
// Plain pointers in the heap would be stored without the barrier.
#include "rt/burrow.h"

typedef struct Node {
    cell(struct Node *) next;
    cell(String) name;
    long count;
} Node;
TYPE_STRUCT(Node, next, name);

typedef Node *NodePtr;
TYPE_POINTER(NodePtr);

int main(void) {
    return make_array(NodePtr, 10) != NULL;
}
