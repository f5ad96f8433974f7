// t_escape.c -- gives a goroutine the address of a local variable of another. It is waited for, so the release build runs it; the
// debug build refuses it at the call that lets the address out (tests/test_debug.py): "go", or with an argument "chan", "select" or "cell".
//
// expect: 7
#include "rt/burrow.h"

typedef int *IntPtr;
TYPE_POINTER(IntPtr);

typedef struct Holder {
    cell(int *) p;
} Holder;
TYPE_STRUCT(Holder, p);

static WaitGroup done;
static void child(void *p) {
    println("%d", *(int *)p);
    waitgroup_done(&done);
}

int main(int argc, char **argv) {
    int local = 7;
    chan(IntPtr) c = chan_make(IntPtr, 1);
    if (argc > 1 && strcmp(argv[1], "chan") == 0) chan_send(c, &local);
    if (argc > 1 && strcmp(argv[1], "select") == 0) chan_select(case_send(c, &local), case_default());
    if (argc > 1 && strcmp(argv[1], "cell") == 0) cell_set(new (Holder)->p, &local);
    waitgroup_add(&done, 1);
    go(child, &local);
    waitgroup_wait(&done);
    return 0;
}
