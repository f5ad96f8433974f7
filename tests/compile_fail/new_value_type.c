// error: 'object_type_Pair' undeclared
// A type with plain pointers is for channels and maps, not for the program to write to in the heap.
#include "rt/burrow.h"

typedef struct Node {
    cell(struct Node *) next;
    cell(String) name;
    long count;
} Node;
TYPE_STRUCT(Node, next, name);

typedef struct Pair {
    Node *left, *right;
} Pair;
TYPE_VALUE(Pair, left, right);

int main(void) {
    return new (Pair)->left != NULL;
}
