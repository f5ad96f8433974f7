// A type and its descriptor in a function.
// error: LocalNode: the type and its descriptor must be declared outside of functions, where the build can check them
#include "rt/burrow.h"

int main(int argc, char **argv) {
    typedef struct LocalNode LocalNode;
    struct LocalNode {
        LocalNode *next;
        long v;
    };
    TYPE_NOSCAN(LocalNode);
    LocalNode *n = new (LocalNode);
    n->next = new (LocalNode);
    return (int)n->next->v;
}
