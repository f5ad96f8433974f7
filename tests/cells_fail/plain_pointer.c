// error: A.next is a plain pointer in a heap object
// A plain pointer in an object: stores into it would miss the barrier.
#include "rt/burrow.h"

typedef struct A {
    long n;
    struct A *next;
} A;
TYPE_NOSCAN(A);

int main(void) {
    return (int)new (A)->n;
}
