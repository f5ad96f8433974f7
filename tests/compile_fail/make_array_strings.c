// error: 'object_type_String' undeclared
// A String is a pointer, too: StringCell.
#include "rt/burrow.h"

typedef struct Node {
    cell(struct Node *) next;
    cell(String) name;
    long count;
} Node;
TYPE_STRUCT(Node, next, name);

int main(void) {
    return make_array(String, 10) != NULL;
}
