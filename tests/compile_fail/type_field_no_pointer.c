// error: Node.count is not a pointer
// TYPE_STRUCT names pointers only.
#include "rt/burrow.h"

typedef struct Node {
    struct Node *next;
    long count;
} Node;
TYPE_STRUCT(Node, next, count);

int main(void) {
    return new (Node)->next != NULL;
}
