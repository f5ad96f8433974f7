// error: in the heap, pointers are cells: TYPE_CELL(NameCell, Name)
// The elements of a slice of pointers are cells.
#include "rt/burrow.h"

typedef int *IntPtr;
TYPE_POINTER(IntPtr);
TYPE_SLICE(IntPtr);

int main(void) {
    slice(IntPtr) s = slice_make(IntPtr, 3);
    return s.p[0] != NULL;
}
