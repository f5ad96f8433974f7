// error: Node.count is not a cell
// TYPE_STRUCT lists cells only.
#include "rt/burrow.h"

typedef struct Node {
    cell(struct Node *) next;
    long count;
} Node;
TYPE_STRUCT(Node, next, count);

int main(void) {
    return cell_get(new (Node)->next) != NULL;
}
